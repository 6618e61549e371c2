"""Phoneme edits by language: whole numbers, summed over a split and over processes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, distributed

from phonetics import EditCounts

_Sums = dict[str, tuple[int, int]]  # language → edits, reference phonemes


class LanguageEdits:
    """Sums of edits and of reference lengths for each language of a split.

    Which languages a process meets depends on its share of the split, so that the sums are gathered
    as they are, and not one collective call for each.
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def add(self, languages: Sequence[str | None], counts: Iterable[EditCounts]) -> None:
        """Add utterances; those without a language count nowhere."""
        for language, count in zip(languages, counts, strict=True):
            if language is not None:
                errors, length = self._sums[language]
                self._sums[language] = (errors + count.errors, length + count.reference_length)

    def finish(self) -> dict[str, Tensor]:
        """The error rate of each language where there are several; then start anew."""
        sums = add_sums(_of_all_processes(dict(self._sums)))
        self._sums.clear()
        return rates(sums) if len(sums) > 1 else {}


def add_sums(parts: Iterable[Mapping[str, tuple[int, int]]]) -> _Sums:
    """The sums of several processes in one.

    >>> add_sums([{"de": (1, 10)}, {"ru": (2, 5), "de": (0, 6)}])
    {'de': (1, 16), 'ru': (2, 5)}
    """
    total: _Sums = {}
    for part in parts:
        for language, (errors, length) in part.items():
            known = total.get(language, (0, 0))
            total[language] = (known[0] + errors, known[1] + length)
    return dict(sorted(total.items()))


def rates(sums: Mapping[str, tuple[int, int]]) -> dict[str, Tensor]:
    """Edits over reference phonemes by language; NaN where there are none."""
    return {
        language: torch.tensor(errors / length if length else float("nan"), dtype=torch.float64)
        for language, (errors, length) in sums.items()
    }


def _of_all_processes(sums: _Sums) -> list[_Sums]:
    if not (distributed.is_available() and distributed.is_initialized()):
        return [sums]
    gathered: list[_Sums] = [{} for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(gathered, sums)
    return gathered
