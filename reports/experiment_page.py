"""The report of an experiment: metrics, errors, learning curves, data, configuration, versions."""

import filecmp
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from evaluation.error_analysis import FEATURE_DEFINITION, SplitAnalysis
from evaluation.intervals import INTERVAL_DEFINITION
from experiment.contents import Experiment, SkippedRow
from experiment.folder import best_checkpoint
from experiment.kept_search import read_search
from experiment.layout import CHECKPOINTS, EVALUATIONS, LANGUAGE_MODEL_FILE, METRICS_FILE, trained_folder
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
from reports.length_section import length_section
from reports.symbol_section import symbol_section
from reports.training_sections import fam_section, layer_section, learning_section
from reports.utterance_section import utterance_section
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
        fam_section(experiment.fam_record),
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
        return html.section("Results", *_evaluations(experiment.folder))
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


def _evaluations(folder: Path) -> list[Html]:
    """State that the training has no results, and how to show those of its evaluations."""
    found = sorted(path.parent for path in (folder / EVALUATIONS).glob(f"*/{METRICS_FILE}"))
    if not found:
        return [html.paragraph("The run has not been evaluated yet.")]
    commands = [f"{PROGRAM} report {shlex.quote(str(each))}" for each in found]
    return [
        html.paragraph("The end of training was not evaluated. Later evaluations have reports of their own:"),
        element("pre", "\n".join(commands)),
    ]


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
    """Show commands that use the model as it was evaluated."""
    path = evaluated_checkpoint(experiment)
    if path is None:
        return None
    options = _search_options(experiment.folder)
    is_searched = read_search(experiment.folder) is not None
    takes_kept = is_searched and not options
    model = _briefest_name(path) if takes_kept else path
    commands = f"""\
{PROGRAM} transcribe {shlex.quote(str(model))} RECORDINGS{options} --format textgrid --output data/transcripts
{PROGRAM} export {shlex.quote(str(path))} --to hf      # or onnx, onnx-int8"""
    build = "from_experiment" if takes_kept else "from_checkpoint"
    in_python = f"""\
import soundfile
from inference import Recognizer

waveform, sampling_rate = soundfile.read("recording.wav")
recognize = Recognizer.{build}({str(model)!r})
print(recognize(waveform, sampling_rate).text)"""
    return html.section(
        "Using the model",
        html.paragraph(
            "The first command transcribes recordings with times, decoded as the test data were; the second "
            "exports the model for other programs, with a model card that states these metrics:"
        ),
        element("pre", commands),
        html.paragraph("In Python, without the search:" if is_searched and options else "In Python:"),
        element("pre", in_python),
    )


def _search_options(folder: Path) -> str:
    """Return the options of ``transcribe`` for the search of an evaluation; none for the experiment's."""
    trained = trained_folder(folder.resolve())
    search, kept = read_search(folder), read_search(trained)
    own, other = (each / LANGUAGE_MODEL_FILE for each in (folder, trained))
    has_model = search is not None and search.has_language_model
    if has_model and not (own.is_file() and other.is_file()):  # deleted
        return ""
    if search == kept and not (has_model and not filecmp.cmp(own, other, shallow=False)):
        return ""
    if search is None:
        return " --beam 1"
    model = f" --lm {shlex.quote(str(own))} --lm_weight {search.lm_weight}" if has_model else ""
    return f" --beam {search.beam}{model} --token_bonus {search.token_bonus}"


def _briefest_name(checkpoint: Path) -> Path:
    """Return the experiment of its best checkpoint; another checkpoint stays."""
    folder = checkpoint.parent.parent
    best = best_checkpoint(folder)
    return folder if best is not None and best.name == checkpoint.name else checkpoint


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
