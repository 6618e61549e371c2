"""Debian packages made for the tests: an ar archive with a tar archive in it."""

import gzip
import io
import tarfile
from pathlib import Path

REFERENCE = Path(__file__).with_name("dataset_modules") / "sources" / "corpora" / "reference.g722"
VOICE = "./usr/share/asterisk/sounds/ru_RU_f_Voice"
DOC = "./usr/share/doc/asterisk-core-sounds-ru"
TRANSCRIPTS = """; Core Sounds
added: Добавлено
beep: [a simple beep]
digits/1: Один
vm-options: Нажмите 1
gone: Нет записи
lost: Линия зан?та сейчас
again: добавлено!
"""


def tar_of(files: dict[str, bytes], compression: str = "xz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def ar_of(members: dict[str, bytes]) -> bytes:
    archive = b"!<arch>\n"
    for name, content in members.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        archive += header.encode() + content + b"\n" * (len(content) % 2)
    return archive


def package(files: dict[str, bytes]) -> bytes:
    return ar_of({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": tar_of(files)})


def prompt_packages(folder: Path) -> list[Path]:
    sound = REFERENCE.read_bytes()
    names = ("added", "again", "beep", "digits/1", "vm-options")
    sounds = {f"{VOICE}/{name}.g722": sound for name in names}
    texts = gzip.compress(TRANSCRIPTS.encode())
    contents = {
        "texts.deb": {f"{DOC}/core-sounds-ru.txt.gz": texts, f"{DOC}/copyright": b"free"},
        "sounds.deb": sounds,
    }
    for name, files in contents.items():
        (folder / name).write_bytes(package(files))
    return [folder / name for name in contents]
