"""N-gram models of phonemes with back-off: read from ARPA files, or estimated from labels."""

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from untrusted.files import FileError, read_lines
from untrusted.printing import printable

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
_NEVER = -99.0  # how ARPA writes the logarithm of zero
MOST_ORDER = 20
_MOST_KEPT = 100_000  # histories
_MOST_LINE_BYTES = 2**20
_LARGEST_LOG, _ROUNDING = 1000.0, 1e-3  # to base ten; files round
Gram = tuple[str, ...]


class NgramError(ValueError):
    """A language model cannot be used; the message contains the reason."""


class NgramEntry(NamedTuple):
    """The logarithms to base ten of one n-gram."""

    log_prob: float
    back_off: float = 0.0


class NgramModel:
    """Gives probabilities of a phoneme after others.

    >>> single = {("a",): NgramEntry(-0.3, -0.2), ("b",): NgramEntry(-0.5)}
    >>> model = NgramModel({**single, ("a", "b"): NgramEntry(-0.1)})
    >>> model.log_prob("b", ("a",)), model.log_prob("a", ("a",)), model.log_prob("a", ("b",))
    (-0.1, -0.5, -0.3)
    """

    def __init__(self, entries: dict[Gram, NgramEntry]) -> None:
        self.entries = entries
        self.order = max(map(len, entries), default=0)

    def log_prob(self, phoneme: str, before: Sequence[str]) -> float:
        """Compute the logarithm to base ten; back off to shorter histories where n-grams are missing."""
        history = tuple(before[-(self.order - 1) :]) if self.order > 1 else ()
        back_off = 0.0
        while True:
            entry = self.entries.get((*history, phoneme))
            if entry is not None:
                return back_off + entry.log_prob
            if not history:
                return back_off + self.entries.get((UNKNOWN,), NgramEntry(_NEVER)).log_prob
            back_off += self.entries.get(history, NgramEntry(0.0)).back_off
            history = history[1:]

    def to_arpa(self) -> str:
        """Write the text of an ARPA file."""
        by_order: dict[int, list[Gram]] = defaultdict(list)
        for gram in sorted(self.entries):
            by_order[len(gram)].append(gram)
        lines = ["\\data\\", *(f"ngram {order}={len(by_order[order])}" for order in sorted(by_order)), ""]
        for order in sorted(by_order):
            lines.append(f"\\{order}-grams:")
            for gram in by_order[order]:
                log_prob, back_off = self.entries[gram]
                tail = f"\t{back_off:.6f}" if order < self.order else ""
                lines.append(f"{log_prob:.6f}\t{' '.join(gram)}{tail}")
            lines.append("")
        return "\n".join([*lines, "\\end\\", ""])


class NextTokenScores:
    """Gives the logarithms to base ten of all tokens after a history at once, and keeps them.

    >>> single = {("a",): NgramEntry(-0.3, -0.2), ("b",): NgramEntry(-0.5)}
    >>> model = NgramModel({**single, ("a", "b"): NgramEntry(-0.1)})
    >>> NextTokenScores(model, ("a", "b")).after(("a",)).tolist()
    [-0.5, -0.1]
    """

    def __init__(self, model: NgramModel, tokens: Sequence[str]) -> None:
        self._entries = model.entries
        position = {token: index for index, token in enumerate(tokens)}
        self._followers: dict[Gram, list[tuple[int, float]]] = defaultdict(list)
        for gram, entry in model.entries.items():
            if gram[-1] in position:
                self._followers[gram[:-1]].append((position[gram[-1]], entry.log_prob))
        unknown = self._entries.get((UNKNOWN,), NgramEntry(_NEVER)).log_prob
        self._kept: dict[Gram, NDArray[np.float64]] = {
            (): self._with_entries(np.full(len(tokens), unknown), ())
        }

    def after(self, history: Gram) -> NDArray[np.float64]:
        """Return the scores, (V,); tokens without an n-gram get those after the shorter history."""
        scores = self._kept.get(history)
        if scores is None:
            back_off = self._entries.get(history, NgramEntry(0.0)).back_off
            scores = self._with_entries(self.after(history[1:]) + back_off, history)
            if len(self._kept) > _MOST_KEPT:
                self._kept = {(): self._kept[()]}
            self._kept[history] = scores
        return scores

    def _with_entries(self, scores: NDArray[np.float64], history: Gram) -> NDArray[np.float64]:
        for position, log_prob in self._followers.get(history, ()):
            scores[position] = log_prob
        return scores


@functools.lru_cache(maxsize=2)
def next_token_scores(model: NgramModel, tokens: tuple[str, ...]) -> NextTokenScores:
    """Return the scores of a model, which all searches share: to index its n-grams takes a while."""
    return NextTokenScores(model, tokens)


def read_arpa(path: Path) -> NgramModel:
    """Read an ARPA file, as KenLM, SRILM and ``to_arpa`` write it."""
    entries: dict[Gram, NgramEntry] = {}
    order = 0
    try:
        for number, line in enumerate(read_lines(path, most_bytes=_MOST_LINE_BYTES), start=1):
            stripped, place = line.strip(), f"{printable(path)}, line {number}"
            if stripped.startswith("\\"):
                order = _order_of(stripped, place) if stripped.endswith("-grams:") else 0
            elif order and stripped:
                gram, entry = _entry_of(stripped.split(), order, place)
                entries[gram] = entry
    except FileError as error:
        raise NgramError(str(error)) from error
    if not entries:
        raise NgramError(f"{printable(path)}: must be an ARPA file with n-grams, it has none")
    return NgramModel(entries)


def _order_of(heading: str, place: str) -> int:
    r"""Return the length of the n-grams below a heading.

    >>> _order_of(r"\2-grams:", "a file")
    2
    """
    digits = heading[1:].removesuffix("-grams:")
    if not digits.isdecimal() or len(digits) > 3 or not 1 <= int(digits) <= MOST_ORDER:
        shown = printable(heading, most_characters=40)
        raise NgramError(f"{place}: n-grams must have between 1 and {MOST_ORDER} tokens, got {shown}")
    return int(digits)


def _entry_of(fields: Sequence[str], order: int, place: str) -> tuple[Gram, NgramEntry]:
    shown = printable(" ".join(fields), most_characters=80)
    if len(fields) not in (order + 1, order + 2):
        raise NgramError(f"{place}: must be an {order}-gram, is {shown!r}")
    try:
        numbers = [float(text) for text in (fields[0], *fields[order + 1 :])]
    except ValueError as error:
        raise NgramError(f"{place}: must be an {order}-gram between numbers, is {shown!r}") from error
    if not all(abs(number) <= _LARGEST_LOG for number in numbers) or numbers[0] > _ROUNDING:
        raise NgramError(
            f"{place}: must have the logarithm of a probability, -{_LARGEST_LOG:g} to 0, and a back-off "
            f"weight up to {_LARGEST_LOG:g}, is {shown!r}"
        )
    return tuple(fields[1 : order + 1]), NgramEntry(*numbers)


def estimate(sequences: Iterable[Sequence[str]], order: int) -> NgramModel:
    """Count n-grams of label sequences and smooth them by Witten and Bell's interpolation.

    A history with N following phonemes of T kinds leaves T/(N+T) of its probability to the shorter
    history; the shortest leaves it to a uniform distribution.
    """
    counts = _counts(sequences, order)
    if not counts[1]:
        raise NgramError("an n-gram model needs labels, there are none")
    followers = _followers(counts)
    phonemes = sorted({gram[0] for gram in counts[1]} | {UNKNOWN})
    probabilities: dict[Gram, float] = {}
    for phoneme in phonemes:
        total, kinds = followers[()]
        seen = counts[1].get((phoneme,), 0)
        probabilities[(phoneme,)] = (seen + kinds / len(phonemes)) / (total + kinds)
    for size in range(2, order + 1):
        for gram, count in counts[size].items():
            total, kinds = followers[gram[:-1]]
            probabilities[gram] = (count + kinds * probabilities[gram[1:]]) / (total + kinds)
    entries = {
        gram: NgramEntry(math.log10(probability), _back_off(followers.get(gram)))
        for gram, probability in probabilities.items()
    }
    entries[(START,)] = NgramEntry(_NEVER, _back_off(followers.get((START,))))
    return NgramModel(entries)


def _counts(sequences: Iterable[Sequence[str]], order: int) -> dict[int, Counter[Gram]]:
    counts: dict[int, Counter[Gram]] = {size: Counter() for size in range(1, order + 1)}
    for sequence in sequences:
        padded = (START, *sequence, END)
        for size, counter in counts.items():
            counter.update(padded[start : start + size] for start in range(len(padded) - size + 1))
    del counts[1][(START,)]
    return counts


def _followers(counts: dict[int, Counter[Gram]]) -> dict[Gram, tuple[int, int]]:
    """Count the phonemes after each history, and their kinds."""
    sums: dict[Gram, tuple[int, int]] = {}
    for counter in counts.values():
        for gram, count in counter.items():
            total, kinds = sums.get(gram[:-1], (0, 0))
            sums[gram[:-1]] = (total + count, kinds + 1)
    return sums


def _back_off(followed: tuple[int, int] | None) -> float:
    return 0.0 if followed is None else math.log10(followed[1] / sum(followed))
