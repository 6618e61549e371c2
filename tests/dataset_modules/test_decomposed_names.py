"""Names that macOS decomposed are those that a table composes, and the other way round, in every reader."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.custom import CustomAudioDataset

NAME, SPEAKER = "été à Škoda", "René"
FORMS = [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")]


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def record(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 16000), 16000)


def recordings(folder: Path, **arguments) -> list:
    made = CustomAudioDataset(
        "fr-fr", folder, cache_dir=folder.parent / "cache", validation_split=0.0, **arguments
    )
    made.load_data()
    return list(made.get_train_data())


def spelled(form: str, text: str) -> str:
    return unicodedata.normalize(form, text)


def texts(found: list) -> list[tuple[bool, str | None]]:
    return [(Path(getattr(one.audio, "path", one.audio)).is_file(), one.text) for one in found]


@pytest.mark.parametrize(("on_disk", "in_labels"), FORMS)
@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_table_finds_its_files(folder, on_disk, in_labels, separator):
    record(folder / spelled(on_disk, f"{NAME}/é.wav"))
    name = spelled(in_labels, f"{NAME}/é.wav")
    rows = [("file_name", "text", "speaker"), (name, "oui", spelled(in_labels, SPEAKER))]
    table = "".join(separator.join(row) + "\n" for row in rows)
    (folder / ("metadata.csv" if separator == "," else "metadata.tsv")).write_text(table, encoding="utf-8")
    (found,) = recordings(folder)
    assert texts([found]) == [(True, "oui")]
    assert found.speaker == SPEAKER


@pytest.mark.parametrize(("on_disk", "in_labels"), FORMS)
def test_json_lines_find_their_files(folder, on_disk, in_labels):
    record(folder / spelled(on_disk, f"{NAME}/é.wav"))
    row = {"audio_filepath": spelled(in_labels, f"{NAME}/é.wav"), "text": "oui", "duration": 1.0}
    (folder / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert texts(recordings(folder)) == [(True, "oui")]


@pytest.mark.parametrize(("on_disk", "in_labels"), FORMS)
def test_kaldis_folders_find_their_files_and_utterances(folder, on_disk, in_labels):
    record(folder / spelled(on_disk, f"{NAME}/é.wav"))
    lines = {"wav.scp": f"é {NAME}/é.wav\n", "segments": "é-1 é 0 1\n"}
    for name, line in lines.items():
        (folder / name).write_text(spelled(in_labels, line), encoding="utf-8")
    (folder / "text").write_text(spelled(on_disk, "é-1 oui\n"), encoding="utf-8")
    assert texts(recordings(folder)) == [(True, "oui")]


@pytest.mark.parametrize(("on_disk", "in_labels"), FORMS)
def test_label_files_belong_to_their_recordings(folder, on_disk, in_labels):
    record(folder / spelled(on_disk, f"{NAME}/É.wav"))
    (folder / spelled(on_disk, NAME) / spelled(in_labels, "É.txt")).write_text("oui", encoding="utf-8")
    assert texts(recordings(folder)) == [(True, "oui")]


@pytest.mark.parametrize(("on_disk", "in_labels"), FORMS)
def test_a_folder_of_label_files_is_arranged_as_the_recordings_are(folder, on_disk, in_labels):
    record(folder / spelled(on_disk, f"{NAME}/é.wav"))
    place = folder.parent / "labels" / spelled(in_labels, NAME)
    place.mkdir(parents=True)
    (place / spelled(in_labels, "é.txt")).write_text("oui", encoding="utf-8")
    assert texts(recordings(folder, label_dir=folder.parent / "labels")) == [(True, "oui")]


def test_files_whose_names_differ_in_form_alone_stay_two(folder):
    rows = ["file_name,text"]
    for form, text in (("NFC", "oui"), ("NFD", "non")):
        record(folder / spelled(form, "é.wav"))
        rows.append(f"{spelled(form, 'é.wav')},{text}")
    (folder / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    assert sorted(one.text for one in recordings(folder)) == ["non", "oui"]


def test_a_link_out_of_the_folder_is_not_reached_by_another_spelling(folder):
    record(folder.parent / "secret.wav")
    record(folder / "a.wav")
    (folder / spelled("NFD", "é.wav")).symlink_to(folder.parent / "secret.wav")
    table = f"file_name,text\n{spelled('NFC', 'é.wav')},oui\na.wav,non\n"
    (folder / "metadata.csv").write_text(table, encoding="utf-8")
    found = {one.text: one.audio for one in recordings(folder)}
    assert any("leads out of it" in str(getattr(audio, "reason", "")) for audio in found.values())
    assert found.keys() == {None, "non"}
