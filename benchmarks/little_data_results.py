"""What finished runs of ``little_data.py`` have left, and the table of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.little_data_variants import BASE, VARIANTS
from durable_files import write_durably
from evaluation.intervals import RateDifference, paired_difference

HEADER = (
    "| language | variant | seeds | steps | processor time of steps, of all | "
    "greedy PER (seeds) | to | difference (95 %) | with language model (seeds) | difference (95 %) |\n"
    + "|---" * 10
    + "|"
)
NOTHING = "–"
LANGUAGE_MODEL = "language model"


class RunResult(NamedTuple):
    """One finished run; errors and lengths in phonemes, by utterance of the test split."""

    language: str
    variant: str
    seed: int
    minutes: float  # budget
    description: Mapping[str, Any]  # of the variant
    step_seconds: float  # of the calibration
    steps: int
    trained_seconds: float  # of the processor, in steps
    process_seconds: float  # of the processor, in the whole training process
    utterances: list[str]
    lengths: list[int]
    greedy: list[int]
    searched: list[int]
    metrics: Mapping[str, float]  # as training has reported them


def result_file(folder: Path, language: str, variant: str, seed: int) -> Path:
    """Return where a run is kept."""
    return folder / f"{language}-{variant}-{seed}.json"


def keep(folder: Path, result: RunResult) -> None:
    """Write a finished run, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = result_file(folder, result.language, result.variant, result.seed)
    write_durably(path, json.dumps(result._asdict(), ensure_ascii=False))


def kept(folder: Path, language: str, variant: str, seed: int) -> RunResult | None:
    """Read a finished run; None where there is none, or where the variant was another one then."""
    path = result_file(folder, language, variant, seed)
    if not path.is_file():
        return None
    result = RunResult(**json.loads(path.read_text(encoding="utf-8")))
    return result if result.description == VARIANTS[variant].description() else None


def missing_runs(
    folder: Path, languages: Mapping[str, Sequence[str]], seeds: int
) -> Iterator[tuple[str, str, int]]:
    """Yield language, variant and seed of the runs that are not kept; a seed is finished before the next.

    Args:
        folder: of kept results.
        languages: the variants of each language.
        seeds: how many.
    """
    for seed in range(1, seeds + 1):
        for language, variants in languages.items():
            for variant in variants:
                if kept(folder, language, variant, seed) is None:
                    yield language, variant, seed


def table(folder: Path, languages: Mapping[str, Sequence[str]], seeds: int) -> str:
    """Return the Markdown table of all kept runs."""
    rows = [HEADER]
    for language, names in languages.items():
        runs = {name: _kept_runs(folder, language, name, seeds) for name in (*names, *_references(names))}
        rows += [_row(runs, name) for name in names if runs[name]]
        if runs.get(BASE):
            rows.append(_language_model_row(runs[BASE]))
    return "\n".join(rows)


def _references(names: Sequence[str]) -> list[str]:
    return [VARIANTS[name].against for name in names]


def _kept_runs(folder: Path, language: str, variant: str, seeds: int) -> dict[int, RunResult]:
    found = {seed: kept(folder, language, variant, seed) for seed in range(1, seeds + 1)}
    return {seed: run for seed, run in found.items() if run is not None}


def _row(runs: Mapping[str, Mapping[int, RunResult]], name: str) -> str:
    own, against = runs[name], VARIANTS[name].against
    cells = [*_cost_cells(name, own), _rates(own, "greedy")]
    if name == BASE:
        cells += [NOTHING, NOTHING, _rates(own, "searched"), NOTHING]
    else:
        other = runs[against]
        greedy = _difference(_pairs(other, own, "greedy", "greedy"))
        searched = _difference(_pairs(other, own, "searched", "searched"))
        cells += [_shown(against), greedy, _rates(own, "searched"), searched]
    return f"| {' | '.join(cells)} |"


def _language_model_row(base: Mapping[int, RunResult]) -> str:
    """Compare the searches of the base with its greedy decoding."""
    difference = _difference(_pairs(base, base, "greedy", "searched"))
    cost = _cost_cells(LANGUAGE_MODEL, base)
    cells = [*cost, NOTHING, f"{BASE}, greedy", NOTHING, _rates(base, "searched"), difference]
    return f"| {' | '.join(cells)} |"


def _cost_cells(name: str, runs: Mapping[int, RunResult]) -> list[str]:
    every = list(runs.values())
    steps = round(np.mean([run.steps for run in every]))
    trained, whole = (
        float(np.mean([getattr(run, field) for run in every])) / 60
        for field in ("trained_seconds", "process_seconds")
    )
    return [every[0].language, _shown(name), str(len(every)), f"{steps:,}", f"{trained:.1f}, {whole:.1f} min"]


def _shown(name: str) -> str:
    return name.replace("_", " ")


def _rates(runs: Mapping[int, RunResult], decoding: str) -> str:
    """Return the mean error rate over seeds, and the lowest and highest."""
    rates = [100 * sum(getattr(run, decoding)) / sum(run.lengths) for run in runs.values()]
    return f"{np.mean(rates):.1f} % ({min(rates):.1f} to {max(rates):.1f})"


class _Pairs(NamedTuple):
    """Mean errors over the same seeds, by utterance."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    lengths: Sequence[int]


def _pairs(
    first: Mapping[int, RunResult], second: Mapping[int, RunResult], before: str, after: str
) -> _Pairs | None:
    """Average errors over the seeds that both have; None without any."""
    seeds = sorted(first.keys() & second.keys())
    every = [runs[seed] for runs in (first, second) for seed in seeds]
    if not every:
        return None
    if any((run.utterances, run.lengths) != (every[0].utterances, every[0].lengths) for run in every):
        raise ValueError(
            f"little_data: {every[0].language}: all runs must have the same test utterances, "
            f"{every[0].variant} and {every[-1].variant} have others; remove the kept results of one"
        )
    earlier, later = (
        np.mean([getattr(runs[seed], name) for seed in seeds], axis=0)
        for runs, name in ((first, before), (second, after))
    )
    return _Pairs(earlier, later, every[0].lengths)


def _difference(pairs: _Pairs | None) -> str:
    found = pairs and paired_difference(*pairs)
    return NOTHING if found is None else _points(found)


def _points(found: RateDifference) -> str:
    numbers = (f"{100 * value:+.1f}".replace("-", "−") for value in found[:3])
    return "{} ({} to {})".format(*numbers)
