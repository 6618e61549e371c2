"""Recording → prepared clip: read, mixed down, resampled, checked, labelled; faults are named, not fatal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dataset_modules.audio import read_clip, resample, to_mono, to_pcm16
from dataset_modules.clip_store import ClipWriter, PreparedClip
from dataset_modules.recording import AudioError, Clip, Recording
from phonetics import GraphemeToPhoneme, IpaNormaliser, UnpronounceableError


class UnlabelledError(ValueError):
    """A recording comes without phonemes and without anything to make them from."""


FAULTS = (AudioError, UnlabelledError, UnpronounceableError)  # of one recording; the others go on


@dataclass(frozen=True)
class PreparationSettings:
    """Everything besides the recordings themselves that decides what is prepared."""

    sampling_rate: int = 16000
    min_seconds: float = 0.1
    max_seconds: float = 30.0
    normalise: IpaNormaliser = field(default_factory=IpaNormaliser)
    to_phonemes: GraphemeToPhoneme | None = None

    def fingerprint(self) -> str:
        """A text that changes whenever the outcome could."""
        to_phonemes = self.to_phonemes.fingerprint() if self.to_phonemes else "none"
        return f"{self.sampling_rate} {self.min_seconds} {self.max_seconds} {self.normalise!r} {to_phonemes}"


def prepare_clip(recording: Recording, settings: PreparationSettings) -> PreparedClip:
    """Prepare one recording; raise one of ``FAULTS`` if it is of no use."""
    clip = read_clip(recording.audio)
    waveform = resample(to_mono(clip.waveform), clip.sampling_rate, settings.sampling_rate)
    _check_samples(waveform, settings)
    return PreparedClip(
        id=recording.id,
        language=recording.language,
        speaker=recording.speaker,
        text=recording.text,
        phonemes=_labels(recording, clip, settings),
        phoneme_starts=clip.phoneme_starts,
        samples=to_pcm16(waveform),
    )


def _check_samples(
    waveform: np.ndarray[tuple[int, ...], np.dtype[np.float32]], settings: PreparationSettings
) -> None:
    seconds = len(waveform) / settings.sampling_rate
    if not settings.min_seconds <= seconds <= settings.max_seconds:
        raise AudioError(
            f"must last {settings.min_seconds} to {settings.max_seconds} seconds, lasts {seconds:.3f}"
        )
    if not np.isfinite(waveform).all():
        raise AudioError("samples must be finite, some are NaN or infinite")


def _labels(recording: Recording, clip: Clip, settings: PreparationSettings) -> tuple[str, ...]:
    """Phonemes from the source itself, else the recording's, else made from its text."""
    if clip.phonemes is not None:
        return clip.phonemes
    if recording.phonemes is not None:
        return settings.normalise(recording.phonemes)
    if recording.text and settings.to_phonemes:
        phonemes = settings.normalise(settings.to_phonemes(recording.text))
        if not phonemes:
            raise UnlabelledError(f"its text must hold something to pronounce, it is {recording.text!r}")
        return phonemes
    raise UnlabelledError("neither phonemes nor a text that could be turned into them")


def prepare_shard(
    recordings: Sequence[Recording], path: Path, settings: PreparationSettings
) -> dict[str, str]:
    """Write what can be prepared to one Arrow file; return id → reason for the rest."""
    skipped: dict[str, str] = {}
    with ClipWriter(path) as writer:
        for recording in recordings:
            try:
                writer.write(prepare_clip(recording, settings))
            except FAULTS as error:
                skipped[recording.id] = str(error)
    return skipped
