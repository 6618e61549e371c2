"""What is not a small regular file of text is refused in one line that names it."""

import contextlib
import os

import pytest

from untrusted.files import FileError, open_text, read_bytes, read_text


def test_a_text_is_read(tmp_path):
    path = tmp_path / "f"
    path.write_bytes("\ufeffмост\r\n".encode())
    assert read_text(path) == "мост\r\n"


def _fifo(path):
    os.mkfifo(path)


def _loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_fifo, "must be a file, it is a pipe"),
        (lambda path: path.mkdir(), "must be a file, it is a folder"),
        (lambda path: path.symlink_to("/dev/zero"), "must be a file, it is a device"),
        (_loop, "cannot be read: Too many levels of symbolic links"),
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.write_bytes(b"x" * 101), "must have at most 100 bytes"),
        (lambda path: path.write_bytes(b"\xff"), "must be text in UTF-8"),
    ],
)
def test_refusals(tmp_path, make, reason):
    path = tmp_path / "odd\x1bname"
    make(path)
    with pytest.raises(FileError, match=rf"odd\\x1bname {reason}") as refusal:
        read_text(path, most_bytes=100)
    assert "\n" not in str(refusal.value)


def test_a_name_that_no_system_accepts_is_refused(tmp_path):
    with pytest.raises(FileError, match="is no file name"):
        read_bytes(tmp_path / "a\0b")
    with pytest.raises(FileError, match="cannot be read: File name too long"):
        read_bytes(tmp_path / ("a" * 300))


@pytest.mark.parametrize("name", ["/proc/self/mem", "/proc/kmsg", "/proc/self/pagemap"])
def test_files_of_the_kernel_neither_block_nor_break_a_reader(tmp_path, name):
    (tmp_path / "f").symlink_to(name)
    for read in (read_bytes, read_text, lambda path: open_text(path, newline="").read(10)):
        with contextlib.suppress(FileError):
            assert isinstance(read(tmp_path / "f"), bytes | str)  # a superuser may read the kernel's log
