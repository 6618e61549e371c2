"""``corpus telephone-prompts``, with packages made for the tests."""

import csv

import pytest
import soundfile
from prompt_packages import prompt_packages

from cli.run import run
from dataset_modules.custom import CustomAudioDataset


def corpus(*arguments):
    return run(["corpus", "telephone-prompts", *map(str, arguments)])


@pytest.fixture
def written(tmp_path):
    files = prompt_packages(tmp_path)
    assert corpus("--language", "ru-RU", "--output", tmp_path / "out", "--files", *files) == 0
    return tmp_path / "out" / "ru"


def test_the_summary_counts_what_was_left_out(tmp_path, capsys):
    files = prompt_packages(tmp_path)
    assert corpus("--language", "ru", "--output", tmp_path / "out", "--files", *files) == 0
    output = capsys.readouterr().out
    assert "left out: 1 digits, 1 letters lost to ?, 1 no recording, 1 tones and silences" in output
    assert "not verified" in output


def test_speech_is_written_and_the_rest_left_out(written):
    rows = list(csv.DictReader((written / "metadata.csv").open(encoding="utf-8")))
    assert [row["file_name"] for row in rows] == ["added.flac", "digits/1.flac", "again.flac"]
    assert {row["speaker"] for row in rows} == {"Maxim Topal"}
    assert soundfile.info(written / "digits" / "1.flac").samplerate == 16000


def test_equal_texts_stay_in_one_split(written):
    splits = {row["text"]: row["split"] for row in csv.DictReader((written / "metadata.csv").open())}
    assert splits["Добавлено"] == splits["добавлено!"]


def test_licence_and_attribution_lie_beside(written):
    assert "Maxim Topal" in (written / "ATTRIBUTION.md").read_text()
    assert (written / "copyright.txt").read_text() == "free"


def test_a_data_set_reads_the_folder(written):
    data = CustomAudioDataset("ru", written.parent, allowed_extensions=[".flac"])
    data.load_data()
    assert sum(map(len, data.splits.values())) == 3


def test_a_folder_that_is_there_stays(written, capsys):
    assert corpus("--language", "ru", "--output", written.parent, "--files", "x") == 2
    assert "--overwrite" in capsys.readouterr().err


def test_overwriting_replaces_the_whole_folder(written, tmp_path):
    (written / "metadata.csv").write_text("old")
    (written / "left.wav").touch()
    output = ("--output", written.parent, "--files", *prompt_packages(tmp_path))
    assert corpus("--language", "ru", *output, "--overwrite") == 0
    assert (written / "metadata.csv").read_text(encoding="utf-8").startswith("file_name")
    assert not (written / "left.wav").exists()
    assert [path.name for path in written.parent.iterdir()] == ["ru"]


def test_an_unknown_language_is_refused_with_the_nearest(tmp_path, capsys):
    assert corpus("--language", "italian", "--output", tmp_path) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: corpus: --language must be")
    assert "nearest: it" in error


def test_without_a_network_the_files_to_fetch_are_named(tmp_path, capsys):
    assert corpus("--language", "ru", "--output", tmp_path, "--mirror", "http://127.0.0.1:1") == 1
    error = capsys.readouterr().err
    assert "--files" in error
    assert "http://127.0.0.1:1/pool/main/a/asterisk-core-sounds/asterisk-core-sounds-ru-g722_" in error


def test_a_damaged_package_is_refused(tmp_path, capsys):
    path = tmp_path / "asterisk-core-sounds-ru-g722_1.6.1-1_all.deb"
    path.write_bytes(b"!<arch>\n")
    assert corpus("--language", "ru", "--output", tmp_path, "--files", path) == 2
    assert "SHA-256" in capsys.readouterr().err


def test_files_without_sounds_are_refused(tmp_path, capsys):
    texts, _ = prompt_packages(tmp_path)
    assert corpus("--language", "ru", "--output", tmp_path / "out", "--files", texts) == 2
    assert "they hold 0 and 7" in capsys.readouterr().err
