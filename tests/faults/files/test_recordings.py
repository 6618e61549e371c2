"""Recordings and tables that nobody would record: each is skipped and listed, or one line."""

import os
import struct
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli.run import run
from dataset_modules.base_dataset import SPLITS
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.custom import CustomAudioDataset


def tone(path, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        soundfile.write(stream, np.random.default_rng(0).normal(0, 0.1, 16000), rate, format="WAV")
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        path = tone(tmp_path / "recordings" / "ru" / f"clip{number}.wav")
        path.with_suffix(".ipa").write_text("t a")
    return tmp_path / "recordings" / "ru"


def skipped(folder):
    """List what a data set of the folder leaves out."""
    cache = folder.parents[1] / "cache"
    dataset = CustomAudioDataset("ru", folder.parent, cache_dir=cache, max_skipped_share=1.0)
    dataset.load_data()
    parts = [dataset.prepare(split, AudioParams()) for split in SPLITS]
    return [(row.id, row.reason) for part in parts for row in part.skipped()]


def _loop(path):
    path.symlink_to(path.name)


def _pair_of_links(path):
    other = path.with_name("other.wav")
    path.symlink_to(other.name)
    other.symlink_to(path.name)


def _dangling(path):
    path.symlink_to("nowhere.wav")


def _of_one_hertz(path):
    tone(path, rate=1)


def _of_a_billion_hertz(path):
    tone(path)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", 2**31 - 1)
    path.write_bytes(content)


ODD = [_loop, _pair_of_links, _dangling, os.mkfifo, Path.mkdir, Path.touch]
ODD += [_of_one_hertz, _of_a_billion_hertz]


@pytest.mark.parametrize("make", ODD, ids=lambda function: function.__name__)
def test_an_odd_recording_is_skipped_and_listed(folder, make):
    make(folder / "odd.wav")
    found = skipped(folder)
    assert not found if make is Path.mkdir else "odd.wav" in dict(found)


def test_a_linked_folder_of_itself_is_no_loop(folder):
    (folder / "again").symlink_to(folder)
    (folder / "self").symlink_to("self")
    assert {name for name, _ in skipped(folder)} <= {"self"}


NO_TABLES = [
    b"",
    b"\0" * 1000,
    b"\xff\xfe",
    b"file_name\n" + b"x" * 200_000,
    b'file_name\n"clip0',
    b"a,b\n1,2",
]


@pytest.mark.parametrize("table", NO_TABLES)
def test_a_table_that_is_none_is_one_message(folder, table):
    (folder / "metadata.csv").write_bytes(table)
    with pytest.raises(ValueError, match=r"metadata\.csv") as refusal:
        skipped(folder)
    assert "\n" not in str(refusal.value)


ROWS = ['{"file_name": ' + "[" * 100_000, '{"file_name": ' + "9" * 10_000 + "}", '{"file_name": NaN}']
ROWS += ["[1]", "null", '{"file_name": "../../out.wav"}', '{"file_name": "a\\u0000.wav"}']


@pytest.mark.parametrize("row", ROWS)
def test_a_faulty_row_is_skipped_and_listed(folder, row):
    (folder / "metadata.jsonl").write_text(f'{{"file_name": "clip0.wav", "phonemes": "t a"}}\n{row}\n')
    assert len(skipped(folder)) == 1


# The command line


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_transcribe_reads_no_pipe_by_its_name(experiment, refused, make):
    make(Path("odd.wav"))
    refused("transcribe", "strange", "odd.wav", naming=("odd.wav", "standard input"))


def test_transcribe_reads_standard_input(experiment, run_done, monkeypatch):
    class Standard:
        buffer = BytesIO(Path("a.wav").read_bytes())

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdin", Standard())
    run_done("transcribe", "strange", "-")


@pytest.mark.parametrize("make", [_of_one_hertz, _of_a_billion_hertz, Path.touch])
def test_transcribe_refuses_a_recording_in_one_line(experiment, capsys, make):
    make(Path("odd.wav"))
    assert run(["transcribe", "strange", "odd.wav", "a.wav"]) == 1
    assert "odd.wav" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["-a.wav", "..wav", "a\n\x1b[2J.wav", "a\udcff.wav", "-"])
def test_odd_names(experiment, capsys, name):
    tone(Path("odd") / name)
    assert run(["transcribe", "strange", str(Path("odd") / name), "a.wav"]) == 0
    written = capsys.readouterr()
    assert "\x1b" not in written.out + written.err
    assert len(written.out.splitlines()) == 2
    os.chdir("odd")
    assert run(["transcribe", str(experiment), "--output", "out", "--", f"./{name}"]) == 0


@pytest.mark.parametrize("form", ["text", "jsonl", "ctm"])
def test_names_in_results_on_a_terminal(experiment, capsys, form):
    tone(Path("\x9b2J\u202e.wav"))
    assert run(["transcribe", "strange", ".", "--format", form]) == 0
    written = capsys.readouterr()
    assert not {"\x9b", "\u202e"} & set(written.out + written.err)


OPTIONS = ["--beam=0", "--beam=1000000000", "--one_pass=nan", "--window=inf", "--batch_seconds=1e300"]
OPTIONS += ["--token_bonus=nan", "--token_bonus=1e300", "--overlap=-1", "--lm=/dev/zero", "--lm=."]


@pytest.mark.parametrize("option", OPTIONS)
def test_options_out_of_bounds(experiment, refused, option):
    more = ["--beam=2"] if option.startswith(("--token", "--lm")) else []
    refused("transcribe", "strange", "a.wav", option, *more)


ARPA = "\\data\\\nngram 1=3\n\n\\1-grams:\n-0.5 a -0.1\n-0.5 t\n{}\n\n\\end\\\n"
ENTRIES = ["nan b", "-inf b", "inf b", "1e300 b", "-1e300 b", "0.5 b", "-0.1 b nan", "-0.1 b 1e300", "x b"]
NO_MODELS = [*map(ARPA.format, [*ENTRIES, "-0.1"]), "", "\0", "\\0-grams:\n-0.5\n", "\\-1-grams:\n"]


@pytest.mark.parametrize("content", NO_MODELS)
def test_language_models_out_of_bounds(experiment, refused, content):
    Path("m.arpa").write_text(content)
    refused("transcribe", "strange", "a.wav", "--beam=2", "--lm=m.arpa", naming=("m.arpa",))


@pytest.mark.parametrize("heading", ["\\1000000000-grams:", "\\" + "9" * 5000 + "-grams:", "\\x-grams:"])
def test_orders_out_of_bounds(experiment, refused, heading):
    Path("m.arpa").write_text(f"{heading}\n-0.1 a\n")
    refused("transcribe", "strange", "a.wav", "--beam=2", "--lm=m.arpa", naming=("m.arpa, line 1",))


@pytest.mark.parametrize("order", ["0", "-1", "1000000000", "21"])
def test_an_order_that_no_language_has(tmp_path, refused, order):
    (tmp_path / "labels.txt").write_text("t a\n")
    refused("lm", "--labels", tmp_path / "labels.txt", "--output", tmp_path / "m.arpa", "--order", order)


def test_labels_in_a_pipe(tmp_path, refused):
    os.mkfifo(tmp_path / "labels.txt")
    refused("lm", "--labels", tmp_path / "labels.txt", "--output", tmp_path / "m.arpa", naming=("pipe",))
