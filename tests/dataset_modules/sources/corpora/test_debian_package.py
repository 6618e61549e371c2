"""Files of packages, read without dpkg."""

import pytest
from prompt_packages import package, tar_of

from dataset_modules.sources.corpora.debian_package import packaged_files


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
