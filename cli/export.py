"""``export MODEL --to hf|onnx|onnx-int8``: a trained model for other programs."""

import argparse
import importlib.util
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cli.errors import ConfigError
from cli.experiment import experiment_of
from cli.trained import find_checkpoint

if TYPE_CHECKING:
    from dataset_modules.contract import AudioParams
    from inference.model_card import Provenance
    from inference.parity import Utterance

log = logging.getLogger(__name__)

_TARGETS = ("hf", "onnx", "onnx-int8")
_DESCRIPTION = """Hand a trained model over: as a folder that transformers' pipeline opens, or as an ONNX graph.
With --check both hear the experiment's test set; the exit status is 1 where they differ (hf, onnx), or
where 8 bits cost more than 0.01 of phoneme error rate."""


class _Parser(argparse.ArgumentParser):
    """Mistakes end like those of any other command."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"export: {message}; see ./run.sh export --help")


def run_export(arguments: Sequence[str]) -> int:
    """Export; the exit status is 1 where a check does not hold."""
    options = _parser().parse_args(arguments)
    checkpoint = find_checkpoint("export", options.model)
    experiment = experiment_of(checkpoint)
    folder = options.output or _default_folder(checkpoint, experiment, options.to)
    _check(options, folder, experiment)
    # Imported only now: a wrong argument should not wait for it.
    from inference.acoustic_model import AcousticModel
    from inference.export import export
    from inference.huggingface import ExportError
    from inference.model_card import read_provenance
    from models.weights import CheckpointError

    try:
        model = AcousticModel.from_checkpoint(checkpoint)
        provenance = read_provenance(experiment, checkpoint.stem)
        utterances = list(_test_set(provenance, model.audio_params)) if options.check else []
        parity = export(
            model, options.to, folder, provenance, license_name=options.license, utterances=utterances
        )
    except (ExportError, CheckpointError) as error:
        raise ConfigError(str(error)) from error
    log.info("export: %s", folder)
    if parity is None:
        return 0
    sys.stdout.write(f"{parity}\n")
    return 0 if parity.holds(exact=options.to != "onnx-int8") else 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="./run.sh export", description=_DESCRIPTION)
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


def _test_set(provenance: "Provenance", audio_params: "AudioParams") -> Iterator["Utterance"]:
    """The clips of the test split as they were prepared for training, their labels without boundaries."""
    from cli.data_section import located_datasets
    from dataset_modules.audio import from_pcm16
    from dataset_modules.labels import WORD_BOUNDARY
    from inference.parity import Utterance

    for dataset in located_datasets(dict(provenance.configuration["data"])):
        for clip in dataset.prepare("test", audio_params).clips:
            phonemes = [phoneme for phoneme in clip.phonemes if phoneme != WORD_BOUNDARY]
            yield Utterance(from_pcm16(clip.samples), phonemes)
