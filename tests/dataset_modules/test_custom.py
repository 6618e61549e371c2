"""Folders of one's own recordings: where labels come from, what is refused, who is held out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.labels.reading import read_labels


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "recordings" / "ru").mkdir(parents=True)
    return tmp_path / "recordings" / "ru"


def record(path: Path, **labels: str) -> Path:
    """A recording, and files beside it by suffix: ``record(path, txt="да")``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.1, 8000)
    soundfile.write(path, noise, 16000)
    for suffix, content in labels.items():
        path.with_suffix(f".{suffix}").write_text(content, encoding="utf-8")
    return path


def write_jsonl(folder: Path, *rows: dict) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "metadata.jsonl").write_text("".join(lines), encoding="utf-8")


def dataset(folder: Path, **arguments) -> CustomAudioDataset:
    arguments = {"validation_split": 0.0, "max_skipped_share": 1.0} | arguments
    cache_dir = folder.parent.parent / "cache"
    made = CustomAudioDataset("ru", str(folder.parent), cache_dir=cache_dir, **arguments)
    made.load_data()
    return made


def prepared(folder: Path, split: str = "train", **arguments):
    return dataset(folder, **arguments).prepare(split, AudioParams())


def reasons(prepared) -> dict[str, str]:
    return {key: reason for key, _, reason in prepared.skipped()}


def labels(folder: Path, **arguments) -> dict[str, str]:
    clips = prepared(folder, **arguments).clips
    return {clips[index].id: " ".join(clips[index].phonemes) for index in range(len(clips))}


def ids(recordings) -> list[str]:
    return [recording.id for recording in recordings]


def test_labels_beside_the_audio_are_taken_in_order(folder):
    record(folder / "timit.wav", phn="0 100 h#\n100 900 sh\n900 1500 iy\n", ipa="x", txt="нет")
    record(folder / "deep" / "down" / "ipa.wav", ipa="d a\n", lab="x", txt="нет")
    record(folder / "lab.wav", lab="n ʲe", txt="нет")
    record(folder / "text.wav", lab="  \n", txt="да\nнет\n")
    assert labels(folder) == {
        "deep/down/ipa.wav": "d a",
        "lab.wav": "n ʲe",
        "text.wav": "d ɑ | nʲ e t",
        "timit.wav": "sh iy",
    }


def test_files_in_capitals_are_found_with_their_labels(folder):
    record(folder / "SA1.WAV", PHN="0 100 sh\n")
    assert labels(folder) == {"SA1.WAV": "sh"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", 'file_name,phonemes,text\n"a.wav","t a, x",нет\nsub/b.wav,,"да, нет"\n'),
        ("metadata.tsv", "text\tfile_name\tphonemes\nнет\ta.wav\tt a, x\nда, нет\tsub/b.wav\t\n"),
        (
            "metadata.jsonl",
            '{"file_name": "a.wav", "phonemes": ["t", "a,", "x"]}\n\n'
            '{"file_name": "sub/b.wav", "text": "да нет"}',
        ),
    ],
)
def test_every_kind_of_manifest_goes_before_files_beside_the_audio(folder, name, content):
    record(folder / "a.wav", phn="0 100 sh\n")
    record(folder / "sub" / "b.wav", txt="мама")
    (folder / name).write_text(content, encoding="utf-8")
    assert labels(folder) == {"a.wav": "t a, x", "sub/b.wav": "d ɑ | nʲ e t"}


def test_what_the_manifest_leaves_open_is_taken_from_beside_the_audio(folder):
    record(folder / "listed.wav", ipa="a")
    record(folder / "unlisted.wav", ipa="b")
    write_jsonl(folder, {"file_name": "listed.wav", "speaker": "anna"})
    train = {recording.id: recording for recording in dataset(folder).get_train_data()}
    assert train["listed.wav"].speaker == "anna"
    assert train["listed.wav"].phonemes == ("a",)
    assert train["unlisted.wav"].phonemes == ("b",)


def test_a_recording_without_labels_is_reported_as_unlabelled(folder):
    record(folder / "labelled.wav", ipa="a")
    record(folder / "bare.wav")
    result = prepared(folder)
    assert len(result.clips) == 1
    assert reasons(result) == {"bare.wav": "neither phonemes nor a text that could be turned into them"}


def test_without_a_folder_of_the_language_the_folder_itself_is_taken(tmp_path):
    record(tmp_path / "recordings" / "a.wav", ipa="a")
    made = CustomAudioDataset("ru", tmp_path / "recordings", validation_split=0.0)
    made.load_data()
    assert ids(made.get_train_data()) == ["a.wav"]


def test_only_allowed_extensions_count_and_hidden_files_never(folder):
    for name in ("a.wav", "b.flac", "c.ogg", "._a.wav", ".trash/d.wav"):
        record(folder / name, ipa="a")
    made = dataset(folder, allowed_extensions=[".wav", ".FLAC"])
    assert ids(made.get_train_data()) == ["a.wav", "b.flac"]


@pytest.mark.parametrize(
    "name", ["../secret.wav", "{outside}", "sub/../../secret.wav", "..\\secret.wav", "link.wav"]
)
def test_a_manifest_path_that_leaves_the_folder_is_refused_and_counted(folder, name):
    secret = record(folder.parent / "secret.wav")
    record(folder / "a.wav")
    (folder / "link.wav").symlink_to(secret)
    rows = [{"file_name": "a.wav", "text": "да"}, {"file_name": name.format(outside=secret), "text": "нет"}]
    write_jsonl(folder, *rows)
    result = prepared(folder)
    assert len(result.clips) == 1
    assert "leads out of it" in reasons(result)["metadata.jsonl:2"]


def test_manifest_rows_of_no_use_are_skipped_each_with_its_reason(folder):
    record(folder / "a.wav")
    record(folder / "b.mp3")
    good = {"file_name": "a.wav", "phonemes": "a"}
    rows = [
        {"text": "да"},
        {"file_name": "gone.wav", "text": "да"},
        {"file_name": "b.mp3", "text": "да"},
        good,
    ]
    write_jsonl(
        folder, *rows, good | {"file_name": "./a.wav"}, good | {"split": "holdout"}, {"file_name": "a\0.wav"}
    )
    with (folder / "metadata.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{broken\n[1]\n")
    result = prepared(folder)
    found = {key.removeprefix("metadata.jsonl:"): reason for key, reason in reasons(result).items()}
    assert [result.clips[0].id] == ["a.wav"]
    assert "no such file" in found.pop("gone.wav")
    expected = {
        **{"1": "file_name must be given", "3": "must be of allowed_extensions (.wav)"},
        **{"5": "listed in an earlier row", "6": "split must be train, val or test, got 'holdout'"},
        **{
            "7": "file_name must be a file's path",
            "8": "must be a JSON object",
            "9": "must be a JSON object",
        },
    }
    assert found.keys() == expected.keys()
    assert all(expected[line] in found[line] for line in expected)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata.csv", "file_name,text,split\na.wav,да,train\nheld.wav,да,holdout\n"),
        ("metadata.csv", "file_name,text,split\na.wav,да,train\nheld.wav,да,нет,test\n"),
        ("metadata.csv", "text,file_name,split\nда,a.wav,train\nда, нет,held.wav,test\n"),
        ("metadata.csv", "file_name,text,split\na.wav,да,train\nheld.wav,да\n"),
        ("metadata.tsv", "text\tfile_name\tsplit\nда\ta.wav\ttrain\nда\tнет\theld.wav\ttest\n"),
        (
            "metadata.jsonl",
            '{"file_name": "a.wav", "text": "да"}\n{"file_name": "held.wav", "split": "test"\n',
        ),
        (
            "metadata.jsonl",
            '{"file_name": "a.wav", "text": "да"}\n{"file_name": "held.wav", "speaker": []}\n',
        ),
        ("metadata.jsonl", '{"file_name": "a.wav", "text": "да"}\n{"file": "./held.wav", "split": "test"}\n'),
    ],
)
def test_the_file_of_a_row_that_makes_no_sense_is_not_trained_on(folder, name, table):
    for stem in ("a", "held"):
        record(folder / f"{stem}.wav", txt="да")
    (folder / name).write_text(table, encoding="utf-8")
    result = prepared(folder)
    assert [clip.id for clip in map(result.clips.__getitem__, range(len(result.clips)))] == ["a.wav"]
    assert list(reasons(result)) == ["held.wav"]


def test_labels_that_cannot_be_read_are_counted_with_their_reason(folder):
    record(folder / "good.wav", ipa="a")
    record(folder / "short.wav", phn="0 100 sh\n200 iy\n")
    record(folder / "latin1.wav").with_suffix(".txt").write_bytes("привет".encode("cp1251"))
    skipped = reasons(prepared(folder))
    assert "row 2 must be start, end and label, got '200 iy'" in skipped["short.wav"]
    assert "its labels cannot be read" in skipped["latin1.wav"]


def test_a_corrupt_recording_is_skipped_and_named(folder):
    record(folder / "a.wav", ipa="a")
    record(folder / "b.wav", ipa="a").write_bytes(b"no audio")
    assert "cannot be decoded" in reasons(prepared(folder))["b.wav"]


@pytest.mark.parametrize(("name", "tab"), [("metadata.csv", ","), ("metadata.tsv", "\t")])
@pytest.mark.parametrize("validation_split", [0.0, 0.5])
def test_a_bad_byte_in_a_table_costs_one_recording(folder, name, tab, validation_split):
    for stem in "abcd":
        record(folder / f"{stem}.wav", txt="да")
    rows = [
        ["file_name", "text", "speaker", "room"],
        ["a.wav", "да", "anna", "1"],
        ["b.wav", "да\udcff", "anna", "1"],
        ["c.wav", "да", "anna\udcff", "1"],
        ["d.wav", "да", "anna", "1\udcff"],
    ]
    table = "".join(f"{tab.join(row)}\n" for row in rows)
    (folder / name).write_bytes(table.encode("utf-8", "surrogateescape"))
    found: dict[str, str] = {}
    clips = 0
    for split in ("train", "val"):
        result = prepared(folder, split, validation_split=validation_split)
        found |= reasons(result)
        clips += len(result.clips)
    assert clips == 1
    assert {key: reason.split(",")[0] for key, reason in found.items()} == {
        "b.wav": "its text must be UTF-8",
        "c.wav": "its speaker must be UTF-8",
        "d.wav": "its attributes must be UTF-8",
    }


def test_labels_are_read_beside_a_bad_byte(folder):
    for stem in "ab":
        record(folder / f"{stem}.wav")
    table = "file_name,text,split\na.wav,да\udcff,\nb.wav,нет,\n"
    (folder / "metadata.csv").write_bytes(table.encode("utf-8", "surrogateescape"))
    made = dataset(folder)
    made.check_texts()
    found = {label.place: label.phonemes for label in read_labels(made, "train")}
    assert found == {"да\udcff": (), "нет": ("nʲ", "e", "t")}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.csv", "file_name,текст\n".encode("cp1251"), r"metadata\.csv: must be a table in UTF-8"),
        ("metadata.csv", "path,text\na.wav,да\n", "must name the column file_name"),
        ("metadata.csv", 'file_name,text\na.wav,"да\nb.wav,нет\n', r"metadata\.csv: must be CSV"),
        ("metadata.tsv", "path\ttext\na.wav\tда\n", r"lacks \['file_name'\]"),
        ("metadata.jsonl", "привет".encode("cp1251"), r"metadata\.jsonl: must be JSONL in UTF-8"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_an_error(folder, name, content, message):
    record(folder / "a.wav")
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        dataset(folder)


def test_two_manifests_are_an_error(folder):
    record(folder / "a.wav")
    for name in ("metadata.csv", "metadata.jsonl"):
        (folder / name).write_text("file_name\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"found metadata\.csv and metadata\.jsonl"):
        dataset(folder)


def write_speakers(folder: Path, speakers, clips: int = 4) -> None:
    names = [(f"{speaker}-{clip}.wav", f"speaker {speaker}") for speaker in speakers for clip in range(clips)]
    for name, _ in names:
        (folder / name).touch()
    write_jsonl(folder, *({"file_name": name, "speaker": speaker, "text": "да"} for name, speaker in names))


def test_no_speaker_is_in_train_and_validation_and_none_is_lost(folder):
    write_speakers(folder, range(60))
    made = dataset(folder, validation_split=0.3)
    train, val = list(made.get_train_data()), list(made.get_val_data())
    assert len(train) + len(val) == 240
    assert 0.15 < len(val) / 240 < 0.45
    assert not {one.speaker for one in train} & {one.speaker for one in val}


def test_validation_recordings_stay_so_when_others_are_added(folder):
    write_speakers(folder, range(0, 60, 2))
    before = set(ids(dataset(folder, validation_split=0.3).get_val_data()))
    write_speakers(folder, range(60))
    after = set(ids(dataset(folder, validation_split=0.3).get_val_data()))
    assert before
    assert {name for name in after if int(name.split("-")[0]) % 2 == 0} == before


def test_without_speakers_recordings_are_held_out_by_their_names(folder):
    for number in range(300):
        (folder / f"{number}.wav").touch()
    val = ids(dataset(folder, validation_split=0.2).get_val_data())
    assert 40 < len(val) < 80
    for number in range(300, 400):
        (folder / f"{number}.wav").touch()
    assert set(val) <= set(ids(dataset(folder, validation_split=0.2).get_val_data()))


def test_splits_of_the_manifest_are_kept(folder):
    splits = {"a": "train", "b": "dev", "c": "test", "d": None}
    for name in splits:
        record(folder / f"{name}.wav")
    write_jsonl(folder, *({"file_name": f"{name}.wav", "split": split} for name, split in splits.items()))
    made = dataset(folder, validation_split=0.9)
    assert ids(made.get_train_data()) == ["a.wav", "d.wav"]
    assert ids(made.get_val_data()) == ["b.wav"]
    assert ids(made.get_test_data()) == ["c.wav"]


def test_one_speaker_cannot_be_held_out_and_that_is_said(folder, caplog):
    write_speakers(folder, range(1))
    dataset(folder, validation_split=0.5)
    assert "state splits in the manifest" in caplog.text


@pytest.mark.parametrize(("speaker", "empty", "full"), [(2, "train", "val"), (0, "val", "train")])
def test_an_empty_split_is_put_down_to_few_speakers(folder, speaker, empty, full):
    write_speakers(folder, [speaker])
    made = dataset(folder, validation_split=0.1)
    assert list(made.recordings(empty)) == []
    assert made.why_empty(empty) == (
        f"CustomAudioDataset: validation_split=0.1 keeps speakers whole, and all 1 here fell to {full}; "
        f"it needs more speakers, or splits in the manifest"
    )


def test_splits_of_the_manifest_are_not_put_down_to_speakers(folder):
    record(folder / "a.wav")
    write_jsonl(folder, {"file_name": "a.wav", "split": "val"})
    made = dataset(folder, validation_split=0.1)
    assert (made.why_empty("train"), made.why_empty("test")) == ("", "")


def test_copies_have_ids_of_their_own_and_come_on_top(folder):
    for name in ("a.wav", "b.wav"):
        record(folder / name, ipa="a")
    result = prepared(folder, multiply_train_data=2)
    clip_ids = [result.clips[index].id for index in range(len(result.clips))]
    assert sorted(clip_ids) == ["a.wav", "a.wav#1", "a.wav#2", "b.wav", "b.wav#1", "b.wav#2"]


def test_validation_recordings_are_trained_on_too_where_asked(folder):
    for name, split in (("a", "train"), ("b", "val")):
        record(folder / f"{name}.wav")
        write_jsonl(folder, {"file_name": "a.wav"}, {"file_name": "b.wav", "split": split})
    made = dataset(folder, add_val_to_train=True, multiply_train_data=1)
    assert ids(made.get_train_data()) == ["a.wav", "b.wav", "a.wav#1", "b.wav#1"]
    assert [made.times_used(split) for split in ("train", "val", "test")] == [2, 1, 1]
    assert ids(made.get_val_data()) == ["b.wav"]


def test_without_a_test_folder_there_is_no_test_data(folder):
    record(folder / "a.wav", ipa="a")
    assert list(dataset(folder).get_test_data()) == []
    assert len(prepared(folder, "test").clips) == 0


def test_the_test_folder_is_read_like_the_other_and_copies_nothing(folder, tmp_path):
    record(folder / "a.wav", ipa="a")
    record(tmp_path / "exam" / "ru" / "b.wav", ipa="b")
    made = dataset(folder, test_dir=tmp_path / "exam", multiply_train_data=3)
    assert ids(made.get_test_data()) == ["b.wav"]


def test_a_test_folder_inside_the_training_folder_is_not_trained_on(folder):
    record(folder / "a.wav", ipa="a")
    record(folder / "exam" / "b.wav", ipa="b")
    write_jsonl(folder, {"file_name": "a.wav"}, {"file_name": "exam/b.wav", "text": "да"})
    made = dataset(folder, test_dir=str(folder / "exam"))
    assert ids(made.get_train_data()) == ["a.wav"]
    assert ids(made.get_test_data()) == ["b.wav"]


def test_training_data_inside_the_test_folder_is_not_tested_on(folder):
    record(folder / "a.wav")
    record(folder.parent.parent / "exam.wav", ipa="b")
    write_jsonl(folder, {"file_name": "a.wav", "text": "да"})
    made = dataset(folder, test_dir=str(folder.parent.parent))
    assert ids(made.get_train_data()) == ["a.wav"]
    assert ids(made.get_test_data()) == ["exam.wav"]


def test_the_same_folder_for_training_and_test_is_refused(folder):
    record(folder / "a.wav", ipa="a")
    with pytest.raises(ValueError, match="test_dir must be another folder"):
        dataset(folder, test_dir=str(folder))


def test_a_folder_without_recordings_says_what_it_holds(folder):
    record(folder / "a.flac")
    with pytest.raises(ValueError, match=r"train_val_dir must hold recordings \(\.wav\).*\.flac \(1\)"):
        dataset(folder)


def test_missing_folders_are_named_by_their_key(folder):
    record(folder / "a.wav")
    with pytest.raises(ValueError, match="test_dir must be a folder of recordings, /nowhere"):
        dataset(folder, test_dir="/nowhere")
    shutil.rmtree(folder.parent)
    with pytest.raises(ValueError, match="train_val_dir must be a folder of recordings"):
        dataset(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_split": 1.5}, "CustomAudioDataset: validation_split must be in 0…1, got 1.5"),
        ({"multiply_train_data": -1}, "CustomAudioDataset: multiply_train_data must be 0 or more, got -1"),
        ({"allowed_extensions": ["wav"]}, "CustomAudioDataset: allowed_extensions must be a list"),
        ({"allowed_extensions": []}, "CustomAudioDataset: allowed_extensions must be a list"),
    ],
)
def test_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        CustomAudioDataset("ru", **arguments)


def test_a_language_with_a_region_is_found_in_the_languages_folder(folder):
    record(folder.parent / "en" / "a.wav", txt="yes")
    record(folder / "b.wav", txt="да")
    dataset = CustomAudioDataset(language="en-us", train_val_dir=folder.parent, validation_split=0.0)
    dataset.load_data()
    assert [recording.text for recording in dataset.recordings("train")] == ["yes"]


def test_folders_of_other_languages_that_come_in_are_named(folder, caplog):
    record(folder / "b.wav", txt="да")
    dataset = CustomAudioDataset(language="xx", train_val_dir=folder.parent, validation_split=0.0)
    dataset.load_data()
    assert "has no folder for the language xx" in caplog.text
    assert "ru among it" in caplog.text


def test_recordings_of_one_speaker_are_divided_on_request(folder):
    write_speakers(folder, range(1), clips=200)
    made = dataset(folder, validation_split=0.1, test_split=0.2, split_by="recording")
    counts = [len(made.splits[split]) for split in ("train", "val", "test")]
    assert sum(counts) == 200
    assert counts[0] > counts[2] > counts[1] > 5


def test_a_stated_split_is_not_filled(folder):
    for name in ("a", "b"):
        record(folder / f"{name}.wav")
    write_jsonl(folder, {"file_name": "a.wav", "split": "test"}, {"file_name": "b.wav"})
    made = dataset(folder, validation_split=0.0, test_split=1.0, split_by="recording")
    assert (ids(made.get_train_data()), ids(made.get_test_data())) == (["b.wav"], ["a.wav"])
