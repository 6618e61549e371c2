"""What is said in recordings: by options, label files beside them or tables, as phonemes of the model."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.options import LabelOptions
from dataset_modules.sources.annotations.side_files import LabelFiles, SideFiles
from dataset_modules.sources.annotations.summary import LabelSummary
from dataset_modules.sources.folders.audio_folder import label_files_of
from experiment.contents import read_configuration
from experiment.errors import ConfigError
from experiment.layout import experiment_of
from inference.handover.label_sources import label_sources
from phonetics import IpaNormaliser
from phonetics.text_to_phonemes.spoken_text import LanguageNeededError, SpokenText
from untrusted.files import FileError, read_text

if TYPE_CHECKING:
    from cli.commands.transcription.recordings import NamedRecording

Made = TypeVar("Made")
Labels = list[LabelledSegment] | str  # of a recording, or why there are none


def stated_label(options: argparse.Namespace, command: str) -> LabelledSegment | None:
    """Return what ``--text`` or ``--phonemes`` state, of no recording yet; None without both."""
    if options.text and options.phonemes:
        raise ConfigError(f"{command}: give --text or --phonemes, not both")
    for name in ("text", "phonemes"):
        given = getattr(options, name)
        if given is not None and not given.strip():
            raise ConfigError(f"{command}: --{name} must not be empty")
    if not options.text and not options.phonemes:
        return None
    text = options.text and _text_of(options.text, command)
    return LabelledSegment(Path(), phonemes=tuple((options.phonemes or "").split()) or None, text=text)


def label_folder(options: argparse.Namespace) -> Path | Literal["beside"] | None:
    """Return where label files are read; None where options state what is said."""
    return None if options.text or options.phonemes else options.labels or "beside"


def _text_of(given: str, command: str) -> str:
    """Return a text, or that of a file in one line; a path that names no file is not spoken."""
    path = Path(given)
    try:
        if path.is_file():
            return " ".join(read_text(path).split())
        is_path = path.suffix.lower() == ".txt" or ("/" in given and path.parent.is_dir())
    except FileError as error:
        raise ConfigError(f"{command}: --text: {error}") from error
    except OSError:  # longer than a name of a file can be
        return given
    if is_path:
        raise ConfigError(f"{command}: --text must be a text or a file with it, there is no file {given!r}")
    return given


def labels_beside(
    options: argparse.Namespace, recordings: Sequence["NamedRecording"], command: str
) -> Iterator[Labels]:
    """Return what the label file of each recording holds, or why it is not known."""
    files = [
        label_files_of(one.audio.path, options.labels and options.labels / one.result.parent)
        for one in recordings
    ]
    choice = LabelOptions(kind=options.label_kind, tier=options.label_tier, longest_seconds=float("inf"))
    side = SideFiles(Path(options.recordings[0]), files, choice, LabelSummary())
    return (_segments(side, one, own, command) for one, own in zip(recordings, files, strict=True))


def _segments(side: SideFiles, recording: "NamedRecording", files: LabelFiles, command: str) -> Labels:
    if side.suffix_of(files) is None:
        return "it needs --text, --phonemes, or a label file beside it or in the folder --labels"
    try:
        return side.segments(recording.audio.path, files)
    except AudioError as error:
        return str(error)
    except ValueError as error:  # what the label files hold is not clear
        raise ConfigError(f"{command}: {error}") from error


class LabelReader:
    """Turns labels into phonemes in the spelling of vocabularies."""

    def __init__(self, options: argparse.Namespace, command: str) -> None:
        self._choice, self._command = options.text_to_phonemes, command
        self._language = options.language
        self._usual = options.language or _language_of(options.model)
        self._normalise = IpaNormaliser()
        self._spoken: dict[str | None, SpokenText] = {}
        reader = self._reader(self._usual)  # what cannot work is refused at once
        if options.language:
            self._refusing(reader.check)

    def __call__(self, segment: LabelledSegment) -> Sequence[str]:
        """Return the phonemes of a label; a text is converted in the language of the options or its own."""
        if segment.fault:
            raise AudioError(segment.fault)
        if segment.phonemes is not None:
            return self._normalise(segment.phonemes)
        if not segment.text:
            raise ValueError("it has no label")
        try:
            return self._reader(self._language or segment.language or self._usual)(segment.text)
        except LanguageNeededError as error:
            raise ConfigError(f"{self._command}: a text needs --language, such as ru or en-us") from error

    def _reader(self, language: str | None) -> SpokenText:
        if language not in self._spoken:
            self._spoken[language] = self._refusing(lambda: SpokenText(self._choice, language))
        return self._spoken[language]

    def _refusing(self, make: Callable[[], Made]) -> Made:
        try:
            return make()
        except ValueError as error:
            raise ConfigError(f"{self._command}: {error}") from error


def _language_of(model: str) -> str | None:
    """Return the language that an experiment was trained on; None if it is unknown, or there are several."""
    languages = training_languages(model)
    return languages[0] if len(languages) == 1 else None


def training_languages(model: str) -> list[str]:
    """List the languages that an experiment was trained on, as far as its configuration states them."""
    experiment = experiment_of(Path(model))
    data = read_configuration(experiment).get("data") if experiment else None
    return sorted({source.language for source in label_sources(data or {}) if source.language})
