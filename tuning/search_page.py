"""The report of a search: history, parallel coordinates, importances, intermediate values, every trial."""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna.importance import get_param_importances
from optuna.search_space import intersection_search_space
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from installation import PROGRAM
from reports import html
from reports.html import Html
from reports.pictures import COLOURS, FAINT_INK, canvas, inline_svg
from tuning.results import SearchResult, duration
from tuning.study.study import KIND, REASON

_MAX_AXES = 8  # of parallel coordinates
_MAX_LABEL = 22
_MIN_NAME = 4
_MIN_FOR_IMPORTANCE = 4
_SEED = re.compile(r"(^|[._])seed(_everything)?$")  # such as data.seed


def search_page(result: SearchResult) -> str:
    """Return the report as the text of one HTML file."""
    indices = range(len(result.metrics))
    sections = [
        _overview(result),
        *(_history(result, index) for index in indices),
        _front(result),
        _coordinates(result),
        *(_importances(result, index) for index in indices),
        _curves(result),
        _trials(result),
    ]
    return html.page(
        f"Search {result.name}",
        sections,
        lead="The trials of this search, their results, and the importance of each parameter.",
        footer=f"Written at the end of the search; {PROGRAM} tune with its configuration writes it again.",
    )


def _overview(result: SearchResult) -> html.Section:
    counts, best = result.counts, result.best
    numbers = [
        html.KeyMetric("trials done", str(counts.finished), f"{counts.running} running"),
        html.KeyMetric("pruned", str(counts.pruned), "ended early"),
        html.KeyMetric("failed", str(counts.failed), "see below" if counts.failed else ""),
    ]
    if not best:
        return html.section(
            "Overview", html.key_metrics(*numbers), html.paragraph("No trial has a value yet.")
        )
    values = [
        html.KeyMetric(f"best {metric}", html.number(value), f"trial {best[0].number}")
        for metric, value in zip(result.metrics, best[0].values, strict=True)
    ]
    rows = [[html.code(name), _shown(value)] for name, value in best[0].params.items()]
    return html.section(
        "Overview",
        html.key_metrics(*values, *numbers),
        html.table(["parameter", "best value"], rows),
        html.note("The file best.yaml beside this report holds the whole configuration."),
    )


def _picture(drawing: Figure, alt: str, caption: str = "", *, wide: bool = False) -> Html:
    return html.figure(inline_svg(drawing), alt=alt, caption=f"{caption}{alt}.", wide=wide)


def _history(result: SearchResult, index: int) -> html.Section | None:
    trials, metric = result.in_state(TrialState.COMPLETE), result.metrics[index]
    if not trials:
        return None
    numbers = [trial.number for trial in trials]
    values = [trial.values[index] for trial in trials]
    best = (np.maximum if _is_maximized(result, index) else np.minimum).accumulate(values)
    drawing, axes = canvas("trial", metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.plot(numbers, values, "o", ms=4, color=COLOURS[0], label="trial")
    axes.plot(numbers, best, color=COLOURS[1], drawstyle="steps-post", label="best so far")
    axes.legend()
    alt = f"{metric} of {len(values)} trials; the best is {best[-1]:.4g}"
    return html.section(f"History of {metric}", _picture(drawing, alt))


def _front(result: SearchResult) -> html.Section | None:
    trials, front = result.in_state(TrialState.COMPLETE), result.best
    if len(result.metrics) < 2 or not trials:  # noqa: PLR2004
        return None
    first, second = result.metrics[:2]
    drawing, axes = canvas(first, second)
    for name, group, colour in (("trial", trials, FAINT_INK), ("none is better", front, COLOURS[1])):
        points = np.array([trial.values for trial in group])
        axes.plot(points[:, 0], points[:, 1], "o", ms=4, color=colour, label=name)
    axes.legend()
    alt = f"{second} over {first}: {len(front)} of {len(trials)} trials are beaten by none"
    return html.section("Trade-off", _picture(drawing, alt))


def _coordinates(result: SearchResult) -> html.Section | None:
    trials = result.in_state(TrialState.COMPLETE)
    names = _parameter_names(trials)[:_MAX_AXES]
    if len(trials) < 2 or not names:  # noqa: PLR2004
        return None
    values = np.array([trial.values[0] for trial in trials])
    columns = [_scaled([trial.params.get(name) for trial in trials]) for name in names]
    columns.append(_scaled(list(values)))
    ranks = values.argsort().argsort() / max(1, len(values) - 1)
    shades = ranks if _is_maximized(result, 0) else 1 - ranks
    drawing, axes = canvas(width=7.6, height=3.4, grid=False)
    for row, shade in zip(zip(*(column.heights for column in columns), strict=True), shades, strict=True):
        axes.plot(row, color=COLOURS[0], alpha=0.15 + 0.85 * float(shade) ** 2, lw=1 + float(shade))
    for position, column in enumerate(columns):
        axes.axvline(position, color=FAINT_INK, lw=0.7)
        for height, label in column.ticks:
            axes.annotate(label, (position, height), xytext=(3, 2), textcoords="offset points", fontsize=8)
    axes.set_xticks(range(len(columns)), [*short_names(names), result.metrics[0]])
    axes.tick_params(axis="x", rotation=20)
    axes.set_yticks([])
    alt = (
        f"One line per trial through its values of {', '.join(names)} to {result.metrics[0]}; "
        "the best are darkest"
    )
    return html.section("Parallel coordinates", _picture(drawing, alt, wide=True))


class _Column(NamedTuple):
    """One axis: the height of each trial on it, and its labels."""

    heights: list[float]
    ticks: list[tuple[float, str]]


def _scaled(values: list[Any]) -> _Column:
    """Scale numbers to 0 to 1, by their logarithms where they span decades; choices by position."""
    given = [value for value in values if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in given) and given:
        low, high = min(given), max(given)
        scale = math.log if low > 0 and high / low > 20 else float  # noqa: PLR2004
        span = scale(high) - scale(low) or 1.0
        heights = [math.nan if value is None else (scale(value) - scale(low)) / span for value in values]
        ticks = [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")]
        return _Column(heights, ticks if high > low else ticks[:1])
    kinds = sorted({str(value) for value in given})
    places = {kind: index / max(1, len(kinds) - 1) for index, kind in enumerate(kinds)}
    heights = [math.nan if value is None else places[str(value)] for value in values]
    # Long names differ at their ends.
    labels = [kind if len(kind) <= _MAX_LABEL else f"…{kind[1 - _MAX_LABEL :]}" for kind in kinds]
    return _Column(heights, list(zip(places.values(), labels, strict=True)))


def _importances(result: SearchResult, index: int) -> html.Section | None:
    shares = importances(result, index)
    if not shares:
        return None
    height = 0.9 + 0.35 * len(shares)
    drawing, axes = canvas("share of the variance between trials", height=height, grid=False)
    names = list(reversed(shares))
    axes.barh(short_names(names), [shares[name] for name in names], color=COLOURS[0])
    alt = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    return html.section(
        f"Parameter importance for {result.metrics[index]}",
        _picture(drawing, alt, "Importances: "),
        html.note(
            "Optuna's PED-ANOVA over the parameters that every trial has, except seeds; "
            "with few trials a first hint only."
        ),
    )


def importances(result: SearchResult, index: int) -> dict[str, float]:
    """Return the importance of each parameter for a metric; empty where there are too few trials.

    Seeds are left out: their differences are chance, which a few trials mistake for importance.
    """
    completed = result.in_state(TrialState.COMPLETE)
    names = [name for name in intersection_search_space(completed) if not _SEED.search(name)]
    if result.counts.completed < _MIN_FOR_IMPORTANCE or not names:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = get_param_importances(
                result.study, params=names, target=lambda trial: trial.values[index]
            )
    except (ValueError, RuntimeError):  # none of them varied
        return {}
    return {name: float(share) for name, share in found.items() if math.isfinite(share)}


def _curves(result: SearchResult) -> html.Section | None:
    trials = [trial for trial in result.trials if trial.intermediate_values]
    if max((len(trial.intermediate_values) for trial in trials), default=0) < 2:  # noqa: PLR2004
        return None
    best = {trial.number for trial in result.best}
    drawing, axes = canvas("validation", result.metrics[0])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for trial in sorted(trials, key=lambda trial: trial.number in best):
        steps, values = zip(*sorted(trial.intermediate_values.items()), strict=True)
        is_best, is_pruned = trial.number in best, trial.state == TrialState.PRUNED
        axes.plot(
            np.add(steps, 1),
            values,
            color=COLOURS[is_best],
            alpha=1.0 if is_best else 0.45,
            ls=":" if is_pruned else "-",
            marker="x" if is_pruned else "",
            markevery=[-1],  # where it was ended; many are at their first validation
        )
    pruned = sum(trial.state == TrialState.PRUNED for trial in trials)
    alt = (
        f"{result.metrics[0]} at each validation of {len(trials)} trials, "
        f"{pruned} of them pruned (to a cross)"
    )
    return html.section("Intermediate values", html.side_by_side(_picture(drawing, alt)))


def _trials(result: SearchResult) -> html.Section:
    names, metrics = _parameter_names(result.trials), result.metrics
    rows = [
        [
            trial.number,
            trial.state.name.lower(),
            *(trial.values if trial.state == TrialState.COMPLETE else [None] * len(metrics)),
            duration(trial.duration.total_seconds()) if trial.duration else None,
            *(_shown(trial.params.get(name)) for name in names),
            f"{trial.user_attrs[KIND]}: {trial.user_attrs[REASON]}" if KIND in trial.user_attrs else "",
        ]
        for trial in result.trials
    ]
    rejected = result.counts.rejected
    return html.section(
        "Trials",
        html.table(["trial", "state", *metrics, "time", *names, "remark"], rows),
        *([html.note(f"{rejected} draws broke a constraint and never ran.")] if rejected else []),
    )


def _parameter_names(trials: Sequence[FrozenTrial]) -> list[str]:
    return list(dict.fromkeys(name for trial in trials for name in trial.params))


def _shown(value: object) -> str:
    return "" if value is None else html.number(value)


def short_names(names: Sequence[str]) -> list[str]:
    """Shorten paths for an axis, to as many of their last keys as keep them different.

    >>> short_names(["data.augmentations[0].init_args.p", "callbacks[1].init_args.patience", "model.lr"])
    ['augmentations[0].p', 'patience', 'model.lr']
    >>> short_names(["data.augmentations[0].init_args.max_gain", "data.augmentations[1].init_args.max_gain"])
    ['augmentations[0].max_gain', 'augmentations[1].max_gain']
    """
    keys = {name: [key for key in name.split(".") if key != "init_args"] for name in names}
    return [_shortest(name, keys) for name in names]


def _shortest(name: str, keys: Mapping[str, list[str]]) -> str:
    for length in range(1, len(keys[name])):
        end = keys[name][-length:]
        is_alone = all(other == name or keys[other][-length:] != end for other in keys)
        if is_alone and len(".".join(end)) >= _MIN_NAME:
            return ".".join(end)
    return name


def _is_maximized(result: SearchResult, index: int) -> bool:
    return result.study.directions[index] == StudyDirection.MAXIMIZE
