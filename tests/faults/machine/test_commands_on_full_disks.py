"""A command that cannot write its result ends with one message and status 1, and leaves no half of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli.run import run
from tests.faults.files.conftest import ORIGINAL
from tests.faults.machine.full_disk import fill, make_read_only, small_disk

COMMANDS = {
    "transcribe": "transcribe {disk}/strange {disk}/ru/a.wav --output {disk}/out/here",
    "align": "align {disk}/strange {disk}/ru/a.wav --output {disk}/out/here",
    "report": "report {disk}/strange",
    "export": "export {disk}/strange --to hf --output {disk}/out/here",
    "lm": "lm --labels {disk}/labels.txt --output {disk}/out/here",
    "start": "start {disk} --language ru --output {disk}/out",
    "vocabulary": "vocabulary build --texts {disk}/labels.txt --language it --output {disk}/out/here",
    "corpus": "corpus telephone-prompts --language ru --output {disk}/out",
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=12) as folder:
        shutil.copytree(ORIGINAL, folder / "strange")
        (folder / "out").mkdir()
        (folder / "ru").mkdir()
        soundfile.write(folder / "ru" / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
        (folder / "ru" / "a.ipa").write_text("t a")
        (folder / "labels.txt").write_text("t a\n" * 2000)
        yield folder


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("spoil", "reason"), [(fill, "No space left on device"), (make_read_only, "Read-only file system")]
)
def test_it_is_named(disk, capsys, monkeypatch, tmp_path, name, spoil, reason):
    monkeypatch.chdir(tmp_path)
    spoil(disk)
    status = run(COMMANDS[name].format(disk=disk).split())
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert status in (1, 2)
    assert len(errors) == 1
    assert str(disk) in errors[0]
    assert reason in errors[0]
    assert "Errno" not in errors[0]
    assert [path for path in (disk / "out").rglob("*") if path.is_file()] == []
