"""Files of packages, read without dpkg."""

import gzip

import pytest
from prompt_packages import package, tar_of

from dataset_modules.sources.corpora import debian_package
from dataset_modules.sources.corpora.debian_package import packaged_files, unpacked_text


def test_files_of_a_package_are_read(tmp_path):
    path = tmp_path / "a.deb"
    path.write_bytes(package({"./usr/a": b"one", "./usr/b/c": b"three"}))
    assert dict(packaged_files(path)) == {"usr/a": b"one", "usr/b/c": b"three"}


@pytest.mark.parametrize("compression", ["gz", "xz"])
def test_files_of_a_tarball_are_read(tmp_path, compression):
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"added.g722": b"1"}, compression))
    assert dict(packaged_files(path)) == {"added.g722": b"1"}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_cut_package_is_named(tmp_path, share):
    path = tmp_path / "cut.deb"
    whole = package({"./usr/a": bytes(range(256)) * 40})
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match="cut.deb"):
        dict(packaged_files(path))


def test_paths_that_leave_the_package_are_refused(tmp_path):
    path = tmp_path / "bad.deb"
    path.write_bytes(package({"../../etc/passwd": b"x"}))
    with pytest.raises(ValueError, match="no package should"):
        dict(packaged_files(path))


def test_an_archive_without_data_is_named(tmp_path):
    path = tmp_path / "odd.deb"
    path.write_bytes(b"!<arch>\n")
    with pytest.raises(ValueError, match=r"must hold data\.tar"):
        dict(packaged_files(path))


def test_files_that_would_take_all_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(debian_package, "_MOST_BYTES", 1000)
    path = tmp_path / "many.deb"
    path.write_bytes(package({"./a": bytes(600), "./b": bytes(600)}))
    with pytest.raises(ValueError, match="no package should: './b'"):
        dict(packaged_files(path))


def test_a_packed_text_is_bounded_and_whole(monkeypatch):
    assert unpacked_text(gzip.compress(b"text"), "a.gz") == b"text"
    monkeypatch.setattr(debian_package, "_MOST_TEXT_BYTES", 1000)
    with pytest.raises(ValueError, match=r"'a\.gz' must have at most 1000 bytes"):
        unpacked_text(gzip.compress(bytes(1001)), "a.gz")
    for broken in (gzip.compress(bytes(100))[:-6], b"none", gzip.compress(b"text")[:12] + b"x" * 20):
        with pytest.raises(ValueError, match=r"'a\.gz' cannot be unpacked"):
            unpacked_text(broken, "a.gz")
