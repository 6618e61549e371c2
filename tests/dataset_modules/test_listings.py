"""Kaldi's folders and JSON lines: audio anywhere, segments of it, splits by name; commands are never run."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.custom import CustomAudioDataset

RATE = 16000


@pytest.fixture
def audio(tmp_path) -> Path:
    """Four seconds of noise, outside of the folder that names it."""
    path = tmp_path / "corpus" / "long talk.wav"
    path.parent.mkdir()
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, RATE * 4), RATE)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def dataset(folder: Path, **arguments) -> CustomAudioDataset:
    arguments = {"validation_split": 0.0, "max_skipped_share": 1.0, "language": "ru"} | arguments
    made = CustomAudioDataset(train_val_dir=folder, cache_dir=folder.parent / "cache", **arguments)
    made.load_data()
    return made


def kaldi(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")


def reasons(made: CustomAudioDataset) -> dict[str, str]:
    return {key: reason for key, _, reason in made.prepare("train", AudioParams()).skipped()}


def test_markers_in_kaldis_texts_are_not_read_out(folder, audio):
    kaldi(
        folder,
        wav_scp=f"a {audio}\nb {audio}\nc {audio}\n",
        text="a да [noise] нет\nb да <UNK> нет\nc SPN сил\n",
    )
    made = dataset(folder)
    assert [one.text for one in made.get_train_data()] == ["да нет", "да <UNK> нет", "SPN сил"]
    assert reasons(made) == {"b": "its label marks speech whose phonemes are not known: <UNK>"}


def test_paths_that_windows_wrote_are_found(folder, audio):
    relative = f"..\\corpus\\{audio.name}"
    kaldi(folder, wav_scp=f"a {relative}\r\n", text="a да\r\n")
    assert not reasons(made := dataset(folder))
    assert [(one.audio, one.text) for one in made.get_train_data()] == [
        (folder / ".." / "corpus" / audio.name, "да")
    ]
    for name in ("wav.scp", "text"):
        (folder / name).unlink()
    row = json.dumps({"audio_filepath": relative, "text": "да"})
    (folder / "train.jsonl").write_bytes(f"\ufeff{row}\r\n".encode())
    assert not reasons(made := dataset(folder))
    assert [one.text for one in made.get_train_data()] == ["да"]


def test_a_name_that_no_file_can_have_spoils_its_recording_alone(folder, audio):
    kaldi(folder, wav_scp=f"a {'x' * 300}.wav\nb {audio}\n", text="a да\nb нет\n")
    made = dataset(folder)
    assert reasons(made).keys() == {"a"}
    assert [one.text for one in made.get_train_data()] == ["да", "нет"]


def test_a_kaldi_folder_with_segments_is_cut_to_the_sample(folder, audio):
    kaldi(
        folder,
        wav_scp=f"talk {audio}\n",
        segments="anna-2 talk 1.5 2.25\nanna-1 talk 0.25 1.0\nanna-3 talk 3.0 -1\n",
        text="anna-1 да нет\nanna-2 мама\nanna-3 нет\n",
        utt2spk="anna-1 anna\nanna-2 anna\nanna-3 anna\n",
    )
    made = dataset(folder)
    clips = made.prepare("train", AudioParams()).clips
    whole = soundfile.read(audio, dtype="float32")[0]
    spans = {"anna-1": (0.25, 1.0), "anna-2": (1.5, 2.25), "anna-3": (3.0, 4.0)}
    assert [(clip.id, clip.speaker) for clip in map(clips.__getitem__, range(3))] == [
        (name, "anna") for name in spans
    ]
    for clip in map(clips.__getitem__, range(3)):
        start, end = (round(time * RATE) for time in spans[clip.id])
        assert np.array_equal(clip.samples, np.rint(whole[start:end] * np.float32(32767)).astype(np.int16))


def test_kaldis_folders_are_splits_and_relative_paths_start_above_them(folder, audio):
    for name in ("train_clean", "dev", "test"):
        kaldi(folder / name, wav_scp=f"{name}-talk corpus/long talk.wav\n", text=f"{name}-talk да\n")
    made = dataset(folder)
    found = {split: [one.id for one in made.recordings(split)] for split in ("train", "val", "test")}
    assert found == {"train": ["train_clean-talk"], "val": ["dev-talk"], "test": ["test-talk"]}
    assert next(iter(made.recordings("test"))).audio.samefile(audio)


def test_commands_of_kaldi_are_refused_by_name_and_never_run(folder, audio, tmp_path):
    command = f"touch {tmp_path}/was_run |"
    kaldi(folder, wav_scp=f"bad {command}\ngood {audio}\n", text="bad да\ngood да\nlost да\n")
    found = reasons(dataset(folder))
    assert f"commands are not run: touch {tmp_path}"[:60] in found["bad"]
    assert "names it, no other file of the folder does" in found["lost"]
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ("u talk 2 1", "run backwards"),
        ("u talk nan 1", "must state recording, start and end"),
        ("u talk 1", "must state recording, start and end"),
        ("u other 0 1", "which wav.scp lacks"),
        ("u talk 3 9", "must lie inside the recording, which lasts 4.000 s"),
    ],
)
def test_bad_segments_are_skipped_and_named(folder, audio, segment, reason):
    kaldi(folder, wav_scp=f"talk {audio}\n", segments=f"{segment}\nok talk 0 1\n", text="u да\nok да\n")
    assert reason in reasons(dataset(folder))["u"]


def test_phonemes_in_kaldis_text_are_phonemes(folder, audio):
    kaldi(folder, wav_scp=f"talk {audio}\n", text="talk sil d ɑ nʲ e t sil\n")
    assert next(iter(dataset(folder).get_train_data())).phonemes == ("d", "ɑ", "nʲ", "e", "t")


def json_lines(path: Path, *rows: dict) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def test_json_lines_name_audio_anywhere_with_offsets_languages_and_speakers(folder, audio):
    row = {"audio_filepath": str(audio), "offset": 0.5, "duration": 1.0, "text": "да", "lang": "ru"}
    json_lines(
        folder / "train_manifest.json",
        row | {"speaker": "anna", "room": 3},
        row | {"offset": 2.0},
        row | {"lang": "de"},
        {"audio_filepath": "../corpus/long talk.wav", "duration": 4.0, "text": "нет"},
    )
    json_lines(folder / "test_manifest.json", row)
    made = dataset(folder)
    train = list(made.get_train_data())
    assert [(one.id, one.text, one.speaker) for one in train] == [
        ("long talk.wav#0002", "да", "anna"),
        ("long talk.wav#0003", "да", None),
        ("../corpus/long talk.wav", "нет", None),
    ]
    assert train[0].attributes == {"room": "3"}
    assert made.label_summary.num_other_languages == 1
    assert len(list(made.get_test_data())) == 1
    assert [len(made.prepare("train", AudioParams()).clips[index].samples) for index in range(3)] == [
        RATE,
        RATE,
        4 * RATE,
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{broken",
        "[1]",
        '{"audio_filepath": ["a"]}',
        '{"audio_filepath": "a.wav", "offset": NaN}',
        '{"audio_filepath": "a.wav", "offset": "1"}',
        '{"text": "да"}',
    ],
)
def test_bad_json_lines_are_skipped_and_named_by_their_line(folder, audio, line):
    json_lines(folder / "all.jsonl", {"audio_filepath": str(audio), "text": "да"})
    with (folder / "all.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    assert list(reasons(dataset(folder))) == ["all.jsonl:2"]


def cut(source: dict, **changes) -> dict:
    """A cut as lhotse writes it, of which two utterances begin after 0.5 and 2 seconds of the file."""
    said = [
        {"id": f"s{start}", "recording_id": "talk", "start": start, "duration": 0.75, "channel": 0}
        | {"text": "да", "language": "ru", "speaker": "anna"}
        for start in (0.25, 1.75)
    ]
    recording = {"id": "talk", "sources": [source], "sampling_rate": RATE, "num_samples": 64000}
    row = {"id": "cut", "start": 0.25, "duration": 3.0, "channel": 0, "type": "MonoCut"}
    return row | {"supervisions": said, "recording": recording} | changes


def test_cuts_of_lhotse_give_their_utterances(folder, audio):
    json_lines(folder / "cuts.jsonl", cut({"type": "file", "channels": [0], "source": str(audio)}))
    made = dataset(folder)
    assert [(one.audio.start, one.audio.end, one.text, one.speaker) for one in made.get_train_data()] == [
        (0.5, 1.25, "да", "anna"),
        (2.0, 2.75, "да", "anna"),
    ]


def test_commands_of_lhotse_are_refused_and_never_run(folder, audio, tmp_path):
    row = cut({"type": "command", "channels": [0], "source": f"touch {tmp_path}/was_run"})
    json_lines(folder / "cuts.jsonl", {"audio_filepath": str(audio), "text": "да"}, row)
    assert reasons(dataset(folder)) == {"cuts.jsonl:2": "recording.sources must be one file, got command"}
    assert not (tmp_path / "was_run").exists()
