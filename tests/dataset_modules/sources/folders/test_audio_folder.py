"""Folders with links in them: each folder once, none lost without a word."""

import os
from pathlib import Path

import pytest

from dataset_modules.recording import AudioError, Recording, UnusableAudio
from dataset_modules.sources.folders.audio_folder import FolderReader
from dataset_modules.sources.folders.folder_walk import FolderWalk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("ru/anna/1.wav", "ru/.store/boris/2.wav", "ru/.store/.deep/3.wav", "mounted/4.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "ru"


def _files(root: Path, excluded: Path | None = None) -> list[str]:
    walk = FolderWalk(root, excluded)
    return sorted((here / name).relative_to(root).as_posix() for here, names in walk for name in names)


def test_a_link_that_stays_inside_is_followed_once(root: Path) -> None:
    (root / "boris").symlink_to(".store/boris")
    (root / "again").symlink_to(".store/boris")
    assert _files(root) == ["again/2.wav", "anna/1.wav"]


def test_a_linked_folder_that_is_there_anyway_does_not_come_twice(root: Path) -> None:
    (root / "a_link").symlink_to("anna")
    assert _files(root) == ["anna/1.wav"]


def test_loops_end(root: Path) -> None:
    (root / "anna" / "up").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "store").symlink_to(".store")
    (root / ".store" / "boris" / "round").symlink_to("../../store")
    assert _files(root) == ["anna/1.wav", "self", "store/boris/2.wav"]


def test_what_is_excluded_is_not_reached_by_a_link(root: Path) -> None:
    (root / "boris").symlink_to(".store/boris")
    assert _files(root, excluded=root / ".store") == ["anna/1.wav"]
    assert _files(root, excluded=root / "anna") == ["boris/2.wav"]


def test_each_link_that_leads_nowhere_is_one_recording_of_no_use(root: Path) -> None:
    (root / "far").symlink_to(root.parent / "mounted")
    (root / "anna" / "gone").symlink_to("/no/such/disk")
    read = {stated.recording.id: stated.recording.audio for stated in FolderReader(root, [".wav"]).read()}
    assert list(read) == ["anna/1.wav", "anna/gone", "far"]
    assert read["anna/1.wav"] == root / "anna" / "1.wav"
    expected = {
        "far": f"a linked folder must lie below {root}, this one is {root.parent / 'mounted'}",
        "anna/gone": "it is a link to /no/such/disk, which is not there",
    }
    for key, reason in expected.items():
        audio = read[key]
        assert isinstance(audio, UnusableAudio)
        with pytest.raises(AudioError, match=reason):
            audio.read()


def test_a_folder_that_is_a_link_itself_is_gone_through(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    assert _files(root.parent / "link") == ["anna/1.wav"]


def _listed(root: Path, rows: str) -> list[Recording]:
    (root / "metadata.tsv").write_text(f"file_name\tphonemes\n{rows}", encoding="utf-8")
    return [stated.recording for stated in FolderReader(root, [".wav"]).read()]


def test_a_row_of_a_file_that_is_there_asks_the_disk_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"anna/{number:02d}.wav" for number in range(50)]
    for name in names:
        (root / name).touch()
    asked: list[object] = []
    for call in ("stat", "lstat"):
        real = getattr(os, call)
        monkeypatch.setattr(
            os, call, lambda path, real=real, **given: asked.append(path) or real(path, **given)
        )
    listed = _listed(root, "".join(f"{name}\td a\n" for name in names))
    assert [recording.id for recording in listed if recording.phonemes] == names
    assert len(asked) < len(names)


def test_a_row_names_the_file_with_its_very_name(root: Path) -> None:
    (root / r"anna\1.wav").touch()
    labels = {recording.id: recording.phonemes for recording in _listed(root, "anna\\1.wav\td a\n")}
    assert labels == {"anna/1.wav": None, r"anna\1.wav": ("d", "a")}


def test_two_spellings_of_lost_files_are_two_recordings(root: Path) -> None:
    listed = _listed(root, "\u00e9.wav\td\ne\u0301.wav\ta\n")
    assert {"\u00e9.wav", "e\u0301.wav"} <= {recording.id for recording in listed}
