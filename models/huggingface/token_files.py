"""The tokens of a Hugging Face CTC model, read from its files: no tokenizer is built, so none needs espeak.

The special tokens get the names of this project: the blank is ``[PAD]``, words are separated by ``|``.
"""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from phonetics.articulation import segments_of
from phonetics.vocabulary import BLANK_NAMES, SPECIALS, UNKNOWN_NAMES, WORD_DELIMITER, Vocabulary
from untrusted.files import FileError
from untrusted.json_text import read_json
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform, conform_fields

FindFile = Callable[[str], Path | None]
TokenKind = Literal["phonemes", "letters"]

_MOST_TOKENS = 200_000
_MOST_BYTES = 64 * 2**20  # of tokenizer.json
_PHONEME_TOKENIZER = "Wav2Vec2PhonemeCTCTokenizer"
_DEFAULTS = {
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "word_delimiter_token": WORD_DELIMITER,
}
_NEW_NAMES = {
    "pad_token": BLANK_NAMES[0],
    "unk_token": UNKNOWN_NAMES[0],
    "bos_token": "<s>",
    "eos_token": "</s>",
    "word_delimiter_token": WORD_DELIMITER,
}
_SETTINGS: dict[str, Any] = {
    **dict.fromkeys(_DEFAULTS, str | dict[str, Any] | None),
    **dict.fromkeys(("target_lang", "tokenizer_class"), str | None),
    "added_tokens_decoder": dict[str, dict[str, Any]] | None,
}
_TABLE = dict[str, int] | list[tuple[str, float]]  # of tokenizer.json
_MOST_DIGITS = 9  # of an id
# Letters of the IPA that are also letters of common alphabets, so that they prove nothing.
_ALSO_LETTERS = set("æøœçðþβθχλ")
_UNUSED = "<unused"
_FEWEST_IPA_SYMBOLS = 2
_MOST_LONG_TOKENS = 0.2  # share of tokens of several letters among the letters of a language


class TokenError(ValueError):
    """The tokens of a model cannot be read; the message gives the reason."""


class ModelTokens(NamedTuple):
    """The tokens by id, and what they are."""

    vocabulary: Vocabulary
    kind: TokenKind


def read_tokens(find: FindFile, name: str, *, head_size: int, pad_id: int | None) -> ModelTokens:
    """Read the tokens of a model; ``find`` returns the path of one of its files.

    Ids of the head that no token has are named ``<unused …>``.
    """
    if type(head_size) is not int or not 0 < head_size <= _MOST_TOKENS:
        raise TokenError(
            f"{name}: its head must have 1 to {_MOST_TOKENS} tokens, config.json says {head_size}"
        )
    settings = read_json_object(find("tokenizer_config.json"), _SETTINGS)
    ids = _token_ids(find, name, settings)
    specials = _specials(read_json_object(find("special_tokens_map.json"), _SETTINGS) | settings)
    ids |= {token: place for token, place in _added(find, settings).items() if token not in ids}
    padding = specials["pad_token"]
    blank = pad_id if padding is None else ids.get(padding, pad_id)
    if blank is None or not 0 <= blank < head_size:
        raise TokenError(f"{name}: its tokenizer must have a padding token, the CTC blank; it has none")
    tokens = _by_id(ids, specials, blank, head_size)
    is_phoneme_tokenizer = settings.get("tokenizer_class") == _PHONEME_TOKENIZER
    vocabulary = Vocabulary(tokens, tolerant=True)
    return ModelTokens(
        vocabulary, "letters" if not is_phoneme_tokenizer and are_letters(vocabulary.phonemes) else "phonemes"
    )


def are_letters(symbols: tuple[str, ...]) -> bool:
    """Whether the symbols of a model are the letters of a language, and no phonemes.

    >>> are_letters(tuple("ABC'")), are_letters(("a", "b", "ʃ", "ə")), are_letters(("AA", "B", "SH"))
    (True, False, False)
    """
    names = [symbol.lower() for symbol in symbols if not symbol.startswith("<")]
    if sum(len(_base(name)) > 1 for name in names) > _MOST_LONG_TOKENS * len(names):
        return False
    of_ipa = [
        name
        for name in names
        if segments_of(name) is not None and not name.isascii() and not set(name) <= _ALSO_LETTERS
    ]
    return len([name for name in of_ipa if not _base(name).isascii()]) < _FEWEST_IPA_SYMBOLS


def _base(name: str) -> str:
    """Return a symbol without accents: e of é, n of ñ."""
    return "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign))


def is_unused(token: str) -> bool:
    """Whether a row of the head has no token in the tokenizer's files."""
    return token.startswith(_UNUSED)


def _token_ids(find: FindFile, name: str, settings: Mapping[str, Any]) -> dict[str, int]:
    """Read token → id; of several languages, the tokenizer's target."""
    ids: Any = read_json_object(find("vocab.json"))
    if not ids:
        file = read_json_object(find("tokenizer.json"), {"model": dict[str, Any]})
        table = _checked(file.get("model", {}).get("vocab", {}), _TABLE, f"{name}: tokenizer.json")
        ids = table if isinstance(table, dict) else {row[0]: place for place, row in enumerate(table)}
    if ids and all(isinstance(value, dict) for value in ids.values()):
        language = settings.get("target_lang")
        if language not in ids:
            raise TokenError(f"{name}: target_lang must be one of its {len(ids)} languages, got {language!r}")
        ids = ids[language]
    if not ids or not all(type(place) is int for place in ids.values()):
        raise TokenError(
            f"{name}: it must hold a vocab.json of token → id, as CTC tokenizers do; "
            f"a model without a tokenizer cannot be evaluated, only fine-tuned (model.pretrained_name)"
        )
    return dict(ids)


def _added(find: FindFile, settings: Mapping[str, Any]) -> dict[str, int]:
    decoder = settings.get("added_tokens_decoder") or {}
    if odd := [place for place in decoder if not place.isdecimal() or len(place) > _MOST_DIGITS]:
        raise TokenError(f"added_tokens_decoder must be of ids, got {printable(odd[0], most_characters=40)}")
    added = {_content(entry, "added_tokens_decoder"): int(place) for place, entry in decoder.items()}
    return added | read_json_object(find("added_tokens.json"), dict[str, int])


def _content(entry: Mapping[str, Any], place: str) -> str:
    content: str = _checked(entry.get("content"), str, place)
    return content


def _checked(value: Any, shape: Any, place: str) -> Any:  # noqa: ANN401 - any data, any type
    try:
        return conform(value, shape, place)
    except ShapeError as error:
        raise TokenError(str(error)) from error


def _specials(settings: Mapping[str, Any]) -> dict[str, str | None]:
    """Read the special tokens by kind; None where the tokenizer has none of this kind."""
    found: dict[str, str | None] = {}
    for kind, default in _DEFAULTS.items():
        value = settings.get(kind, default)
        found[kind] = _content(value, kind) if isinstance(value, dict) else value
    if found["word_delimiter_token"] is None:
        found["word_delimiter_token"] = WORD_DELIMITER  # a phoneme tokenizer names none, and may have it
    return found


def _by_id(
    ids: Mapping[str, int], specials: Mapping[str, str | None], blank: int, head_size: int
) -> tuple[str, ...]:
    tokens = [f"{_UNUSED} {place}>" for place in range(head_size)]
    for token, place in ids.items():
        if 0 <= place < head_size:
            tokens[place] = token if token not in (*SPECIALS, WORD_DELIMITER) else f"<{token}>"
    for kind, special in specials.items():
        known = ids.get(special) if special is not None else None
        if known is not None and 0 <= known < head_size and known != blank:
            tokens[known] = _NEW_NAMES[kind]
    tokens[blank] = BLANK_NAMES[0]
    return tuple(tokens)


def read_json_object(path: Path | None, shape: Any = dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Read an object, of a type or with some fields of types; empty where there is no file."""
    if path is None:
        return {}
    by_fields = isinstance(shape, dict)
    try:
        content: dict[str, Any] = read_json(path, dict if by_fields else shape, most_bytes=_MOST_BYTES)
        return conform_fields(content, shape) if by_fields else content
    except ShapeError as error:
        raise TokenError(f"{printable(path)}: {error}") from error
    except FileError as error:
        raise TokenError(str(error)) from error
