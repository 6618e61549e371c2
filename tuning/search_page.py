"""A search as a page: history, parallel coordinates, importances, intermediate curves, every trial."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from matplotlib.ticker import MaxNLocator
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from reports.html.markup import Html
from reports.html.page import (
    KeyFigure,
    Section,
    code,
    figure,
    key_figures,
    note,
    number,
    page,
    paragraph,
    pictures,
    section,
    table,
)
from reports.html.pictures import COLOURS, FAINT_INK, canvas, inline_svg
from tuning.progress import best_trials, duration
from tuning.study.study import KIND, REASON, REJECTED, count, is_trial

_MAX_AXES = 8  # of parallel coordinates
_MAX_LABEL = 22
_MIN_NAME = 4
_MIN_FOR_IMPORTANCE = 4


def search_page(name: str, study: Study, metrics: Sequence[str]) -> str:
    """The whole page."""
    sections = [
        _overview(study, metrics),
        *(_history(study, metric, index) for index, metric in enumerate(metrics)),
        _front(study, metrics),
        _coordinates(study, metrics),
        *(_importances(study, metric, index) for index, metric in enumerate(metrics)),
        _curves(study, metrics),
        _trials(study, metrics),
    ]
    return page(
        f"Search {name}",
        [part for part in sections if part is not None],
        lead="What was tried, what it came to, and what mattered.",
        footer="Made at the end of the search; ./run.sh tune with its configuration makes it anew.",
    )


def _overview(study: Study, metrics: Sequence[str]) -> Section:
    counts, best = count(study), best_trials(study)
    cards = [
        KeyFigure("trials done", str(counts.finished), f"{counts.running} running"),
        KeyFigure("pruned", str(counts.pruned), "ended early"),
        KeyFigure("failed", str(counts.failed), "see below" if counts.failed else ""),
    ]
    if not best:
        return section("Overview", key_figures(cards), paragraph("No trial has come to a value yet."))
    cards[:0] = [
        KeyFigure(f"best {metric}", number(best[0].values[index]), f"trial {best[0].number}")
        for index, metric in enumerate(metrics)
    ]
    rows = [[key, value] for key, value in best[0].params.items()]
    return section(
        "Overview",
        key_figures(cards),
        table(["parameter", "best value"], [[code(key), _shown(value)] for key, value in rows]),
        note("The whole configuration stands in best.yaml beside this page."),
    )


def _completed(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _history(study: Study, metric: str, index: int) -> Section | None:
    trials = _completed(study)
    if not trials:
        return None
    numbers = [trial.number for trial in trials]
    values = [trial.values[index] for trial in trials]
    better = np.maximum if _is_maximized(study, index) else np.minimum
    drawing, axes = canvas()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.plot(numbers, values, "o", ms=4, color=COLOURS[0], label="trial")
    axes.plot(
        numbers, better.accumulate(values), color=COLOURS[1], drawstyle="steps-post", label="best so far"
    )
    axes.set_xlabel("trial")
    axes.set_ylabel(metric)
    axes.legend()
    best = values[int(np.argmax(values) if _is_maximized(study, index) else np.argmin(values))]
    alt = f"{metric} of {len(values)} trials; the best is {best:.4g}"
    return section(f"History of {metric}", figure(inline_svg(drawing), alt=alt, caption=f"{alt}."))


def _front(study: Study, metrics: Sequence[str]) -> Section | None:
    trials = _completed(study)
    if len(metrics) < 2 or not trials:  # noqa: PLR2004
        return None
    front = best_trials(study)
    drawing, axes = canvas()
    for name, group, colour in (("trial", trials, FAINT_INK), ("none is better", front, COLOURS[1])):
        points = [trial.values for trial in group]
        axes.plot([p[0] for p in points], [p[1] for p in points], "o", ms=4, color=colour, label=name)
    axes.set_xlabel(metrics[0])
    axes.set_ylabel(metrics[1])
    axes.legend()
    alt = f"{metrics[1]} over {metrics[0]}: {len(front)} of {len(trials)} trials are beaten by none"
    return section("Trade-off", figure(inline_svg(drawing), alt=alt, caption=f"{alt}."))


def _coordinates(study: Study, metrics: Sequence[str]) -> Section | None:
    trials = _completed(study)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))[:_MAX_AXES]
    if len(trials) < 2 or not names:  # noqa: PLR2004
        return None
    values = np.array([trial.values[0] for trial in trials])
    columns = [_scaled([trial.params.get(name) for trial in trials]) for name in names]
    columns.append(_scaled(list(values)))
    ranks = values.argsort().argsort() / max(1, len(values) - 1)
    shades = 1 - ranks if not _is_maximized(study, 0) else ranks
    drawing, axes = canvas(width=7.6, height=3.4, grid=False)
    for row, shade in zip(zip(*(column.heights for column in columns), strict=True), shades, strict=True):
        axes.plot(row, color=COLOURS[0], alpha=0.15 + 0.85 * float(shade) ** 2, lw=1 + float(shade))
    for position, column in enumerate(columns):
        axes.axvline(position, color=FAINT_INK, lw=0.7)
        for height, label in column.ticks:
            axes.annotate(label, (position, height), xytext=(3, 2), textcoords="offset points", fontsize=8)
    axes.set_xticks(range(len(columns)), [*short_names(names), metrics[0]])
    axes.tick_params(axis="x", rotation=20)
    axes.set_yticks([])
    alt = f"One line per trial through its values of {', '.join(names)} to {metrics[0]}; the best are darkest"
    return section("Parallel coordinates", figure(inline_svg(drawing), alt=alt, caption=f"{alt}.", wide=True))


class _Column:
    """One axis: where each trial lies on it, and its labels."""

    def __init__(self, heights: list[float], ticks: list[tuple[float, str]]) -> None:
        self.heights = heights
        self.ticks = ticks


def _scaled(values: list[Any]) -> _Column:
    """Numbers between their extremes, on a logarithmic scale where they span decades; choices by place."""
    given = [value for value in values if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in given) and given:
        low, high = min(given), max(given)
        scale = math.log if low > 0 and high / low > 20 else float  # noqa: PLR2004
        span = scale(high) - scale(low) or 1.0
        heights = [math.nan if value is None else (scale(value) - scale(low)) / span for value in values]
        return _Column(
            heights, [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")] if high > low else [(0.0, f"{low:.3g}")]
        )
    kinds = sorted({str(value) for value in given})
    places = {kind: index / max(1, len(kinds) - 1) for index, kind in enumerate(kinds)}
    heights = [math.nan if value is None else places[str(value)] for value in values]
    return _Column(heights, [(place, _shortened(kind)) for kind, place in places.items()])


def _importances(study: Study, metric: str, index: int) -> Section | None:
    shares = importances(study, index)
    if not shares:
        return None
    drawing, axes = canvas(height=0.9 + 0.35 * len(shares), grid=False)
    names = list(reversed(shares))
    axes.barh(short_names(names), [shares[name] for name in names], color=COLOURS[0])
    axes.set_xlabel("share of what made trials differ")
    alt = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    return section(
        f"What mattered for {metric}",
        figure(inline_svg(drawing), alt=alt, caption=f"Importances: {alt}."),
        note(
            "Optuna's PED-ANOVA over the parameters that every trial has; with few trials a first hint only."
        ),
    )


def importances(study: Study, index: int) -> dict[str, float]:
    """How much each parameter mattered; empty where too few trials can tell."""
    trials = _completed(study)
    if len(trials) < _MIN_FOR_IMPORTANCE:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = optuna.importance.get_param_importances(study, target=lambda trial: trial.values[index])
    except (ValueError, RuntimeError):  # no parameter is in every trial, or none varied
        return {}
    return {name: float(share) for name, share in found.items() if math.isfinite(share)}


def _curves(study: Study, metrics: Sequence[str]) -> Section | None:
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.intermediate_values]
    if max((len(trial.intermediate_values) for trial in trials), default=0) < 2:  # noqa: PLR2004
        return None
    best = {trial.number for trial in best_trials(study)}
    drawing, axes = canvas()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for trial in sorted(trials, key=lambda trial: trial.number in best):
        points = sorted(trial.intermediate_values.items())
        colour = COLOURS[1] if trial.number in best else COLOURS[0]
        axes.plot(
            [step + 1 for step, _ in points],
            [value for _, value in points],
            color=colour,
            alpha=1.0 if trial.number in best else 0.45,
            ls=":" if trial.state == TrialState.PRUNED else "-",
            marker="x" if trial.state == TrialState.PRUNED else "",
            markevery=[-1],  # where it was ended; many are at their first validation
        )
    axes.set_xlabel("validation")
    axes.set_ylabel(metrics[0])
    pruned = sum(trial.state == TrialState.PRUNED for trial in trials)
    alt = f"{metrics[0]} at each validation of {len(trials)} trials, {pruned} of them pruned (to a cross)"
    return section("Intermediate values", pictures(figure(inline_svg(drawing), alt=alt, caption=f"{alt}.")))


def _trials(study: Study, metrics: Sequence[str]) -> Section:
    trials = [trial for trial in study.get_trials(deepcopy=False) if is_trial(trial)]
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    rows = [
        [
            trial.number,
            trial.state.name.lower(),
            *_values(trial, len(metrics)),
            duration(trial.duration.total_seconds()) if trial.duration else None,
            *(_shown(trial.params.get(name)) for name in names),
            _reason(trial),
        ]
        for trial in trials
    ]
    headers = ["trial", "state", *metrics, "time", *names, "remark"]
    rejected = sum(REJECTED in trial.user_attrs for trial in study.get_trials(deepcopy=False))
    return section(
        "Trials",
        table(headers, rows),
        *([note(f"{rejected} draws broke a constraint and never ran.")] if rejected else []),
    )


def _values(trial: FrozenTrial, how_many: int) -> list[float | None]:
    if trial.state == TrialState.COMPLETE:
        return list(trial.values)
    return [None] * how_many


def _reason(trial: FrozenTrial) -> str:
    attributes = trial.user_attrs
    return f"{attributes[KIND]}: {attributes[REASON]}" if KIND in attributes else ""


def _shown(value: object) -> Html | str:
    return "" if value is None else number(value)


def short_names(names: Sequence[str]) -> list[str]:
    """Paths that differ, for an axis: as many of their last keys as that takes.

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


def _shortened(text: str) -> str:
    """The end of a long name, which tells it apart."""
    return text if len(text) <= _MAX_LABEL else f"…{text[1 - _MAX_LABEL :]}"


def _is_maximized(study: Study, index: int) -> bool:
    return study.directions[index] == StudyDirection.MAXIMIZE
