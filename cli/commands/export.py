"""``export MODEL --to hf|onnx|onnx-int8``: a trained model for other programs."""

import argparse
import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.commands.tool_parser import ToolParser
from experiment.errors import ConfigError
from experiment.folder import EVALUATIONS, experiment_of
from experiment.trained import find_checkpoint

if TYPE_CHECKING:
    from inference.acoustic_model import AcousticModel
    from inference.handover.model_card import Provenance
    from inference.handover.parity import Utterance

log = logging.getLogger(__name__)

_TARGETS = ("hf", "onnx", "onnx-int8")
_DESCRIPTION = """Hand a trained model over: a folder that transformers' pipeline opens, or an ONNX graph.
With --check both hear the experiment's test set; the exit status is 1 where they differ (hf, onnx), or
where 8 bits cost more than 0.01 of phoneme error rate."""


def run_export(arguments: Sequence[str]) -> int:
    """Export; the exit status is 1 where a check does not hold."""
    options = _parser().parse_args(arguments)
    checkpoint = find_checkpoint("export", options.model)
    experiment = experiment_of(checkpoint)
    folder = options.output or _default_folder(checkpoint, experiment, options.to)
    _check(options, folder, experiment)
    # Imported only now: a wrong argument should not wait for it.
    from dataset_modules.recording import AudioError
    from inference.acoustic_model import AcousticModel
    from inference.handover.formats_to_export import export
    from inference.handover.huggingface import ExportError
    from inference.handover.model_card import read_provenance
    from models.weights import CheckpointError
    from phonetics import VocabularyError

    try:
        model = AcousticModel.from_checkpoint(checkpoint)
        provenance = _with_figures(read_provenance(experiment, checkpoint.stem), experiment, checkpoint)
        utterances = _test_set(provenance, model) if options.check else None
        parity = export(
            model, options.to, folder, provenance, license_name=options.license, utterances=utterances
        )
    except (ExportError, CheckpointError, VocabularyError, AudioError) as error:
        raise ConfigError(str(error)) from error
    log.info("export: %s", folder)
    if parity is None:
        return 0
    sys.stdout.write(f"{parity}\n")
    return 0 if parity.holds(exact=options.to != "onnx-int8") else 1


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog="./run.sh export", description=_DESCRIPTION)
    parser.add_argument("model", help="an experiment (its best checkpoint is taken), or a checkpoint")
    parser.add_argument("--to", choices=_TARGETS, required=True)
    parser.add_argument(
        "--output", type=Path, help="a new folder; left out, exports/TARGET in the experiment's"
    )
    parser.add_argument("--license", help="of the weights, for the model card, such as mit or cc-by-4.0")
    parser.add_argument("--check", action="store_true", help="compare with the checkpoint over the test set")
    return parser


def _default_folder(checkpoint: Path, experiment: Path | None, target: str) -> Path:
    """In the experiment's folder, or beside a checkpoint that stands alone."""
    return (
        experiment / "exports" if experiment else checkpoint.parent / f"{checkpoint.stem}_exports"
    ) / target


def _check(options: argparse.Namespace, folder: Path, experiment: Path | None) -> None:
    if folder.exists():
        raise ConfigError(f"export: --output must be a new folder, {folder} is there already")
    if options.to != "hf":
        missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigError(f"export: --to {options.to} needs {' and '.join(missing)} (the extra onnx)")
    if options.check and not (experiment and (experiment / "config.yaml").is_file()):
        raise ConfigError("export: --check needs the experiment's config.yaml beside its checkpoints")


def _with_figures(provenance: "Provenance", experiment: Path | None, checkpoint: Path) -> "Provenance":
    """The figures of this checkpoint and no other, from the experiment or the newest evaluation of it."""
    from inference.handover.model_card import read_metrics

    found = {folder: read_metrics(folder) for folder in _judged_folders(experiment)}
    own = [folder for folder, metrics in found.items() if _is_of(metrics, folder, checkpoint)]
    if own:
        # The first one that speaks of the test split, which is what the card is read for.
        folder = next((folder for folder in own if "test_per" in found[folder]), own[0])
        return provenance._replace(metrics={**found[folder], "intervals": _intervals(folder)})
    if experiment:
        log.warning(
            "export: nothing in %s was evaluated with %s as it is: the card has no figures; "
            "./run.sh test makes some",
            experiment,
            checkpoint.name,
        )
    return provenance._replace(metrics={})


def _judged_folders(experiment: Path | None) -> list[Path]:
    """The experiment's own folder, then its evaluations, newest first."""
    if experiment is None:
        return []
    evaluations = [path.parent for path in (experiment / EVALUATIONS).glob("*/metrics.json")]
    return [experiment, *sorted(evaluations, key=_judged_at, reverse=True)]


def _judged_at(folder: Path) -> int:
    return (folder / "metrics.json").stat().st_mtime_ns


def _is_of(metrics: Mapping[str, Any], folder: Path, checkpoint: Path) -> bool:
    """Whether figures are of a checkpoint: by its content; older ones by its name, if it was there then."""
    from models.checkpoint_digest import checkpoint_digest

    if not metrics.get("checkpoint"):
        return False
    if "checkpoint_digest" in metrics:
        return bool(metrics["checkpoint_digest"] == checkpoint_digest(checkpoint))
    # Folders move, names of files do not.
    same_name = Path(metrics["checkpoint"]).name == checkpoint.name
    return same_name and checkpoint.stat().st_mtime_ns <= _judged_at(folder)


def _intervals(folder: Path) -> dict[str, tuple[float, float]]:
    """Of the error rates, where a folder keeps what was heard in each utterance."""
    from evaluation.intervals import rate_interval
    from evaluation.utterance_record import read_records, recorded_splits

    intervals: dict[str, tuple[float, float]] = {}
    for split, path in recorded_splits(folder).items():
        counts = [record.edits for record in read_records(path)]
        found = rate_interval([one.errors for one in counts], [one.reference_length for one in counts])
        if found is not None:
            intervals[f"{split}_per"] = (found.low, found.high)
    return intervals


def _test_set(provenance: "Provenance", model: "AcousticModel") -> Iterator["Utterance"]:
    """The clips that an evaluation hears of the test split, one by one, with the labels it goes by."""
    from cli.configuration.data_section import located_datasets
    from dataset_modules.labels.encoder import WORD_BOUNDARY, LabelEncoder
    from dataset_modules.labels.usable_clips import ClipSubset, usable_clips
    from dataset_modules.sources.audio import from_pcm16
    from inference.handover.parity import Utterance

    data = dict(provenance.configuration["data"])
    encode = LabelEncoder(model.vocabulary, data.get("unknown_phonemes", "skip"))
    stores = [dataset.prepare("test", model.audio_params).clips for dataset in located_datasets(data)]
    subsets = [ClipSubset(store, usable_clips(store, encode, model.frame_counts).indices) for store in stores]
    if not any(map(len, subsets)):
        raise ConfigError("export: --check needs recordings in the test split, there are none of use")
    clips = (subset[index] for subset in subsets for index in range(len(subset)))
    return (
        Utterance(
            from_pcm16(clip.samples),
            [name for name in model.vocabulary.decode(encode(clip.phonemes)) if name != WORD_BOUNDARY],
        )
        for clip in clips
    )
