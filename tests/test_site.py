"""The documentation's site: ``mkdocs build --strict`` finds every page and link, and needs no network."""

import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_site_is_built_strictly_and_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    monkeypatch.setattr(socket.socket, "connect", _no_network)
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path / "site"))
    build(config)
    assert (tmp_path / "site/tutorials/first_run/index.html").is_file()


def _no_network(*_: object) -> None:
    raise AssertionError("the build must not use the network")
