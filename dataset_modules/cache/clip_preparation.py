"""Recording → prepared clip: read, mixed down, resampled, checked and labelled."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dataset_modules.cache.clip_store import AudioStorage, ClipWriter, PreparedClip
from dataset_modules.recording import (
    EXPECTED,
    SAID,
    AudioError,
    Clip,
    Recording,
    SkippedRecording,
    needing_phonemes,
    path_of,
    said_in,
)
from dataset_modules.sources.audio import check_longest, read_clip, resample, to_mono, to_pcm16
from phonetics import GraphemeToPhoneme, IpaNormaliser, UnpronounceableError
from stop_signals import stop_if_requested


class UnlabelledError(ValueError):
    """A recording has no phonemes and no text to convert."""


_NO_LABEL = "neither phonemes nor a text that could be turned into them"
FAULTS = (AudioError, UnlabelledError, UnpronounceableError)  # they skip one recording


@dataclass(frozen=True)
class PreparationSettings:
    """Everything besides the recordings that determines the prepared clips; see ``BaseDataset``."""

    sampling_rate: int = 16000
    min_seconds: float = 0.1
    max_seconds: float | None = 30.0
    silence_db: float | None = -60.0
    audio_storage: AudioStorage = "pcm16"
    normalise: IpaNormaliser = field(default_factory=IpaNormaliser)
    to_phonemes: GraphemeToPhoneme | None = None

    def fingerprint(self) -> str:
        """Return a text that changes whenever the prepared clips could change."""
        to_phonemes = self.to_phonemes.fingerprint() if self.to_phonemes else "none"
        limits = f"{self.min_seconds} {self.max_seconds} {self.silence_db}"
        return f"{self.sampling_rate} {limits} {self.audio_storage} {self.normalise!r} {to_phonemes}"


Spoken = Mapping[str, tuple[str, ...]]  # phonemes by text


def prepare_clip(
    recording: Recording, settings: PreparationSettings, spoken: Spoken = MappingProxyType({})
) -> PreparedClip:
    """Prepare one recording; raise one of ``FAULTS`` if it cannot be used."""
    check_names(recording)
    if isinstance(recording.audio, Path) and not (recording.phonemes or recording.text):
        raise UnlabelledError(_NO_LABEL)  # rather than what is wrong with its audio
    clip = read_clip(recording.audio, settings.max_seconds)
    waveform = resample(to_mono(clip.waveform), clip.sampling_rate, settings.sampling_rate)
    peak = _checked_peak(waveform, settings)
    phonemes = _labels(recording, clip, settings, spoken)
    silence_db = settings.silence_db
    if phonemes and silence_db is not None and peak < 10 ** (silence_db / 20):
        level = f"{20 * math.log10(peak):.0f} dB" if peak else "no sound at all"
        raise AudioError(f"it is silent: its peak must reach silence_db={silence_db}, there is {level}")
    prepared = PreparedClip(
        id=recording.id,
        language=recording.language,
        speaker=recording.speaker,
        text=recording.text,
        phonemes=phonemes,
        phoneme_starts=clip.phoneme_starts,
        samples=to_pcm16(waveform, peak),
        path=path_of(recording),
        attributes=recording.attributes,
    )
    said = said_in(recording)
    return _as_said(prepared, settings.normalise(said)) if said else prepared


def _as_said(clip: PreparedClip, said: tuple[str, ...]) -> PreparedClip:
    """Label a clip by what was said; what should have been said becomes an attribute."""
    others = {name: value for name, value in (clip.attributes or {}).items() if name != SAID}
    return clip._replace(phonemes=said, attributes=others | {EXPECTED: " ".join(clip.phonemes)})


def check_names(recording: Recording) -> None:
    """Raise ``AudioError`` for texts that cannot be encoded as UTF-8."""
    texts = {
        "id": recording.id,
        "path": path_of(recording),
        "text": recording.text or "",
        "speaker": recording.speaker or "",
        "phonemes": " ".join(recording.phonemes or ()),
        "attributes": " ".join(itertools.chain(*(recording.attributes or {}).items())),
    }
    for name, text in texts.items():
        if not _is_encodable(text):
            raise AudioError(f"its {name} must be UTF-8, got {ascii(text)}")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked_peak(waveform: NDArray[np.float32], settings: PreparationSettings) -> float:
    """Return the largest magnitude; raise ``AudioError`` for a wrong length or infinite samples."""
    seconds = len(waveform) / settings.sampling_rate
    if seconds < settings.min_seconds or not len(waveform):
        raise AudioError(f"must last min_seconds={settings.min_seconds} at least, lasts {seconds:.3f}")
    check_longest(seconds, settings.max_seconds)
    # NaN and infinity reach the minimum or maximum, which need no further array.
    lowest, highest = float(waveform.min()), float(waveform.max())
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise AudioError("samples must be finite, some are NaN or infinite")
    return max(highest, -lowest)


def _labels(
    recording: Recording, clip: Clip, settings: PreparationSettings, spoken: Spoken
) -> tuple[str, ...]:
    """Return the source's phonemes, else the recording's, else those of its text."""
    if clip.phonemes is not None:
        return clip.phonemes
    if recording.phonemes is not None:
        return settings.normalise(recording.phonemes)
    if recording.text and settings.to_phonemes:
        known = spoken.get(recording.text)
        phonemes = settings.normalise(settings.to_phonemes(recording.text) if known is None else known)
        if not phonemes:
            raise UnlabelledError(f"its text must hold something to pronounce, it is {recording.text!r}")
        return phonemes
    raise UnlabelledError(_NO_LABEL)


def prepare_shard(
    recordings: Sequence[Recording], path: Path, settings: PreparationSettings
) -> list[SkippedRecording]:
    """Write usable recordings to one Arrow file; return the others with the reasons."""
    skipped: list[SkippedRecording] = []
    texts = [recording.text or "" for recording in needing_phonemes(recordings)]
    spoken = phonemes_of_texts(settings.to_phonemes, texts)
    with ClipWriter(path, settings.audio_storage, settings.sampling_rate) as writer:
        for recording in recordings:
            stop_if_requested()
            try:
                writer.write(prepare_clip(recording, settings, spoken))
            except FAULTS as error:
                skipped.append(SkippedRecording(recording.id, path_of(recording), str(error)))
    return skipped


def phonemes_of_texts(
    to_phonemes: GraphemeToPhoneme | None, texts: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Map texts to their phonemes; those that no backend can pronounce, and bytes, are left out."""
    known = [text for text in texts if _is_encodable(text)]
    if to_phonemes is None or not known:
        return {}
    try:
        return dict(zip(known, to_phonemes.batch(known), strict=True))
    except UnpronounceableError:
        return {text: phonemes for text in known if (phonemes := _phonemes_of(to_phonemes, text))}


def _phonemes_of(to_phonemes: GraphemeToPhoneme, text: str) -> tuple[str, ...]:
    try:
        return to_phonemes(text)
    except UnpronounceableError:
        return ()
