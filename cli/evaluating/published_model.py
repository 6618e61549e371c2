"""A published Hugging Face model in the place of a trained one: which it is, and what it changes."""

import logging
from collections import Counter
from pathlib import Path

from jsonargparse import Namespace

from cli.configuration.model_option import EVALUATIONS, names_huggingface
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.datamodule import PhonemeDataModule
from durable_files import write_durably
from evaluation.utterance_record import read_records
from experiment.errors import ConfigError
from experiment.experiment_plan import has_trained
from experiment.layout import SYMBOLS_FILE, recorded_splits
from models.huggingface import HuggingFaceModel
from models.output_symbols import OutputSymbols, Pronounce
from phonetics import (
    EspeakPhonemes,
    GraphemeToPhoneme,
    IpaNormaliser,
    TextToPhonemes,
    UnpronounceableError,
    backend_for,
)
from phonetics.notation.symbol_mapping import symbol_lines

log = logging.getLogger(__name__)

LETTERS_NOTE = (
    "it recognises letters, not phonemes: what is evaluated is the text that it spells, converted to "
    "phonemes; set its error rates beside others with care"
)
_USUAL_BACKEND: TextToPhonemes = "espeak"
_LISTED = 20  # symbols of one kind in a line of the log


def published_model(subcommand: str, section: Namespace, named: str | None) -> HuggingFaceModel | None:
    """Return the Hugging Face model that an evaluation is about; None where it is about a checkpoint.

    It is the one that ``--model`` names, a folder in ``ckpt_path``, or ``model.pretrained_name`` where
    ``ckpt_path`` is null and nothing was trained under this name.
    """
    if subcommand not in EVALUATIONS:
        return None
    folder = section.ckpt_path and Path(section.ckpt_path).is_dir()
    if named is None and folder and names_huggingface(section.ckpt_path):
        named = section.ckpt_path
    if named is not None:
        try:
            return HuggingFaceModel.read(named)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    if section.ckpt_path or section.model.pretrained_name is None or has_trained(section):
        return None
    try:
        return HuggingFaceModel.read(section.model.pretrained_name)
    except ValueError as error:  # an encoder; the missing checkpoint is reported
        log.info("%s", error)
        return None


def take_published(section: Namespace, source: HuggingFaceModel) -> None:
    """Change the configuration to what the model is; its references and data stay."""
    model = section.model
    model.pretrained_name, model.network_name = source.name, source.network_name
    model.network_config, model.initial_weights, model.intermediate_ctc = None, None, None
    model.map_vocabulary, model.cache_encoder, model.compile, model.layer_mix = False, None, False, False
    model.adapter, model.unfreeze = None, None
    section.only_weights_load, section.ckpt_path = False, None
    if section.decoding.language_model is not None:
        log.info("decoding: greedy; --model leaves the language model of the configuration out")
        section.decoding.beam, section.decoding.language_model = 1, None
    audio = Namespace(vars(source.audio_params))
    ours = section.audio_params if isinstance(section.audio_params, AudioParams) else AudioParams()
    if ours.sampling_rate != source.audio_params.sampling_rate:
        log.info("audio_params: %s takes %d samples a second", source.name, source.audio_params.sampling_rate)
    section.audio_params, model.audio_params, section.data.audio_params = audio, None, None


def log_symbols(source: HuggingFaceModel, output: OutputSymbols) -> None:
    """Log how the symbols of the model are mapped, and each that is not identical."""
    if source.kind == "letters":
        log.warning("model: %s: %s", source.name, LETTERS_NOTE)
        return
    if output.symbol_map and (misfit := output.symbol_map.misfit()):
        log.warning("symbols: %s", misfit)
    by_way = output.symbol_map.by_way() if output.symbol_map else {}
    for way, matches in by_way.items():
        if way == "identical" or not matches:
            continue
        listed = ", ".join(
            match.symbol if way == "none" else f"{match.symbol} → {' '.join(match.phonemes) or 'nothing'}"
            for match in matches[:_LISTED]
        )
        more = " …" if len(matches) > _LISTED else ""
        effect = _NO_PHONEME if way == "none" else ""
        log.info("symbols: %d %s%s: %s%s", len(matches), _WAYS[way], effect, listed, more)
    log.info("symbols: %d identical", len(by_way.get("identical", ())))


_NO_PHONEME = f", each one recognised counts as an error ({SYMBOLS_FILE}, edited, is a --model.symbol_map)"
_WAYS = {
    "declared": "by the table",
    "several": "are several phonemes",
    "nearest": "by the nearest features",
    "none": "without a phoneme",
}


def pronouncer(data: PhonemeDataModule) -> Pronounce:
    """Return the conversion of recognised texts to phonemes that the data sets use for their own texts."""
    dataset = data.sources.datasets[0]
    normalise = dataset.normalisation or IpaNormaliser()
    backends: dict[str | None, GraphemeToPhoneme] = {}

    def pronounce(text: str, language: str | None) -> tuple[str, ...]:
        language = language or dataset.language
        if language not in backends:
            # Data sets that bring phonemes with them may have no conversion; letters need one.
            chosen = backend_for(dataset.text_to_phonemes or _USUAL_BACKEND, language)
            backends[language] = chosen or EspeakPhonemes(language)
            backends[language].check()
        try:
            return normalise(backends[language](text))
        except UnpronounceableError:
            return ()

    return pronounce


def write_symbols(folder: Path, output: OutputSymbols) -> None:
    """Write the table of symbols with their counts; edited, it is a ``model.symbol_map``."""
    if output.symbol_map is None:
        return
    if output.kind == "letters":
        write_durably(folder / SYMBOLS_FILE, f"#! {LETTERS_NOTE}\n")
        return
    records = [record for path in recorded_splits(folder).values() for record in read_records(path)]
    counts = Counter(symbol for record in records for symbol in record.raw_hypothesis or ())
    write_durably(folder / SYMBOLS_FILE, symbol_lines(output.symbol_map, counts))
