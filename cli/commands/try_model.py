"""``try MODEL``: a page in the browser, on this machine, that shows what a model recognises in speech."""

import argparse
import errno
import io
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.configuration.model_option import model_source
from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from experiment.layout import experiment_of
from installation import PROGRAM

if TYPE_CHECKING:
    from webpage.answers import Answers, OfferedModel
    from webpage.server import PageServer

log = logging.getLogger(__name__)

_PORT = 7860
_DESCRIPTION = """Open a page on this machine: record with the microphone or drop a file, and see the phonemes
over a spectrogram and play each one. A sentence to be read is scored, and what was said instead is shown. The
recordings stay in this program's memory until they are answered. Ctrl-C ends it."""


def run_try(arguments: Sequence[str]) -> int:
    """Serve the page until a signal comes."""
    options = _parser().parse_args(arguments)
    sources = {name: model_source("try", name) for name in options.models}
    # Imported only now: a wrong argument should not wait for it.
    from webpage.answers import Answers

    models = {name: _offered(source, options) for name, source in sources.items()}
    answers = Answers(models)
    for name, model in models.items():
        _warm_up(answers, name, next(filter(None, model.languages), ""))
    with _server(options, answers) as server:
        if not server.is_local:
            log.warning("try: every machine that reaches %s can use the page", options.host)
        sys.stdout.write(f"Open {server.address} in a browser; Ctrl-C ends the page.\n")
        sys.stdout.flush()
        server.serve_forever()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} try", description=_DESCRIPTION)
    parser.add_argument(
        "models",
        nargs="+",
        metavar="model",
        help="an experiment, a checkpoint, an ONNX export or a Hugging Face CTC model; or several",
    )
    parser.add_argument(
        "--language",
        nargs="+",
        help="of sentences, such as ru or en-us; left out, those of the training, else all of espeak-ng",
    )
    parser.add_argument("--text_to_phonemes", default="espeak", help="espeak, epitran or a dictionary file")
    parser.add_argument("--host", default="127.0.0.1", help="an address of this machine; 0.0.0.0: all")
    parser.add_argument("--port", type=int, help=f"left out, {_PORT}, or any that is free")
    parser.add_argument("--device", default="auto", help="auto (a GPU, where there is one), cpu, cuda:1 …")
    return parser


def _offered(source: str, options: argparse.Namespace) -> "OfferedModel":
    """Load a model with the search and the calibration that belong to it."""
    from cli.commands.pronunciation.calibration_file import calibration_of, warn_of_another_model
    from cli.commands.transcribe import chosen_device
    from inference.decoding.kept_decoder import kept_decoder
    from inference.decoding.ngram import NgramError
    from inference.model_loading import load_model
    from inference.recognizer import Recognizer
    from scoring.scorer import PronunciationScorer
    from webpage.answers import OfferedModel

    calibration = calibration_of(argparse.Namespace(model=source, calibration=None), "all")
    try:
        model = load_model(source, chosen_device(options.device))
        experiment = experiment_of(Path(source))
        decoder = kept_decoder(experiment, model.vocabulary) if experiment else None
        languages = _languages(source, options)
    except (ValueError, NgramError) as error:  # of a checkpoint, a search, a Hugging Face model, a language
        raise ConfigError(str(error)) from error
    warn_of_another_model(calibration, model)
    scorer = PronunciationScorer(model.vocabulary, model.clock, calibration=calibration)
    return OfferedModel(Recognizer(model, decoder), scorer, options.text_to_phonemes, languages)


def _languages(source: str, options: argparse.Namespace) -> Mapping[str, str]:
    """Return the codes and names of the languages that the page offers for sentences."""
    from cli.commands.transcription.recording_labels import training_languages
    from phonetics.languages import usual_variety
    from phonetics.text_to_phonemes.espeak import espeak_languages
    from phonetics.text_to_phonemes.spoken_text import SpokenText

    codes = options.language or training_languages(source)
    for code in options.language or ():
        SpokenText(options.text_to_phonemes, code).check()
    if not codes and options.text_to_phonemes == "epitran":
        raise ValueError("try: --text_to_phonemes epitran needs --language")
    if options.text_to_phonemes != "espeak":
        return {code: code for code in codes}
    try:
        names = espeak_languages()
    except ValueError as error:  # espeak-ng is not installed
        log.warning("try: sentences cannot be scored: %s", error)
        return {}
    if codes:
        return {code: names.get(usual_variety(code), code) for code in codes}
    return {"": "choose one"} | dict(sorted(names.items(), key=lambda pair: pair[1]))


def _warm_up(answers: "Answers", model: str, language: str) -> None:
    """Answer a question about noise, so that a person does not wait for libraries."""
    import numpy as np
    import soundfile

    from webpage.answers import Question

    stream = io.BytesIO()
    soundfile.write(stream, np.random.default_rng(0).normal(0, 0.1, 32_000), 16_000, format="WAV")
    answers(Question(stream.getvalue(), model, language, "a"))


def _server(options: argparse.Namespace, answers: "Answers") -> "PageServer":
    from webpage.server import PageServer

    try:
        return PageServer(options.host, _PORT if options.port is None else options.port, answers)
    except OverflowError as error:
        raise ConfigError(f"try: --port must be in 0…65535, got {options.port}") from error
    except OSError as error:
        if options.port is None and error.errno == errno.EADDRINUSE:
            return PageServer(options.host, 0, answers)
        raise ConfigError(f"try: cannot serve at {options.host}, port {options.port}: {error}") from error
