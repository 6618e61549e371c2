"""The report of an experiment: metrics, errors, learning curves, data, configuration, versions."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.error_analysis import FEATURE_DEFINITION, SplitAnalysis
from evaluation.intervals import INTERVAL_DEFINITION
from experiment.contents import Curve, Experiment, SkippedRow
from experiment.layout import CHECKPOINTS, trained_folder
from installation import PROGRAM
from reports import html
from reports.error_sections import (
    confusion_section,
    detection_sections,
    interval_notes,
    percent,
    result_numbers,
    search_note,
    slice_section,
    span,
)
from reports.html import Html, element
from reports.layer_section import layer_section
from reports.length_section import length_section
from reports.pictures import canvas, inline_png, inline_svg
from reports.symbol_section import symbol_section
from reports.utterance_section import utterance_section
from untrusted.files import open_regular
from wording import number_of

_ROWS_SHOWN, _REASONS_SHOWN = 100, 12  # of recordings left out
# Of a split: keys of the description → headers.
_SIZES = {
    "recordings": "recordings",
    "synthetic": "of them synthetic",
    "copies": "copies",
    "skipped": "left out",
    "clips": "clips",
    "hours": "hours",
}
_FEW_POINTS = 30  # of a curve, which are marked one by one
_SPLITS = ("test", "val")
_CURVES = (
    ("Loss", "CTC loss", ("train_loss", "val_loss")),
    ("Phoneme error rate", "errors per reference phoneme", ("val_per",)),
    ("Learning rate, the largest of all groups", "rate", ("lr",)),
)


def experiment_page(experiment: Experiment) -> str:
    """Return the report as one HTML file."""
    sections = [
        _results(experiment),
        symbol_section(experiment.symbols),
        *_errors(experiment),
        *detection_sections(experiment.pronunciation),
        learning_section(
            [
                (title, unit, {name: experiment.curves[name] for name in names if name in experiment.curves})
                for title, unit, names in _CURVES
            ]
        ),
        layer_section(experiment.metrics),
        _fam(experiment),
        _data(experiment.data, experiment.skipped),
        _use(experiment),
        _origin(experiment),
    ]
    return html.page(
        f"Experiment {experiment.name}",
        sections,
        lead="Results, errors, training and data of one experiment.",
        footer=f"Built from {experiment.folder}; rebuild it with {PROGRAM} report {experiment.folder}.",
    )


def _results(experiment: Experiment) -> html.Section:
    if not experiment.metrics and not experiment.analyses:
        return html.section("Results", html.paragraph("The run has not been evaluated yet."))
    evaluated = next(iter(experiment.analyses.values()), None)
    others = sorted(
        set(experiment.metrics) - {f"{split}_{of}" for split in _SPLITS for of in ("per", "loss")}
    )
    return html.section(
        "Results",
        _mute_warning(evaluated) if evaluated else "",
        html.paragraph(f"The {evaluated.split} split:") if evaluated else "",
        result_numbers(evaluated) if evaluated else _plain_rates(experiment),
        search_note(experiment.metrics.get("test_greedy_per")),
        list(interval_notes(evaluated)) if evaluated else "",
        _split_table(experiment),
        html.details(
            "All metrics",
            html.table(["metric", "value"], [[name, experiment.metrics[name]] for name in others]),
        ),
        html.details(
            "Definitions of the metrics",
            [html.note(f"{name}: {meaning}.") for name, meaning in _definitions(experiment).items()],
        ),
    )


def _definitions(experiment: Experiment) -> dict[str, str]:
    """Return the definitions in ``metrics.json``; older ones lack those of the analysis of errors."""
    of_analysis = {"feature_error_rate": FEATURE_DEFINITION, "intervals": INTERVAL_DEFINITION}
    return (of_analysis if experiment.analyses else {}) | experiment.definitions


def _mute_warning(analysis: SplitAnalysis) -> Html:
    """State first that a model recognises nothing: its error rate of 100 % could have other causes."""
    if not analysis.recognises_nothing:
        return Html("")
    return html.callout(
        "bad",
        "mute",
        "The model recognises no phoneme",
        html.paragraph(
            "Every frame of every utterance is a blank, as in the first few hundred steps of any CTC "
            "training. Train for more steps, raise the learning rate after a short warm-up, or start from a "
            "pretrained encoder."
        ),
    )


def _plain_rates(experiment: Experiment) -> Html:
    """Show the rates of splits without utterance records."""
    rates = {split: experiment.metrics.get(f"{split}_per") for split in _SPLITS}
    sizes = {split: number_of(count, "utterance") for split, count in experiment.utterances.items() if count}
    return html.key_metrics(
        *(
            html.KeyMetric(f"PER, {split}", percent(rate), sizes.get(split, ""))
            for split, rate in rates.items()
            if rate is not None
        )
    )


def _split_table(experiment: Experiment) -> Html:
    metrics, rows = experiment.metrics, []
    for split in _SPLITS:
        analysis = experiment.analyses.get(split)
        if f"{split}_per" not in metrics and analysis is None:
            continue
        rows.append(
            [
                split,
                experiment.utterances.get(split) or (len(analysis.records) if analysis else None),
                percent(metrics.get(f"{split}_per")),
                span(analysis.intervals.get("per") if analysis else None),
                percent(analysis.feature_error_rate if analysis else None),
                metrics.get(f"{split}_loss"),
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


def learning_section(plots: Sequence[tuple[str, str, Mapping[str, Curve]]]) -> html.Section | None:
    """Plot curves over steps: a title, a unit and the named curves for each picture."""
    drawn = [_curves_picture(title, unit, curves) for title, unit, curves in plots if curves]
    return html.section("Learning", html.side_by_side(*drawn)) if drawn else None


def _curves_picture(title: str, unit: str, curves: Mapping[str, Curve]) -> Html:
    drawing, axes = canvas("step", unit)
    for name, curve in curves.items():
        marker = "o" if len(curve) < _FEW_POINTS else None
        axes.plot(list(curve), list(curve.values()), label=name, marker=marker, ms=3)
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

    try:
        open_regular(experiment.fam_record).close()
        records = read_fam_records(experiment.fam_record)
    except (OSError, ValueError, TypeError, KeyError) as error:
        return html.section("FAM", html.paragraph(f"The debug record cannot be read: {error}"))
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


def _is_shown(column: str, facts: dict[str, dict[str, Any]]) -> bool:
    return column not in ("synthetic", "copies") or any(numbers.get(column) for numbers in facts.values())


def _data(facts: dict[str, dict[str, Any]], skipped: list[SkippedRow]) -> html.Section | None:
    """Show the hours and clips of each split, and why recordings were left out."""
    if not facts and not skipped:
        return None
    headers = {column: header for column, header in _SIZES.items() if _is_shown(column, facts)}
    rows = [[split, *map(numbers.get, headers)] for split, numbers in facts.items()]
    reasons = Counter(" ".join(row.reason.split()[:6]) for row in skipped).most_common(_REASONS_SHOWN)
    listed = [[row.split, row.id, row.reason, row.path] for row in skipped[:_ROWS_SHOWN]]
    rest = len(skipped) - _ROWS_SHOWN
    left_out = (
        html.table(["reason", "recordings"], [[f"{reason} …", count] for reason, count in reasons]),
        html.details(
            "Recordings left out",
            html.table(["split", "recording", "reason", "file"], listed),
            html.note(f"And {rest:,} more, see skipped_recordings.tsv.") if rest > 0 else "",
        ),
    )
    return html.section(
        "Data",
        html.table(["split", *headers.values()], rows) if rows else "",
        left_out if skipped else html.paragraph("No recording was left out."),
    )


def _use(experiment: Experiment) -> html.Section | None:
    """Show commands that use the model."""
    path = evaluated_checkpoint(experiment)
    if path is None:
        return None
    checkpoint = shlex.quote(str(path))
    commands = f"""\
{PROGRAM} transcribe {checkpoint} RECORDINGS --format textgrid --output transcripts
{PROGRAM} export {checkpoint} --to hf      # or onnx, onnx-int8"""
    in_python = f"""\
import soundfile
from inference import Recognizer

waveform, sampling_rate = soundfile.read("recording.wav")
recognize = Recognizer.from_checkpoint({str(path)!r})
print(recognize(waveform, sampling_rate).text)"""
    return html.section(
        "Using the model",
        html.paragraph(
            "The first command transcribes recordings with times; the second exports the model for other "
            "programs, with a model card that states these metrics:"
        ),
        element("pre", commands),
        html.paragraph("In Python:"),
        element("pre", in_python),
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
    versions = experiment.versions
    rows = [
        ["code", versions.get("revision") or "unknown"],
        ["Python", versions.get("python", "unknown")],
        *([name, version or "not installed"] for name, version in versions.get("packages", {}).items()),
    ]
    evaluated = experiment.checkpoint if experiment.checkpoint != "None" else None
    return html.section(
        "Origin",
        html.paragraph("Evaluated checkpoint: ", html.code(evaluated)) if evaluated else "",
        html.details("Versions", html.table(["what", "version"], rows)),
        html.details("Configuration", element("pre", experiment.configuration)),
    )
