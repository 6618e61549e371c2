"""``export MODEL --to hf|onnx|onnx-int8|space``: a trained model for other programs, or as a page."""

import argparse
import importlib.util
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.configuration.tool_parser import ToolParser
from experiment.contents import read_configuration, read_versions
from experiment.errors import ConfigError
from experiment.folder import find_checkpoint
from experiment.layout import CONFIGURATION_FILE, EXPORTS, experiment_of
from installation import PROGRAM, how_to_install
from untrusted.files import within

if TYPE_CHECKING:
    from inference.acoustic_model import AcousticModel
    from inference.handover.model_card import Provenance
    from inference.handover.parity import Utterance

log = logging.getLogger(__name__)

_TARGETS = ("hf", "onnx", "onnx-int8", "space")
_DESCRIPTION = """Hand a trained model over: a folder that transformers' pipeline opens, an ONNX graph, or a
folder that a Space of the Hugging Face Hub serves as the page of try.
With --check both process the experiment's test set; the exit status is 1 where they differ (hf, onnx), or
where 8 bits cost more than 0.01 of phoneme error rate."""


def run_export(arguments: Sequence[str]) -> int:
    """Export a model; the exit status is 1 where a check does not hold."""
    options = _parser().parse_args(arguments)
    checkpoint = find_checkpoint("export", options.model)
    experiment = experiment_of(checkpoint)
    # In the experiment's folder, or beside a checkpoint that stands alone.
    exports = within(experiment, EXPORTS) if experiment else checkpoint.parent / f"{checkpoint.stem}_exports"
    folder = options.output or exports / options.to
    _check(options, folder, experiment)
    if options.to == "space":
        return _export_space(options, folder, checkpoint, experiment)
    # Imported only now: a wrong argument should not wait for it.
    from dataset_modules.recording import AudioError
    from inference.acoustic_model import AcousticModel
    from inference.handover.bundle import export
    from inference.handover.hub import check_access, push
    from inference.handover.huggingface import ExportError
    from models.weights import CheckpointError
    from phonetics import VocabularyError

    try:
        if options.push:
            check_access(options.push)
        model = AcousticModel.from_checkpoint(checkpoint)
        provenance = _provenance(experiment, checkpoint)
        utterances = _test_set(_data_of(options, experiment), model) if options.check else None
        parity = export(
            model, options.to, folder, provenance, license_name=options.license, utterances=utterances
        )
        log.info("export: %s", folder)
        holds = parity is None or parity.holds(exact=options.to != "onnx-int8")
        if options.push and holds:
            log.info("hub: %s", push(folder, options.push, private=options.private))
    except (ExportError, CheckpointError, VocabularyError, AudioError) as error:
        raise ConfigError(str(error)) from error
    if parity is not None:
        sys.stdout.write(f"{parity}\n")
    if options.push and not holds:
        log.warning("hub: nothing was uploaded, because the check does not hold")
    return 0 if holds else 1


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} export", description=_DESCRIPTION)
    parser.add_argument("model", help="an experiment (its best checkpoint is taken), or a checkpoint")
    parser.add_argument("--to", choices=_TARGETS, required=True)
    parser.add_argument(
        "--output", type=Path, help="a new folder; left out, exports/TARGET in the experiment's"
    )
    parser.add_argument(
        "--language", nargs="+", help="of sentences, for --to space; left out, those of the training"
    )
    parser.add_argument("--license", help="of the weights, for the model card, such as mit or cc-by-4.0")
    parser.add_argument(
        "--push", metavar="OWNER/NAME", help="also upload the folder to this model of the Hugging Face Hub"
    )
    parser.add_argument("--private", action="store_true", help="with --push: create it as a private one")
    parser.add_argument("--check", action="store_true", help="compare with the checkpoint over the test set")
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        help="your own configuration of the test set, for --check; it may name any class, that of the "
        "experiment's folder only classes of this project",
    )
    return parser


def _export_space(
    options: argparse.Namespace, folder: Path, checkpoint: Path, experiment: Path | None
) -> int:
    from cli.commands.transcription.recording_labels import training_languages
    from inference.handover.space import write_space
    from models.weights import CheckpointError

    languages = options.language or training_languages(str(checkpoint))
    try:
        provenance = _provenance(experiment, checkpoint)
        write_space(checkpoint, experiment, folder, provenance, languages, options.license)
    except CheckpointError as error:
        raise ConfigError(str(error)) from error
    log.info("export: %s", folder)
    return 0


def _check(options: argparse.Namespace, folder: Path, experiment: Path | None) -> None:
    if folder.exists():
        raise ConfigError(f"export: --output must be a new folder, {folder} is there already")
    if options.private and not options.push:
        raise ConfigError("export: --private needs --push OWNER/NAME")
    if options.language and options.to != "space":
        raise ConfigError("export: --language goes with --to space")
    if options.to == "space":
        if options.push or options.check:
            raise ConfigError("export: --to space goes without --push and --check; push the folder with git")
        _check_languages(options.language or ())
        return
    if options.to != "hf":
        missing = [
            name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None
        ]
        if missing:
            raise ConfigError(
                f"export: --to {options.to} needs {' and '.join(missing)}; {how_to_install('onnx')}"
            )
    if options.config and not options.check:
        raise ConfigError("export: --config goes with --check, which reads the test set")
    has_own = experiment and CONFIGURATION_FILE.newest_in(experiment).is_file()
    if options.check and not options.config and not has_own:
        raise ConfigError(
            "export: --check needs the experiment's config.yaml beside its checkpoints, or --config FILE"
        )


def _check_languages(languages: Sequence[str]) -> None:
    """Refuse a language that the page of the Space would refuse when it starts."""
    from phonetics.text_to_phonemes.spoken_text import SpokenText

    try:
        for language in languages:
            SpokenText("espeak", language).check()
    except ValueError as error:
        raise ConfigError(f"export: --language: {error}") from error


def _provenance(experiment: Path | None, checkpoint: Path) -> "Provenance":
    """Read a checkpoint's configuration, metrics and versions from its experiment's folder."""
    from experiment.checkpoint_metrics import metrics_of
    from inference.handover.model_card import Provenance

    if experiment is None:
        return Provenance(checkpoint.stem, {}, {}, {})
    metrics = metrics_of(checkpoint, experiment)
    if metrics is None:
        log.warning(
            "export: nothing in %s was evaluated with %s as it is: the model card has no metrics; "
            f"run {PROGRAM} test first to have some",
            *(experiment, checkpoint.name),
        )
    return Provenance(
        experiment.resolve().name, read_configuration(experiment), metrics or {}, read_versions(experiment)
    )


def _data_of(options: argparse.Namespace, experiment: Path | None) -> dict[str, Any]:
    """Return the data section of the user's configuration, or that of the folder, which is not trusted."""
    from cli.configuration.configured_datasets import merged_sections
    from cli.configuration.values.foreign_data import foreign_data

    if options.config:
        return merged_sections(options.config)["data"]
    if experiment is None:
        raise ConfigError("export: --check needs an experiment, or --config FILE")
    file = CONFIGURATION_FILE.newest_in(experiment)
    return foreign_data(read_configuration(experiment).get("data") or {}, file)


def _test_set(data: dict[str, Any], model: "AcousticModel") -> Iterator["Utterance"]:
    """Yield the clips and the labels that an evaluation of the test split uses."""
    from cli.configuration.configured_datasets import located_datasets
    from dataset_modules.cache.clip_store import ClipSelection
    from dataset_modules.labels.encoder import LabelEncoder
    from dataset_modules.labels.usable_clips import usable_clips
    from dataset_modules.sources.audio import from_pcm16
    from inference.handover.parity import Utterance
    from phonetics import WORD_DELIMITER

    encode = LabelEncoder(model.vocabulary, data.get("unknown_phonemes", "skip"))
    stores = [dataset.prepare("test", model.audio_params).clips for dataset in located_datasets(data)]
    usable = [usable_clips(store, encode, model.frame_counts).indices for store in stores]
    clips = ClipSelection(stores, usable)
    if not len(clips):
        raise ConfigError("export: --check needs recordings in the test split, there are none of use")
    return (
        Utterance(
            from_pcm16(clip.samples),
            [name for name in model.vocabulary.decode(encode(clip.phonemes)) if name != WORD_DELIMITER],
        )
        for clip in clips
    )
