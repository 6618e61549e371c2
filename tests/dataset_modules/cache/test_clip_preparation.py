from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from dataset_modules.cache.clip_preparation import (
    PreparationSettings,
    UnlabelledError,
    prepare_clip,
    prepare_shard,
)
from dataset_modules.cache.clip_store import ClipStore
from dataset_modules.recording import AudioError, Clip, Recording
from phonetics import IpaNormaliser

PHONEMES = ("d", "ˈa")


class Spelling:
    """Takes letters for phonemes."""

    def __call__(self, text: str) -> tuple[str, ...]:
        return tuple(letter for letter in text if letter.isalpha())

    def fingerprint(self) -> str:
        return "letters"


class Samples(NamedTuple):
    """A source of these samples."""

    samples: tuple[float, ...] | np.ndarray
    rate: int = 16000
    phonemes: tuple[str, ...] | None = None

    def fingerprint(self) -> str:
        return repr(self)

    def read(self) -> Clip:
        return Clip(np.asarray(self.samples, dtype=np.float32), self.rate, self.phonemes)


SECOND = np.full(16000, 0.25)


def _prepare(audio: Samples | Path, settings: PreparationSettings | None = None, **labels: object):
    recording = Recording("one", audio, **(labels or {"phonemes": PHONEMES}))
    return prepare_clip(recording, settings or PreparationSettings())


def test_a_good_recording_is_kept_as_it_is() -> None:
    clip = _prepare(Samples(SECOND), phonemes=PHONEMES, text="да", speaker="anna", language="ru")
    assert (clip.id, clip.text, clip.speaker, clip.language) == ("one", "да", "anna", "ru")
    assert clip.phonemes == ("d", "a")
    assert clip.samples.dtype == np.int16
    np.testing.assert_array_equal(clip.samples, np.full(16000, 8192))


def test_many_channels_at_a_high_rate_come_out_mono_at_the_models_rate(tmp_path: Path) -> None:
    channels = np.tile(np.linspace(0, 0.7, 8), (96000, 1))
    soundfile.write(tmp_path / "studio.wav", channels, 96000, subtype="FLOAT")
    clip = _prepare(tmp_path / "studio.wav")
    assert clip.samples.shape == (16000,)
    np.testing.assert_allclose(clip.samples[2000:-2000], 0.35 * 32767, atol=40)


@pytest.mark.parametrize(
    ("audio", "complaint"),
    [
        (Samples([]), r"must last min_seconds=0\.1 at least, lasts 0\.000"),
        (Samples(np.zeros(1500)), r"lasts 0\.094"),
        (Samples(np.zeros(31 * 16000)), r"must last max_seconds=30\.0 at most, lasts 31\.000"),
        (Samples(np.zeros(0), rate=96000), r"lasts 0\.000"),
        (Samples(np.where(np.arange(16000) == 5, np.nan, SECOND)), "must be finite"),
        (Samples(np.zeros(16000)), r"it is silent: its peak must reach silence_db=-60\.0, there is no sound"),
        (Samples(np.full(16000, 0.0005)), "there is -66 dB"),
        (Samples(np.where(np.arange(96000) == 5, np.inf, np.tile(SECOND, 6)), rate=96000), "must be finite"),
    ],
    ids=[
        "empty",
        "too short",
        "too long",
        "empty and resampled",
        "nan",
        "silent",
        "nearly silent",
        "infinite and resampled",
    ],
)
def test_useless_audio_is_refused_with_the_reason(audio: Samples, complaint: str) -> None:
    with pytest.raises(AudioError, match=complaint):
        _prepare(audio)


def test_text_in_place_of_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.wav"
    path.write_text("<html>not found</html>")
    with pytest.raises(AudioError, match=r"page\.wav: cannot be decoded"):
        _prepare(path)


def test_phonemes_come_from_the_source_then_the_recording_then_the_text() -> None:
    settings = PreparationSettings(to_phonemes=Spelling())
    spoken = Samples(SECOND, phonemes=("s",))
    assert _prepare(spoken, settings, phonemes=("r",), text="t").phonemes == ("s",)
    assert _prepare(Samples(SECOND), settings, phonemes=("r",), text="t").phonemes == ("r",)
    assert _prepare(Samples(SECOND), settings, text="tg").phonemes == ("t", "ɡ")


def test_explicit_silence_is_a_label() -> None:
    assert _prepare(Samples(SECOND), phonemes=()).phonemes == ()
    assert _prepare(Samples(np.zeros(16000)), phonemes=()).phonemes == ()


def test_limits_may_be_lifted() -> None:
    lenient = PreparationSettings(min_seconds=0.0, max_seconds=None, silence_db=None)
    assert len(_prepare(Samples(np.zeros(31 * 16000)), lenient).samples) == 31 * 16000
    assert len(_prepare(Samples([0.5]), lenient).samples) == 1
    with pytest.raises(AudioError, match="at least"):
        _prepare(Samples([]), lenient)


def test_a_long_file_is_refused_without_being_decoded(
    tmp_path: Path, write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tone(tmp_path / "long.wav", seconds=600, rate=8000)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(AudioError, match=r"max_seconds=30\.0 at most, lasts 600\.000"):
        _prepare(path)


@pytest.mark.parametrize("field", ["id", "text", "speaker", "phonemes"])
def test_names_that_no_table_can_hold_are_refused(field: str) -> None:
    half = "a\udcff"
    labels = {"phonemes": ("a",)} | (
        {field: (half,) if field == "phonemes" else half} if field != "id" else {}
    )
    recording = Recording(half if field == "id" else "one", Samples(SECOND), **labels)
    with pytest.raises(AudioError, match=rf"its {field} must be UTF-8, got 'a\\udcff'"):
        prepare_clip(recording, PreparationSettings())


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        (PreparationSettings(to_phonemes=Spelling()), {"text": None}),
        (PreparationSettings(to_phonemes=Spelling()), {"text": ""}),
        (PreparationSettings(to_phonemes=Spelling()), {"text": "?!"}),
        (PreparationSettings(), {"text": "да"}),
    ],
    ids=["nothing", "empty text", "text without words", "no way from text to phonemes"],
)
def test_unlabelled_recordings_are_refused(
    settings: PreparationSettings, labels: dict[str, str | None]
) -> None:
    with pytest.raises(UnlabelledError):
        _prepare(Samples(SECOND), settings, **labels)


def test_a_shard_holds_the_good_and_names_the_bad(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    recordings = [
        Recording("good", write_tone(tmp_path / "good.wav"), phonemes=PHONEMES),
        Recording("gone", tmp_path / "gone.wav", phonemes=PHONEMES),
        Recording("mute", write_tone(tmp_path / "mute.wav")),
        Recording("last", write_tone(tmp_path / "last.wav"), phonemes=PHONEMES),
    ]
    skipped = prepare_shard(recordings, tmp_path / "shard.arrow", PreparationSettings())
    store = ClipStore([tmp_path / "shard.arrow"])
    assert [store[index].id for index in range(len(store))] == ["good", "last"]
    assert [(key, Path(path).name) for key, path, _ in skipped] == [
        ("gone", "gone.wav"),
        ("mute", "mute.wav"),
    ]
    assert "no such file" in skipped[0].reason
    assert "neither phonemes nor a text" in skipped[1].reason
    assert store[1].path == str(tmp_path / "last.wav")


@pytest.mark.parametrize(
    "changed",
    [
        PreparationSettings(sampling_rate=8000),
        PreparationSettings(min_seconds=0.2),
        PreparationSettings(max_seconds=20.0),
        PreparationSettings(max_seconds=None),
        PreparationSettings(silence_db=-50.0),
        PreparationSettings(audio_storage="flac"),
        PreparationSettings(normalise=IpaNormaliser(keep_length=False)),
        PreparationSettings(normalise=IpaNormaliser(mapping={"a": "b"})),
        PreparationSettings(to_phonemes=Spelling()),
    ],
)
def test_every_setting_is_in_the_fingerprint(changed: PreparationSettings) -> None:
    assert changed.fingerprint() != PreparationSettings().fingerprint()


def test_a_clip_is_labelled_by_what_was_said_beside_what_its_text_expects() -> None:
    attributes = {"said_phonemes": "t ˈa", "room": "hall"}
    settings = PreparationSettings(to_phonemes=Spelling())
    clip = _prepare(Samples(SECOND), settings, text="da", attributes=attributes)
    assert clip.phonemes == ("t", "a")
    assert clip.attributes == {"room": "hall", "expected_phonemes": "d a"}
