"""The report of an experiment: metrics, errors, learning curves, data, configuration, versions."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiment.contents import Curve, Experiment, SkippedRow
from experiment.layout import CHECKPOINTS, trained_folder
from reports import html
from reports.error_sections import (
    confusion_section,
    definitions_note,
    interval_notes,
    percent,
    result_numbers,
    slice_section,
    span,
)
from reports.html import Html, element
from reports.length_section import length_section
from reports.pictures import canvas, inline_png, inline_svg
from reports.utterance_section import utterance_section

_ROWS_SHOWN, _REASONS_SHOWN = 100, 12  # of recordings left out
_SPLITS = ("test", "val")
_CURVES = (
    ("Loss", "CTC loss", ("train_loss", "val_loss")),
    ("Phoneme error rate", "share", ("val_per",)),
    ("Learning rate, the largest of all groups", "rate", ("lr",)),
)


def experiment_page(experiment: Experiment) -> str:
    """Return the report as one HTML file."""
    sections = [
        _results(experiment),
        *_errors(experiment),
        _learning(experiment),
        _fam(experiment),
        _data(experiment.data, experiment.skipped),
        _use(experiment),
        _origin(experiment),
    ]
    return html.page(
        f"Experiment {experiment.name}",
        [part for part in sections if part is not None],
        lead="Results, errors, training and data of one experiment.",
        footer=f"Built from {experiment.folder}; rebuild it with ./run.sh report {experiment.folder}.",
    )


def _results(experiment: Experiment) -> html.Section:
    if not experiment.metrics and not experiment.analyses:
        return html.section("Results", html.paragraph("The run has not been evaluated yet."))
    evaluated = next(iter(experiment.analyses.values()), None)
    others = sorted(name for name in experiment.metrics if name.rpartition("_")[2] not in ("per", "loss"))
    return html.section(
        "Results",
        html.paragraph(f"The {evaluated.split} split:") if evaluated else "",
        result_numbers(evaluated) if evaluated else _plain_rates(experiment),
        interval_notes(evaluated) if evaluated else "",
        _split_table(experiment),
        html.details(
            "All metrics",
            html.table(["metric", "value"], [[name, experiment.metrics[name]] for name in others]),
        ),
        html.details(
            "Definitions of the metrics",
            [html.note(f"{name}: {meaning}.") for name, meaning in experiment.definitions.items()],
            definitions_note() if evaluated and "feature_error_rate" not in experiment.definitions else "",
        ),
    )


def _plain_rates(experiment: Experiment) -> Html:
    """Show the rates of splits without utterance records."""
    return html.key_metrics(
        [
            html.KeyMetric(
                f"PER, {split}", percent(experiment.metrics[f"{split}_per"]), _size(experiment, split)
            )
            for split in _SPLITS
            if f"{split}_per" in experiment.metrics
        ]
    )


def _split_table(experiment: Experiment) -> Html:
    rows: list[list[object]] = []
    for split in _SPLITS:
        analysis = experiment.analyses.get(split)
        if f"{split}_per" not in experiment.metrics and analysis is None:
            continue
        intervals = analysis.intervals if analysis else {}
        rows.append(
            [
                split,
                experiment.utterances.get(split) or (len(analysis.records) if analysis else None),
                percent(_of(experiment, split, "per")),
                span(intervals.get("per")),
                percent(analysis.feature_error_rate) if analysis else "–",
                _of(experiment, split, "loss"),
            ]
        )
    headers = ["split", "utterances", "phoneme error rate", "95 % interval", "feature error rate", "loss"]
    return html.table(headers, rows)


def _errors(experiment: Experiment) -> list[html.Section | None]:
    """Describe the errors in the first analysed split."""
    analysis = next(iter(experiment.analyses.values()), None)
    if analysis is None or not analysis.phonemes:
        return []
    return [
        confusion_section(analysis),
        slice_section(analysis),
        length_section(analysis),
        utterance_section(analysis, experiment.folder),
    ]


def _of(experiment: Experiment, split: str, name: str) -> float | None:
    return experiment.metrics.get(f"{split}_{name}")


def _size(experiment: Experiment, split: str) -> str:
    count = experiment.utterances.get(split)
    return f"{count} utterances" if count else ""


def _learning(experiment: Experiment) -> html.Section | None:
    drawn = [
        curves_picture(
            title, unit, {name: curve for name in names for curve in [_curve(experiment, name)] if curve}
        )
        for title, unit, names in _CURVES
        if any(_curve(experiment, name) for name in names)
    ]
    return html.section("Learning", html.side_by_side(*drawn)) if drawn else None


def _curve(experiment: Experiment, name: str) -> Curve | None:
    return experiment.curves.get(name)


def curves_picture(title: str, unit: str, curves: dict[str, Curve]) -> Html:
    """Plot metrics over steps in one picture."""
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
    return html.figure(inline_svg(drawing), alt=f"{title} over steps: {last}", caption=f"{title}: {last}.")


def _fam(experiment: Experiment) -> html.Section | None:
    if experiment.fam_record is None:
        return None
    # Imported here because these import torch, which takes seconds to load.
    from optim.fam.recorder import read_fam_records
    from optim.fam.recorder_plot import draw_fam_record

    records = read_fam_records(experiment.fam_record)
    if not records:
        return html.section(
            "FAM", html.paragraph("The debug record holds no step yet; FAM records every tenth step.")
        )
    alt = "Per layer: shares of the gradient's spectrum by band over steps, and the effective momentum"
    return html.section(
        "FAM",
        html.paragraph(
            "FAM analysed the gradients of each layer: the shares of the spectrum's energy by band "
            "(low frequencies at the bottom), and the momentum that follows from them."
        ),
        html.figure(inline_png(draw_fam_record(records), alt=alt), alt=alt, wide=True),
    )


def _data(facts: dict[str, dict[str, Any]], skipped: list[SkippedRow]) -> html.Section | None:
    """Show the hours and clips of each split, and why recordings were left out."""
    if not facts and not skipped:
        return None
    rows = [
        [split, own.get("clips"), own.get("hours"), own.get("recordings"), own.get("skipped")]
        for split, own in facts.items()
    ]
    reasons = Counter(" ".join(row.reason.split()[:6]) for row in skipped)
    listed: list[list[object]] = [[row.split, row.id, row.reason, row.path] for row in skipped[:_ROWS_SHOWN]]
    rest = len(skipped) - _ROWS_SHOWN
    return html.section(
        "Data",
        html.table(["split", "clips", "hours", "recordings", "left out"], rows) if rows else "",
        html.paragraph("No recording was left out.")
        if not skipped
        else html.table(
            ["reason", "recordings"],
            [[f"{reason} …", count] for reason, count in reasons.most_common(_REASONS_SHOWN)],
        ),
        html.details(
            "Recordings left out",
            html.table(["split", "recording", "reason", "file"], listed),
            html.note(f"And {rest:,} more, see skipped_recordings.tsv.") if rest > 0 else "",
        )
        if skipped
        else "",
    )


def _use(experiment: Experiment) -> html.Section | None:
    """Show commands that use the model."""
    path = evaluated_checkpoint(experiment)
    if path is None:
        return None
    checkpoint = shlex.quote(str(path))
    commands = (
        f"./run.sh transcribe {checkpoint} RECORDINGS --format textgrid --output transcripts",
        f"./run.sh export {checkpoint} --to hf      # or onnx, onnx-int8",
    )
    in_python = (
        "from inference import Recognizer",
        f"recognize = Recognizer.from_checkpoint({str(path)!r})",
        "print(recognize(waveform, sampling_rate).text)",
    )
    return html.section(
        "Using the model",
        html.paragraph(
            "The first command transcribes recordings with times; the second exports the model for other "
            "programs, with a model card that states these metrics:"
        ),
        element("pre", "\n".join(commands)),
        html.paragraph("In Python:"),
        element("pre", "\n".join(in_python)),
    )


def evaluated_checkpoint(experiment: Experiment) -> Path | None:
    """Find the evaluated checkpoint, relative to the current folder if it lies below it; None if it is gone.

    The metrics hold its path at evaluation: in a container, or before the folder was moved.
    """
    if not experiment.checkpoint:
        return None
    path = trained_folder(experiment.folder.resolve()) / CHECKPOINTS / Path(experiment.checkpoint).name
    if not path.is_file():
        return None
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _origin(experiment: Experiment) -> html.Section:
    packages: dict[str, str] = experiment.versions.get("packages", {})
    rows: Sequence[Sequence[object]] = [
        ["code", experiment.versions.get("revision") or "unknown"],
        ["Python", experiment.versions.get("python", "unknown")],
        *([name, version or "not installed"] for name, version in packages.items()),
    ]
    evaluated = experiment.checkpoint if experiment.checkpoint not in (None, "None") else None
    checkpoint = [html.paragraph("Evaluated checkpoint: ", html.code(evaluated))] if evaluated else []
    return html.section(
        "Origin",
        *checkpoint,
        html.details("Versions", html.table(["what", "version"], rows)),
        html.details("Configuration", element("pre", experiment.configuration)),
    )
