"""What the ids of a head mean in phonemes of the labels' vocabulary; another model's symbols are mapped."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.huggingface import HuggingFaceModel
from models.huggingface.token_files import TokenKind, is_unused
from models.network.frames import Counts
from models.network.pretrained_head import CarriedHead
from phonetics import WORD_DELIMITER, Vocabulary
from phonetics.notation.long_consonants import spell_long
from phonetics.notation.symbol_mapping import SymbolMap, doubtful_rows, read_symbol_table
from phonetics.vocabulary import SPECIALS

log = logging.getLogger(__name__)

# The phonemes of a text in a language; texts that cannot be pronounced give none.
Pronounce = Callable[[str, str | None], Sequence[str]]


class OutputSymbols:
    """The tokens of a head, and how they become phonemes.

    Args:
        tokens: the head's vocabulary.
        labels: the vocabulary of the references.
        symbol_map: how the tokens become phonemes of ``labels``; None where both vocabularies are one.
        kind: whether the tokens are phonemes, or letters that ``pronounce`` converts.
    """

    def __init__(
        self,
        tokens: Vocabulary,
        labels: Vocabulary,
        symbol_map: SymbolMap | None = None,
        kind: TokenKind = "phonemes",
    ) -> None:
        self.tokens = tokens
        self.labels = labels
        self.symbol_map = symbol_map
        self.kind = kind
        self.pronounce: Pronounce | None = None

    @property
    def is_mapped(self) -> bool:
        """Whether the tokens are another model's symbols."""
        return self.symbol_map is not None

    @property
    def blank_id(self) -> int:
        """Return the id of the blank."""
        return self.tokens.blank_id

    def raw(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of a decoded utterance as the model writes them."""
        return self.tokens.decode(ids)

    def phonemes(self, ids: Iterable[int], language: str | None = None) -> list[str]:
        """Return the phonemes of a decoded utterance."""
        return [phoneme for phoneme, _ in self.placed(ids, language)]

    def placed(self, ids: Iterable[int], language: str | None = None) -> list[tuple[str, int]]:
        """Return the phonemes of a decoded utterance, each with the place of its token."""
        tokens = self.tokens.decode(ids)
        if self.symbol_map is None:
            return [(token, place) for place, token in enumerate(tokens)]
        if self.kind == "letters" and self.pronounce is not None:
            return self._pronounced(tokens, language)
        mapped = [
            (phoneme, place)
            for place, token in enumerate(tokens)
            for phoneme in self.symbol_map.phonemes_of(token)
        ]
        labels = self.labels
        spelled = spell_long([phoneme for phoneme, _ in mapped], lambda name: labels.id_of(name) is not None)
        return [(labels.token_of(phoneme), mapped[place][1]) for phoneme, place in spelled]

    def ids_of(self, label_ids: Sequence[int]) -> list[int] | None:
        """Return the ids of a label in this head; None where one of its phonemes has no symbol."""
        if self.symbol_map is None:
            return list(label_ids)
        found = [self._ids[label_id] for label_id in label_ids]
        return None if None in found or self.kind == "letters" else [one for one in found if one is not None]

    def labels_in_head(self, labels: Tensor, num_labels: Counts) -> Tensor | None:
        """Return a batch's labels, (B, L), as ids of this head; None where it lacks one of their phonemes."""
        if self.symbol_map is None:
            return labels
        rows = [
            self.ids_of(ids[:length])
            for ids, length in zip(labels.tolist(), num_labels.tolist(), strict=True)
        ]
        known = [torch.tensor(row, dtype=torch.long) for row in rows if row is not None]
        if len(known) < len(rows):
            return None
        return pad_sequence(known, batch_first=True, padding_value=self.blank_id).to(labels.device)

    def rows(self) -> tuple[tuple[int, int], ...]:
        """Pair the ids of the labels' vocabulary with those of the tokens that mean the same."""
        return tuple((label_id, place) for label_id, place in enumerate(self._ids) if place is not None)

    def nearest_rows(self) -> dict[str, str]:
        """Return the phonemes whose row is that of a symbol with another meaning, the nearest there is."""
        matches = self.symbol_map.matches if self.symbol_map else {}
        taken = {self.labels.tokens[row]: self.tokens.tokens[place] for row, place in self.rows()}
        return {
            phoneme: symbol
            for phoneme, symbol in taken.items()
            if symbol in matches
            and (matches[symbol].way == "nearest" or matches[symbol].phonemes != (phoneme,))
        }

    @cached_property
    def _ids(self) -> list[int | None]:
        """The id in this head of each token of the labels' vocabulary."""
        specials = {
            self.labels.blank_id: self.tokens.blank_id,
            self.labels.unknown_id: self.tokens.unknown_id,
        }
        return [
            specials[place] if place in specials else self._id_of(token)
            for place, token in enumerate(self.labels.tokens)
        ]

    def _id_of(self, token: str) -> int | None:
        if token == self.labels.word_delimiter:
            return self.tokens.ids.get(token)
        symbol = self.symbol_map.symbol_of(token) if self.symbol_map else token
        return None if symbol is None else self.tokens.ids.get(symbol)

    def _pronounced(self, tokens: Sequence[str], language: str | None) -> list[tuple[str, int]]:
        """Convert recognised letters to phonemes, which are spread evenly over the letters' places."""
        text = "".join(" " if token == WORD_DELIMITER else token for token in tokens if token not in SPECIALS)
        phonemes = self.pronounce(text.lower(), language) if self.pronounce and text.strip() else ()
        return [
            (self.labels.token_of(phoneme), place * len(tokens) // len(phonemes))
            for place, phoneme in enumerate(phonemes)
        ]


def mapped_output(
    source: HuggingFaceModel, labels: Vocabulary, declared: Mapping[str, str] | str | None
) -> OutputSymbols:
    """Map the symbols of a model; ``declared`` is a table or its file."""
    return _mapped(source.vocabulary, labels, declared, source.kind)


def _mapped(
    tokens: Vocabulary,
    labels: Vocabulary,
    declared: Mapping[str, str] | str | None,
    kind: TokenKind = "phonemes",
) -> OutputSymbols:
    table = read_symbol_table(Path(declared).expanduser()) if isinstance(declared, str) else declared
    named = [token for token in tokens.phonemes if not is_unused(token)]
    unknown = tokens.tokens[tokens.unknown_id] if tokens.unknown_id is not None else ""
    if table and unknown in table:  # a table may drop it; else each one is an error
        named.append(unknown)
    symbols = SymbolMap(named, labels, table)
    for warning in doubtful_rows(symbols, table or {}):
        log.warning("symbol_map: %s", warning)
    return OutputSymbols(tokens, labels, symbols, kind)


def carried_head(
    source: HuggingFaceModel, labels: Vocabulary, declared: Mapping[str, str] | str | None
) -> CarriedHead:
    """Choose the rows of a pretrained head that are carried over to the labels' vocabulary."""
    return CarriedHead(len(source.vocabulary), _carried(mapped_output(source, labels, declared)))


def carried_rows(
    source: Vocabulary, labels: Vocabulary, declared: Mapping[str, str] | str | None
) -> tuple[tuple[int, int], ...]:
    """Pair the rows of a head over the labels' vocabulary with those of a checkpoint's head.

    >>> carried_rows(Vocabulary(("[PAD]", "e", "a")), Vocabulary(("[PAD]", "a", "ɛ", "ʘ")), None)
    ((0, 0), (1, 2), (2, 1))
    """
    return _carried(_mapped(source, labels, declared))


def _carried(output: OutputSymbols) -> tuple[tuple[int, int], ...]:
    """Return the rows of a head, and log those that no symbol of this meaning stands for."""
    if nearest := output.nearest_rows():
        listed = ", ".join(f"{phoneme} ← {symbol}" for phoneme, symbol in nearest.items())
        log.info("model: these rows of the head start as those of the nearest symbol: %s", listed)
    return output.rows()
