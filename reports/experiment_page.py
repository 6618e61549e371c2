"""An experiment as a page: figures, learning curves, what its optimizer recorded, configuration, versions."""

from collections.abc import Sequence

from optim.fam_debug import read_fam_records
from optim.fam_debug_plot import draw_fam_record
from reports.experiment import Curve, Experiment
from reports.markup import Html, element
from reports.page import (
    KeyFigure,
    Section,
    code,
    details,
    figure,
    key_figures,
    note,
    page,
    paragraph,
    pictures,
    section,
    table,
)
from reports.pictures import canvas, inline_png, inline_svg

_SPLITS = ("test", "val")
_CURVES = (
    ("Loss", "CTC loss", ("train_loss", "val_loss")),
    ("Phoneme error rate", "share", ("val_per",)),
    ("Learning rate, the largest of all groups", "rate", ("lr",)),
)


def experiment_page(experiment: Experiment) -> str:
    """The whole page."""
    sections = [
        _results(experiment),
        _learning(experiment),
        _fam(experiment),
        _origin(experiment),
    ]
    return page(
        f"Experiment {experiment.name}",
        [part for part in sections if part is not None],
        lead="What was trained, how it went, and what it reached.",
        footer=f"Made from {experiment.folder}; rebuild it with ./run.sh report {experiment.name}.",
    )


def _results(experiment: Experiment) -> Section:
    if not experiment.figures:
        return section("Results", paragraph("The run has not come to its evaluation yet."))
    rows = [
        [split, experiment.utterances.get(split), *(_of(experiment, split, name) for name in ("per", "loss"))]
        for split in _SPLITS
        if f"{split}_per" in experiment.figures
    ]
    others = sorted(name for name in experiment.figures if name.rpartition("_")[2] not in ("per", "loss"))
    return section(
        "Results",
        key_figures(
            [
                KeyFigure(
                    f"PER, {split}",
                    f"{100 * experiment.figures[f'{split}_per']:.2f} %",
                    _size(experiment, split),
                )
                for split in _SPLITS
                if f"{split}_per" in experiment.figures
            ]
        ),
        table(["split", "utterances", "phoneme error rate", "loss"], rows),
        details(
            "All figures", table(["figure", "value"], [[name, experiment.figures[name]] for name in others])
        ),
        note(*(f"{name}: {meaning}. " for name, meaning in experiment.definitions.items())),
    )


def _of(experiment: Experiment, split: str, name: str) -> float | None:
    return experiment.figures.get(f"{split}_{name}")


def _size(experiment: Experiment, split: str) -> str:
    count = experiment.utterances.get(split)
    return f"{count} utterances" if count else ""


def _learning(experiment: Experiment) -> Section | None:
    drawn = [
        _curves(title, unit, {name: curve for name in names for curve in [_curve(experiment, name)] if curve})
        for title, unit, names in _CURVES
        if any(_curve(experiment, name) for name in names)
    ]
    return section("Learning", pictures(*drawn)) if drawn else None


def _curve(experiment: Experiment, name: str) -> Curve | None:
    return experiment.curves.get(name)


def _curves(title: str, unit: str, curves: dict[str, Curve]) -> Html:
    drawing, axes = canvas()
    for name, curve in curves.items():
        axes.plot(
            list(curve), list(curve.values()), label=name, marker="o" if len(curve) < 30 else None, ms=3
        )  # noqa: PLR2004
    axes.set_xlabel("step")
    axes.set_ylabel(unit)
    if len(curves) > 1:
        axes.legend()
    last = ", ".join(f"{name} ends at {list(curve.values())[-1]:.4g}" for name, curve in curves.items())
    return figure(inline_svg(drawing), alt=f"{title} over steps: {last}", caption=f"{title}: {last}.")


def _fam(experiment: Experiment) -> Section | None:
    if experiment.fam_record is None:
        return None
    records = read_fam_records(experiment.fam_record)
    if not records:
        return section("FAM", paragraph("The debug record holds no step yet: FAM records every tenth one."))
    alt = "Per layer: shares of the gradient's spectrum by band over steps, and the effective momentum"
    return section(
        "FAM",
        paragraph(
            "What FAM read in the gradients: for each layer, how the spectrum's energy is spread over bands "
            "(low frequencies at the bottom), and the momentum that followed from it."
        ),
        figure(inline_png(draw_fam_record(records), alt=alt), alt=alt, wide=True),
    )


def _origin(experiment: Experiment) -> Section:
    packages: dict[str, str] = experiment.versions.get("packages", {})
    rows: Sequence[Sequence[object]] = [
        ["code", experiment.versions.get("revision") or "unknown"],
        ["Python", experiment.versions.get("python", "unknown")],
        *([name, version or "not installed"] for name, version in packages.items()),
    ]
    checkpoint = (
        [paragraph("Judged checkpoint: ", code(experiment.checkpoint))] if experiment.checkpoint else []
    )
    return section(
        "Origin",
        *checkpoint,
        details("Versions", table(["what", "version"], rows)),
        details("Configuration", element("pre", experiment.configuration)),
    )
