"""The report of a study: conclusions, means, differences, curves, budgets, tuning, every run."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.seeds.differences import SeedTest
from evaluation.seeds.means import Ends
from installation import PROGRAM
from reports import html
from reports.comparisons.groups_page import conclusion_box
from reports.html import Html
from reports.pictures import COLOURS, canvas, inline_svg
from tuning.search_page import short_names
from tuning.variants.run_record import CurvePoint, RunRecord
from tuning.variants.study_result import StudyResult, VariantResult
from tuning.variants.variant_runs import RUN_SEED

_STYLES = ("-", "--", ":")  # where there are more variants than colours
_BAND_POINTS = 50


def study_page(result: StudyResult) -> str:
    """Return the report as the text of one HTML file."""
    sections = [
        _conclusions(result),
        _means(result),
        _differences(result),
        _curves(result),
        _levels(result),
        _budgets(result),
        _tuning(result),
        _runs(result),
    ]
    return html.page(
        f"Study {result.plan.name}",
        sections,
        lead=f"Variants with {'equal' if result.plan.section.equal_budgets else 'their own'} budgets and the "
        f"same seeds; {result.plan.test_metric} is compared with that of {result.plan.baseline}.",
        footer=f"Written at the end of the study; {PROGRAM} study with its configuration writes it again.",
    )


def _conclusions(result: StudyResult) -> html.Section:
    boxes = map(conclusion_box, result.differences, result.in_words())
    return html.section("What may be concluded", *boxes)


def _means(result: StudyResult) -> html.Section:
    rows: list[list[object]] = []
    for variant in result.variants:
        mean, deviation, interval, seeds, failed = variant.mean
        ends = [_ends(interval), _ends(variant.interval_with_utterances)]
        rows.append([variant.name, mean, deviation, *ends, len(seeds), len(failed)])
    headers = ["variant", f"mean {result.plan.test_metric}", "standard deviation of seeds"]
    headers += ["95 % interval, other seeds", "other seeds and utterances", "seeds", "failed runs"]
    return html.section(
        "Results on test data",
        html.table(headers, rows),
        html.note(
            "Other seeds: Student's t over the seeds. With utterances: these are resampled, too. "
            "Failed runs are not in the mean."
        ),
    )


def _differences(result: StudyResult) -> html.Section:
    rows: list[list[object]] = [
        [
            found.name,
            found.mean,
            found.deviation,
            *_test_cells(found.by_seeds),
            *_test_cells(found.by_both),
            len(found.seeds),
        ]
        for found in result.differences
    ]
    kinds = ("other seeds", "other seeds and utterances")
    tests = [
        f"{name}, {kind}" for kind in kinds for name in ("95 % interval", "corrected interval", "corrected p")
    ]
    headers = ["variant", "difference", "standard deviation", *tests, "seeds"]
    return html.section(
        f"Differences to {result.plan.baseline}",
        html.table(headers, rows),
        html.note(
            "Paired by seed, the variant minus the baseline. Corrected for the number of variants (Holm)."
        ),
    )


def _test_cells(test: SeedTest | None) -> list[object]:
    return [_ends(test.interval), _ends(test.corrected), test.corrected_p] if test else ["–", "–", None]


def _ends(interval: Ends | None) -> str:
    return f"{html.number(interval.low)} to {html.number(interval.high)}" if interval else "–"


def _curves(result: StudyResult) -> html.Section | None:
    metric = result.plan.section.metric
    drawn = [variant for variant in result.variants if _curves_of(variant)]
    if not drawn:
        return None
    pictures = []
    for unit, place in (
        ("step", lambda point: point.step),
        ("seconds of training", lambda point: point.seconds),
    ):
        drawing, axes = canvas(unit, metric)
        for number, variant in enumerate(drawn):
            _draw_band(axes, number, variant, place)
        axes.legend()
        pictures.append(_picture(drawing, f"{metric} over {unit}: means of {len(drawn)} variants"))
    return html.section(
        f"Curves of {metric}",
        html.side_by_side(*pictures),
        html.note("Lines are means over the seeds, bands reach from the lowest to the highest seed."),
    )


def _curves_of(variant: VariantResult) -> list[Sequence[CurvePoint]]:
    return [run.curve for run in variant.runs if run.curve and run.value is not None]


def _draw_band(axes: Axes, number: int, variant: VariantResult, place: Callable[[CurvePoint], float]) -> None:
    """Draw the mean and the range of a variant's curves where all of them have values."""
    curves = _curves_of(variant)
    places = [[place(point) for point in curve] for curve in curves]
    first, last = max(one[0] for one in places), min(one[-1] for one in places)
    shared = np.linspace(first, max(first, last), _BAND_POINTS)
    values = np.array(
        [
            np.interp(shared, where, [point.value for point in curve])
            for where, curve in zip(places, curves, strict=True)
        ]
    )
    colour = COLOURS[number % len(COLOURS)]
    style = _STYLES[number // len(COLOURS) % len(_STYLES)]
    axes.plot(shared, values.mean(axis=0), color=colour, ls=style, label=variant.name)
    axes.fill_between(shared, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, lw=0)


def _picture(drawing: Figure, alt: str) -> Html:
    return html.figure(inline_svg(drawing), alt=alt, caption=f"{alt}.")


def _levels(result: StudyResult) -> html.Section | None:
    found = [(variant.name, variant.reached(level)) for level in result.levels for variant in result.variants]
    if not found:
        return None
    rows: list[list[object]] = [[one.level, name, one.runs, one.steps, one.seconds] for name, one in found]
    headers = [result.plan.section.metric, "variant", "runs that reached it", "steps", "seconds of training"]
    return html.section(
        "Steps and seconds to a level",
        html.table(headers, rows),
        html.note("Medians over the seeds at validations; empty where fewer than half reached the level."),
    )


def _budgets(result: StudyResult) -> html.Section:
    rows: list[list[object]] = []
    for variant in result.variants:
        costs = variant.cost_of_a_run
        sizes = [costs[key] / 2**20 if key in costs else None for key in ("memory_bytes", "optimizer_bytes")]
        rows.append([variant.name, *variant.budget.values(), costs.get("seconds_per_step"), *sizes])
    headers = ["variant", "tuning trials", "seeds", "failed", "steps", "processor seconds"]
    headers += ["seconds a step", "memory, MiB", "state of the optimizer, MiB"]
    return html.section(
        "Budgets and costs",
        html.table(headers, rows),
        html.note(
            "Counted until the last validation of each run. Seconds a step are without validations, and "
            "depend on what else the machine did."
        ),
    )


def _tuning(result: StudyResult) -> html.Section | None:
    if not any(variant.tuning for variant in result.variants):
        return None
    names = list(dict.fromkeys(name for variant in result.variants for name in variant.chosen))
    rows: list[list[object]] = [
        [
            variant.name,
            *(_cell(variant.chosen.get(name)) for name in names),
            len(variant.tuning),
            *_spread(variant),
        ]
        for variant in result.variants
    ]
    metric = result.plan.section.metric
    headers = ["variant", *names, "trials", f"best {metric}", "median", "worst"]
    pictures = [
        _values_picture(result, name, label) for name, label in zip(names, short_names(names), strict=True)
    ]
    return html.section(
        "Tuning",
        html.table(headers, rows),
        html.note("All values are of one seed. A flat optimum shows as many trials near the best one."),
        html.side_by_side(*pictures),
    )


def _cell(value: object) -> str:
    return "" if value is None else html.number(value)


def _values(variant: VariantResult) -> list[tuple[RunRecord, float]]:
    return [(run, run.value) for run in variant.tuning if run.value is not None]


def _spread(variant: VariantResult) -> list[float | None]:
    values = sorted(value for _, value in _values(variant))
    return [values[0], float(np.median(values)), values[-1]] if values else [None] * 3


def _values_picture(result: StudyResult, name: str, label: str) -> Html:
    """Draw the values of all tuning trials over one parameter."""
    metric = result.plan.section.metric
    drawing, axes = canvas(label, metric)
    for number, variant in enumerate(result.variants):
        found = [(run.parameters[name], value) for run, value in _values(variant) if name in run.parameters]
        are_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one, _ in found)
        points = sorted(found if are_numbers else [(str(one), value) for one, value in found])
        if points:
            style = _STYLES[number // len(COLOURS) % len(_STYLES)]
            axes.plot(
                *zip(*points, strict=True),
                "o",
                ls=style,
                ms=4,
                label=variant.name,
                color=COLOURS[number % len(COLOURS)],
            )
    if all(isinstance(value, float) and value > 0 for value in _all_drawn(result, name)):
        axes.set_xscale("log")
    axes.legend()
    return _picture(drawing, f"{metric} of the tuning trials over {label}")


def _all_drawn(result: StudyResult, name: str) -> list[object]:
    return [
        run.parameters[name] for one in result.variants for run, _ in _values(one) if name in run.parameters
    ]


def _runs(result: StudyResult) -> html.Section:
    rows: list[list[object]] = [
        [
            run.trial,
            variant.name,
            str(run.parameters[RUN_SEED]),
            run.state,
            run.value,
            run.tested,
            run.costs.step,
            run.failure or "",
        ]
        for variant in result.variants
        for run in variant.runs
    ]
    metrics = [result.plan.section.metric, result.plan.test_metric]
    headers = ["run", "variant", "seed", "state", *metrics, "steps", "remark"]
    return html.section("Runs", html.details("Every run", html.table(headers, rows)))
