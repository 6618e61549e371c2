"""Speech by espeak-ng with its phonemes and their times, through a few ctypes calls.

The library and its data come in the ``espeakng-loader`` wheel; no system package is needed. The library
keeps oscillator phases and random numbers in globals that its re-initialisation does not reset. Each
sentence is therefore spoken by a new copy of the library: a clip depends on its text and voice alone.
"""

import _ctypes
import ctypes
import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from dataset_modules.recording import AudioError, Clip
from installation import how_to_install
from phonetics import WORD_DELIMITER, IpaNormaliser
from phonetics.text_to_phonemes.espeak import espeak_voices

_OUTPUT_SYNCHRONOUS = 2
_INITIALISE_PHONEME_EVENTS, _INITIALISE_PHONEME_IPA, _INITIALISE_DONT_EXIT = 0x1, 0x2, 0x8000
_PARAMETER_RATE, _PARAMETER_PITCH = 1, 3
_POSITION_CHARACTER, _CHARS_UTF8 = 1, 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
# Marks that espeak sends as separate events belong to the phoneme before them.
_MODIFIERS = frozenset("ʲʰʷˠˤːˑ\u0303")
_RANDOM_SEED = 1  # for the breath noise of some voices


class VoiceSettings(NamedTuple):
    """How a sentence is spoken; ``voice`` is a language and an optional variant, as in ``ru+f2``."""

    voice: str
    words_per_minute: int = 175
    pitch: int = 50


class SpokenMark(NamedTuple):
    """A phoneme or a word boundary, and when it starts."""

    name: str
    seconds: float


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Collector:
    """Receives audio and events while the library speaks."""

    def __init__(self, sampling_rate: int) -> None:
        self.sampling_rate = sampling_rate
        self.chunks: list[bytes] = []
        self.marks: list[SpokenMark] = []

    def __call__(self, samples: Any, count: int, events: Any) -> int:  # noqa: ANN401 - ctypes pointers
        index = 0
        while (event := events[index]).type != _EVENT_END:
            seconds = event.sample / self.sampling_rate
            if event.type == _EVENT_WORD:
                self.marks.append(SpokenMark(WORD_DELIMITER, seconds))
            elif event.type == _EVENT_PHONEME:
                # The name is cut at eight bytes, possibly inside a character.
                self.marks.append(SpokenMark(event.id.string.decode("utf-8", errors="ignore"), seconds))
            index += 1
        if count > 0:
            self.chunks.append(ctypes.string_at(samples, count * 2))
        return 0

    def waveform(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the audio so far, (T,) in -1…1."""
        return np.frombuffer(b"".join(self.chunks), dtype=np.int16).astype(np.float32) / np.float32(32768)


def speak(text: str, settings: VoiceSettings, normalise: IpaNormaliser) -> Clip:
    """Speak a text; words are separated by ``|`` among the phonemes."""
    with _fresh_library() as (library, sampling_rate):
        collector = _Collector(sampling_rate)
        callback = _Callback(collector)
        library.espeak_SetSynthCallback(callback)
        _select_voice(library, settings)
        encoded = text.encode()
        size = ctypes.c_size_t(len(encoded) + 1)
        library.espeak_Synth(encoded, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        library.espeak_Synchronize()
    marks = spell_marks(join_modifiers(collector.marks), normalise)
    names, starts = tuple(mark.name for mark in marks), tuple(mark.seconds for mark in marks)
    return Clip(collector.waveform(), sampling_rate, names, starts)


@functools.cache
def speaks(language: str) -> bool:
    """Return whether there is a voice for a language."""
    with _fresh_library() as (library, _):
        return _set_voice(library, language)


@functools.cache
def espeak_version() -> str:
    """Return the version of espeak-ng."""
    with _fresh_library() as (library, _):
        library.espeak_Info.restype = ctypes.c_char_p
        return str(library.espeak_Info(None).decode())


@contextmanager
def _fresh_library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """Load and initialise a new copy of the library; yield it with its sampling rate."""
    loader = _import_loader()
    with tempfile.NamedTemporaryFile(suffix=".so") as copy:
        copy.write(_library_bytes(loader.get_library_path()))
        copy.flush()
        library = ctypes.CDLL(copy.name)
    try:
        options = _INITIALISE_PHONEME_EVENTS | _INITIALISE_PHONEME_IPA | _INITIALISE_DONT_EXIT
        data_path = str(loader.get_data_path())
        sampling_rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data_path.encode(), options)
        if sampling_rate <= 0:
            raise AudioError(f"espeak-ng: it must find its data in {data_path}; it did not")
        library.espeak_ng_SetRandSeed(ctypes.c_long(_RANDOM_SEED))
        ctypes.CDLL(None).srand(_RANDOM_SEED)
        yield library, sampling_rate
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


@functools.cache
def _library_bytes(path: str) -> bytes:
    return Path(path).read_bytes()


def _select_voice(library: ctypes.CDLL, settings: VoiceSettings) -> None:
    # The library itself speaks an unknown variant with the language's plain voice.
    known_variant = settings.voice.partition("+")[2] in ("", *voice_variants())
    if not known_variant or not _set_voice(library, settings.voice):
        raise AudioError(
            f"espeak-ng: voice must be one it knows, such as ru or en-us+f2, got {settings.voice!r}"
        )
    library.espeak_SetParameter(_PARAMETER_RATE, settings.words_per_minute, 0)
    library.espeak_SetParameter(_PARAMETER_PITCH, settings.pitch, 0)


def _set_voice(library: ctypes.CDLL, voice: str) -> bool:
    """Set a voice; a few languages, such as fr-fr, have a voice of another name."""
    language, plus, variant = voice.partition("+")
    names = [voice, f"{espeak_voices()[language]}{plus}{variant}" if language in espeak_voices() else voice]
    return any(library.espeak_SetVoiceByName(name.encode()) == 0 for name in names)


@functools.cache
def voice_variants() -> frozenset[str]:
    """Return the names of the variants, the part of a voice after ``+``."""
    return frozenset(path.name for path in Path(_import_loader().get_data_path(), "voices", "!v").iterdir())


def _import_loader() -> ModuleType:
    try:
        import espeakng_loader
    except ImportError as error:
        raise AudioError(
            "espeak-ng: the package espeakng-loader must be installed for synthetic speech; "
            f"{how_to_install('espeak')}"
        ) from error
    return espeakng_loader


def join_modifiers(marks: list[SpokenMark]) -> list[SpokenMark]:
    """Attach marks such as ``ʲ`` to the phoneme before them.

    >>> join_modifiers([SpokenMark("t", 0.0), SpokenMark("ʲ", 0.1)])
    [SpokenMark(name='tʲ', seconds=0.0)]
    """
    joined: list[SpokenMark] = []
    for mark in marks:
        follows_phoneme = bool(joined) and joined[-1].name != WORD_DELIMITER
        if mark.name and set(mark.name) <= _MODIFIERS and follows_phoneme:
            joined[-1] = SpokenMark(joined[-1].name + mark.name, joined[-1].seconds)
        else:
            joined.append(mark)
    return joined


def spell_marks(marks: list[SpokenMark], normalise: IpaNormaliser) -> list[SpokenMark]:
    """Normalise names, drop pauses, keep one boundary between words and none at the ends."""
    spelled: list[SpokenMark] = []
    for name, seconds in marks:
        if name != WORD_DELIMITER:
            spelled.extend(SpokenMark(phoneme, seconds) for phoneme in normalise([name]))
        elif spelled and spelled[-1].name != WORD_DELIMITER:
            spelled.append(SpokenMark(WORD_DELIMITER, seconds))
    return spelled[:-1] if spelled and spelled[-1].name == WORD_DELIMITER else spelled
