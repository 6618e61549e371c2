"""Texts that nobody would write: one message, or a result that cannot steer the terminal."""

import os
from pathlib import Path

import pytest

from cli.run import run


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.write_bytes(bytes(1000)),
        lambda path: path.write_bytes(b"caf\xe9"),
        lambda path: path.write_text("casa", encoding="utf-16"),
    ],
    ids=["pipe", "folder", "device", "loop", "dangling", "zeros", "latin", "utf16"],
)
def test_a_file_that_holds_no_text(tmp_path, refused, make):
    make(tmp_path / "texts")
    message = refused("phonemize", "--file", tmp_path / "texts", "--language", "it")
    assert "Errno" not in message


def test_what_a_text_holds_is_printed_escaped(tmp_path, capsys):
    text = "casa \x1b[2J\u202e мост"
    (tmp_path / "texts").write_text(text, encoding="utf-8")
    assert run(["phonemize", "--file", str(tmp_path / "texts"), "--language", "it"]) == 0
    assert run(["phonemize", text, "--language", "it"]) == 0
    written = "".join(capsys.readouterr())
    assert not {"\x1b", "\u202e"} & set(written)
    assert "мост" in written
