import logging
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audiomentations import AddBackgroundNoise, AddShortNoises, ApplyImpulseResponse, Compose

from dataset_modules.augmentations import sound_store
from dataset_modules.augmentations.nesting import leaves
from dataset_modules.augmentations.sound_store import SoundStore, check_sound_paths, read_from, sound_files
from dataset_modules.recording import AudioError

RATE = 16000
WAVEFORM = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)


def readers(sounds: Path) -> list:
    return [
        AddBackgroundNoise(sounds / "noises", p=1.0),
        AddShortNoises(sounds / "noises", p=1.0, max_time_between_sounds=2.0),
        ApplyImpulseResponse(sounds / "rooms", p=1.0),
    ]


def switch(transforms: list, sounds: Path) -> None:
    store = SoundStore(sounds / "cache", RATE)
    files = sound_files(leaves(transforms))
    store.prepare(files)
    for leaf in leaves(transforms):
        read_from(leaf, store.copies(files))


@pytest.mark.parametrize("number", range(3), ids=["background", "short noises", "rooms"])
def test_audio_is_what_audiomentations_gives_without_copies(sounds: Path, number: int) -> None:
    plain, fed = readers(sounds)[number], readers(sounds)[number]
    switch([Compose([fed])], sounds)
    for seed in range(4):
        outputs = []
        for transform in (plain, fed):
            random.seed(seed)
            np.random.seed(seed)
            outputs.append(transform(WAVEFORM, RATE))
        added = [waveform - WAVEFORM for waveform in outputs]
        # A stretch that is cut out before resampling starts up to a sample beside.
        assert np.corrcoef(*added)[0, 1] > 0.98 or not added[0].any()
        if number == 2:
            np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-5)


def test_copies_are_mono_floats_at_the_rate(sounds: Path) -> None:
    switched = readers(sounds)
    switch(switched, sounds)
    names = [*switched[0].sound_file_paths, *switched[2].ir_files]
    assert len(names) == 5
    for name in names:
        info = soundfile.info(name)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "FLOAT")
        assert Path(name).is_relative_to(sounds / "cache")


def test_a_sound_is_decoded_once(sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted((sounds / "noises").iterdir())
    SoundStore(sounds / "cache", RATE).prepare(files)
    monkeypatch.setattr(sound_store, "read_file", lambda path: pytest.fail(f"{path} was read again"))
    SoundStore(sounds / "cache", RATE).prepare(files)


def test_a_sound_that_changes_gets_another_copy(sounds: Path) -> None:
    store, file = SoundStore(sounds / "cache", RATE), sounds / "noises" / "0.flac"
    store.prepare([file])
    first = store.copies([file])
    soundfile.write(file, np.full(30000, 0.25), 44100)
    store.prepare([file])
    second = store.copies([file])
    assert first != second
    assert soundfile.read(second[str(file)])[0][5000] == pytest.approx(0.25, abs=1e-3)


def test_another_rate_has_copies_of_its_own(sounds: Path) -> None:
    files = [sounds / "noises" / "0.flac"]
    for rate in (8000, 16000):
        store = SoundStore(sounds / "cache", rate)
        store.prepare(files)
        (copy,) = store.copies(files).values()
        assert soundfile.info(copy).samplerate == rate


def test_a_mono_wav_at_the_rate_is_read_where_it_lies(tmp_path: Path, write_tone) -> None:  # noqa: ANN001
    store, file = SoundStore(tmp_path / "cache", RATE), write_tone(tmp_path / "tone.wav")
    store.prepare([file])
    assert store.copies([file]) == {str(file): str(file)}
    assert not (tmp_path / "cache").exists()


def test_a_sound_that_cannot_be_decoded_is_left_out_and_said(
    sounds: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (sounds / "noises" / "9.wav").write_bytes(b"no audio")
    transform = AddBackgroundNoise(sounds / "noises", p=1.0)
    with caplog.at_level(logging.WARNING):
        switch([transform], sounds)
    assert "1 of 4 files are left out" in caplog.text
    assert "9.wav" in caplog.text
    assert len(transform.sound_file_paths) == len(transform.time_info_arr) == 3


def test_sounds_of_which_none_can_be_decoded_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no audio")
    with pytest.raises(AudioError, match="none of the augmentations"):
        SoundStore(tmp_path / "cache", RATE).prepare([tmp_path / "a.wav"])


def test_several_at_once_make_each_copy_once(sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    original = sound_store.read_file
    monkeypatch.setattr(sound_store, "read_file", lambda path: read.append(path) or original(path))
    files = sorted((sounds / "noises").iterdir())
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: SoundStore(sounds / "cache", RATE).prepare(files, 2), range(3)))
    assert sorted(read) == files
    assert not list((sounds / "cache").rglob("*.tmp"))


@pytest.mark.parametrize(
    ("place", "message"), [("nowhere", "is not there"), ("empty", "holds none"), ("gone.wav", "is not there")]
)
def test_sounds_that_are_not_there_are_told(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    for transform, argument in ((AddShortNoises, "sounds_path"), (ApplyImpulseResponse, "ir_path")):
        with pytest.raises(ValueError, match=f"{argument} must .*{message}"):
            check_sound_paths(transform, {argument: str(tmp_path / place)})
