"""What is known of a recording besides its labels travels from its table to its prepared clip."""

from pathlib import Path

import numpy as np
import soundfile

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.cache.clip_cache import fingerprint_of
from dataset_modules.cache.clip_preparation import PreparationSettings, prepare_clip
from dataset_modules.cache.clip_store import ClipSelection, ClipStore, ClipWriter
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.recording import Recording
from dataset_modules.sources.common_voice_release import release_recordings
from dataset_modules.sources.manifest import parse_row
from dataset_modules.sources.recording_survey import survey


def recording(folder: Path, **attributes: str) -> Recording:
    path = folder / "a.wav"
    if not path.exists():
        soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    return Recording("a", path, phonemes=("t", "a"), attributes=attributes or None)


def test_further_columns_of_a_manifest_are_attributes():
    cells = {"file_name": "a.wav", "speaker": "s", "room": " kitchen ", "empty": "", "age": 7, "tags": ["x"]}
    assert parse_row(2, cells).attributes == {"room": "kitchen", "age": "7"}
    assert parse_row(2, {"file_name": "a.wav", "split": "dev", "text": "da"}).attributes is None


def test_a_folders_manifest_gives_its_recordings_attributes(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    recording(folder)
    (folder / "metadata.csv").write_text("file_name,phonemes,room\na.wav,t a,hall\n")
    data = CustomAudioDataset("ru", folder, cache_dir=tmp_path / "cache", validation_split=0.0)
    data.load_data()
    clips = data.prepare("train", AudioParams()).clips
    assert clips[0].attributes == {"room": "hall"}
    example = ClipDataset(ClipSelection([clips]), [[1, 2]], None, 16000)[0, 0]
    assert example.row == 0


def test_common_voices_columns_of_any_year_have_one_name(tmp_path):
    for column in ("accent", "accents"):
        columns = ["client_id", "path", "sentence", "age", "gender", column]
        cells = ["me", "a.mp3", "da", "twenties", "", "north"]
        (tmp_path / "train.tsv").write_text("\t".join(columns) + "\n" + "\t".join(cells) + "\n")
        (own,) = release_recordings(tmp_path, "train")
        assert own.attributes == {"accent": "north", "age": "twenties"}


def test_attributes_come_back_as_they_were_written(tmp_path):
    known = prepare_clip(recording(tmp_path, accent="Süd|\t\n", age="7"), PreparationSettings())
    unknown = prepare_clip(recording(tmp_path), PreparationSettings())
    with ClipWriter(tmp_path / "clips.arrow") as writer:
        for clip in (known, unknown):
            writer.write(clip)
    store = ClipStore([tmp_path / "clips.arrow"])
    assert [store[0].attributes, store[1].attributes] == [{"accent": "Süd|\t\n", "age": "7"}, None]


def test_other_attributes_are_another_cache(tmp_path):
    settings = PreparationSettings()
    surveys = [survey([recording(tmp_path, **own)]) for own in ({}, {"a": "1"}, {"a": "2"})]
    texts = [fingerprint_of(surveyed, settings) for surveyed in surveys]
    assert len(set(texts)) == 3
