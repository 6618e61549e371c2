"""The vocabulary of a model: tokens, their ids, and the special ones among them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from installation import existing_or_shipped
from phonetics.normalisation import one_spelling
from phonetics.notation.long_consonants import long_form, spell_long
from untrusted.files import FileError, read_text

BLANK_NAMES = ("[PAD]", "<pad>")
UNKNOWN_NAMES = ("[UNK]", "<unk>")
WORD_DELIMITER = "|"
_MOST_BYTES = 4 * 2**20
SPECIALS = frozenset((*BLANK_NAMES, *UNKNOWN_NAMES, "<s>", "</s>"))


class VocabularyError(ValueError):
    """A vocabulary is not valid, or a label has phonemes outside it."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, in the form of Hugging Face's CTC tokenizers; the padding token is the CTC blank.

    A phoneme is found by its token, or by any other way to write the same characters: composed or not,
    ``g`` or ``ɡ``. Decoding returns the token.

    >>> vocabulary = Vocabulary(("[PAD]", "[UNK]", "a", "tʃ"))
    >>> vocabulary.encode(["tʃ", "a"])
    [3, 2]
    >>> vocabulary.decode([3, 2])
    ['tʃ', 'a']
    >>> Vocabulary(("[PAD]", "g")).encode(["ɡ"])
    [1]
    """

    tokens: tuple[str, ...]
    # Whether two tokens may be two spellings of one phoneme, as in other programs' models; the first counts.
    tolerant: bool = field(default=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse repeated tokens and a missing blank, which would cause silent errors later."""
        repeated = sorted(token for token, count in Counter(self.tokens).items() if count > 1)
        if repeated:
            raise VocabularyError(f"Vocabulary: every token must be there once, repeated: {repeated}")
        try:
            "".join(self.tokens).encode()
        except UnicodeEncodeError as error:  # JSON can spell them
            raise VocabularyError(
                f"Vocabulary: every token must be text, half a character is not: {error}"
            ) from error
        if not any(name in self.tokens for name in BLANK_NAMES):
            raise VocabularyError(
                f"Vocabulary: one token must be the blank, named {' or '.join(BLANK_NAMES)}; none is"
            )
        object.__setattr__(self, "_ids", {token: index for index, token in enumerate(self.tokens)})
        object.__setattr__(self, "_spellings", self._ids_by_spelling())

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def ids(self) -> dict[str, int]:
        """Map tokens to ids."""
        return self.__dict__["_ids"]

    def id_of(self, phoneme: str) -> int | None:
        """Return the id of a phoneme in any spelling; the exact spelling of a token goes first."""
        place = self.ids.get(phoneme)
        return self.__dict__["_spellings"].get(one_spelling(phoneme)) if place is None else place

    def token_of(self, phoneme: str) -> str:
        """Return the token of a phoneme, or the phoneme itself where there is none."""
        place = self.id_of(phoneme)
        return phoneme if place is None else self.tokens[place]

    def _ids_by_spelling(self) -> dict[str, int]:
        spelled = {
            phoneme: self.ids[phoneme] for phoneme in self.phonemes if phoneme == one_spelling(phoneme)
        }
        exact = set(spelled)
        for phoneme in self.phonemes:
            spelling = one_spelling(phoneme)
            other = spelled.setdefault(spelling, self.ids[phoneme])
            if spelling not in exact and other != self.ids[phoneme] and not self.tolerant:
                raise VocabularyError(
                    f"Vocabulary: {self.tokens[other]!a} and {phoneme!a} are two ways to write {spelling}, "
                    f"labels could mean either; leave one of them out"
                )
        return spelled

    @property
    def blank_id(self) -> int:
        """Return the id of the CTC blank."""
        return next(self.ids[name] for name in BLANK_NAMES if name in self.ids)

    @property
    def unknown_id(self) -> int | None:
        """Return the id for phonemes outside the vocabulary, where there is one."""
        return next((self.ids[name] for name in UNKNOWN_NAMES if name in self.ids), None)

    @property
    def word_delimiter(self) -> str | None:
        """Return the token between words, where the vocabulary has one."""
        return WORD_DELIMITER if WORD_DELIMITER in self.ids else None

    @property
    def phonemes(self) -> tuple[str, ...]:
        """Return the tokens that are phonemes."""
        return tuple(token for token in self.tokens if token not in {*SPECIALS, WORD_DELIMITER})

    @property
    def doubled(self) -> tuple[str, ...]:
        """Return the phonemes that version 1 of the vocabularies writes doubled: ``ss``, now ``sː``."""
        return tuple(phoneme for phoneme in self.phonemes if long_form(phoneme) != phoneme)

    def spelled(self, phonemes: Iterable[str]) -> list[str]:
        """Spell long consonants as this vocabulary has them: as one phoneme or as two.

        >>> Vocabulary(("[PAD]", "l", "lː")).spelled(["l", "l"]), Vocabulary(("[PAD]", "l")).spelled(["lː"])
        (['lː'], ['l', 'l'])
        """
        spelled = spell_long(list(phonemes), lambda phoneme: self.id_of(phoneme) is not None)
        return [phoneme for phoneme, _ in spelled]

    def encode(self, phonemes: Iterable[str]) -> list[int]:
        """Map phonemes to ids; those outside the vocabulary raise an error that names them."""
        return self.ids_of(self.spelled(phonemes))

    def ids_of(self, phonemes: Sequence[str]) -> list[int]:
        """Map phonemes to ids as ``encode`` does, but leave two consonants in a row apart."""
        ids = [self.id_of(phoneme) for phoneme in phonemes]
        unknown = sorted({phoneme for phoneme, place in zip(phonemes, ids, strict=True) if place is None})
        if unknown:
            raise VocabularyError(f"Vocabulary: phonemes must be in the vocabulary, these are not: {unknown}")
        return [place for place in ids if place is not None]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Map ids to tokens."""
        return [self.tokens[index] for index in ids]

    @classmethod
    def from_file(cls, path: str | Path) -> "Vocabulary":
        """Read a JSON object of token → id, also a shipped one by its path in the project."""
        path = existing_or_shipped(path)
        return cls(_tokens_by_id(_read_pairs(path), path))

    def to_json(self) -> str:
        """Write the same JSON object, one token a line."""
        return json.dumps(self.ids, ensure_ascii=False, indent=0) + "\n"


def _read_pairs(path: Path) -> list[tuple[str, int]]:
    """Read the object as pairs, so that a repeated token is found."""
    if not path.is_file():
        raise VocabularyError(
            f"Vocabulary: the file must exist, {path} does not; give model.vocab_file a JSON file"
        )
    try:
        pairs = json.loads(read_text(path, most_bytes=_MOST_BYTES), object_pairs_hook=list)
    except FileError as error:
        raise VocabularyError(f"Vocabulary: {error}") from error
    except (ValueError, RecursionError) as error:
        raise VocabularyError(f"Vocabulary: {path} must be JSON in UTF-8: {error}") from error
    if not isinstance(pairs, list) or not all(_is_token_pair(pair) for pair in pairs):
        raise VocabularyError(f"Vocabulary: {path} must be one JSON object of token → id (a whole number)")
    return pairs


def _is_token_pair(pair: object) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is int


def _tokens_by_id(pairs: Sequence[tuple[str, int]], path: Path) -> tuple[str, ...]:
    ids = [index for _, index in pairs]
    repeated = sorted(index for index, count in Counter(ids).items() if count > 1)
    if repeated:
        shared = {index: [token for token, other in pairs if other == index] for index in repeated}
        raise VocabularyError(f"Vocabulary: {path}: every id must belong to one token, shared ids: {shared}")
    if sorted(ids) != list(range(len(ids))):
        missing = sorted(set(range(len(ids))) - set(ids))[:5]
        raise VocabularyError(
            f"Vocabulary: {path}: ids must run from 0 to {len(ids) - 1} without gaps, missing: {missing}"
        )
    return tuple(token for token, _ in sorted(pairs, key=lambda pair: pair[1]))
