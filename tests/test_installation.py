"""What an installed program finds, and which command it names for packages that are missing."""

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import installation
import main
from cli.run import run, with_config
from installation import COMMAND, PACKAGES, existing_or_shipped, how_to_install
from phonetics import Vocabulary

ROOT = Path(__file__).parents[1]
TOKENS = "dataset_modules/tokens/russian_phones.json"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code in site-packages, where no run.sh lies beside it."""
    monkeypatch.setattr(installation, "_SCRIPT", tmp_path / "run.sh")
    monkeypatch.setattr(installation, "PROGRAM", COMMAND)
    return tmp_path


def test_shipped_files_are_found_from_any_folder(elsewhere: Path) -> None:
    assert existing_or_shipped(TOKENS) == ROOT / TOKENS
    assert len(Vocabulary.from_file(TOKENS).tokens) == len(Vocabulary.from_file(ROOT / TOKENS).tokens)


def test_the_callers_own_file_comes_first(elsewhere: Path) -> None:
    own = elsewhere / TOKENS
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"<pad>": 0, "<unk>": 1, "|": 2, "a": 3}))
    assert Vocabulary.from_file(TOKENS).tokens[-1] == "a"


def test_a_missing_file_keeps_its_name_in_the_message(elsewhere: Path) -> None:
    with pytest.raises(ValueError, match=r"mine/tokens\.json does not"):
        Vocabulary.from_file("mine/tokens.json")


def test_configurations_by_word_and_by_option_are_found_from_any_folder(elsewhere: Path) -> None:
    words = ["config/demo.yaml", "--config=config/optim/fam.yaml", "-c", "mine.yaml"]
    assert with_config(words, is_ours=True) == [
        "--config",
        str(ROOT / "config/demo.yaml"),
        f"--config={ROOT / 'config/optim/fam.yaml'}",
        "-c",
        "mine.yaml",
    ]


def test_the_default_configuration_is_found_from_any_folder(elsewhere: Path) -> None:
    assert with_config([], is_ours=True) == ["--config", str(ROOT / "config/config.yaml")]


@pytest.mark.parametrize("prefix", [ROOT / ".venv", Path(installation.sys.base_prefix)])
def test_a_prepared_environment_gets_extras_by_the_script(prefix: Path) -> None:
    assert how_to_install("onnx", prefix) == "./run.sh install onnx"


def test_another_environment_of_a_checkout_gets_extras_by_pip(tmp_path: Path) -> None:
    assert how_to_install("onnx", tmp_path) == f"pip install '{ROOT}[onnx]'"


@pytest.mark.parametrize(
    ("recorded", "source"),
    [
        ('{"url": "file:///home/me/my%20code", "dir_info": {}}', "/home/me/my code"),
        ('{"url": "https://example.org/code.zip", "archive_info": {}}', "https://example.org/code.zip"),
        (None, "phoneme-recognition"),
    ],
)
def test_an_installed_program_names_where_it_came_from(
    installed: Path, monkeypatch: pytest.MonkeyPatch, recorded: str | None, source: str
) -> None:
    import importlib.metadata

    class Installed:
        def read_text(self, name: str) -> str | None:
            return recorded if name == "direct_url.json" else None

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Installed())
    assert how_to_install("onnx", installed) == f"pip install '{source}[onnx]'"
    (installed / "uv-receipt.toml").touch()
    assert how_to_install("onnx", installed) == f"uv tool install '{source}[onnx]'"


def test_the_console_command_is_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {COMMAND: "main:command"}
    monkeypatch.setattr("sys.argv", [f"/home/me/.local/bin/{COMMAND}"])
    assert run(["--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: phonemes COMMAND")


def test_the_console_command_ends_in_any_case_after_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(main, "main", lambda: 143)
    monkeypatch.setattr(main, "leave", left.append)
    main.command()
    assert left == [143]


def test_messages_name_the_program_that_is_installed() -> None:
    """Only what works on a checkout may name its script; other messages name ``PROGRAM``."""
    of_a_checkout = tuple(f"cli/{name}" for name in ("command_table.py", "environment_check.py", "schema/"))
    of_a_checkout += ("cli/commands/reference.py",)
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(of_a_checkout)
        for node in _texts_of(ast.parse(path.read_text(encoding="utf-8")))
        if "./run.sh " in node.value
    ]
    assert named == []


def _texts_of(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts of a module that are no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def test_an_installed_program_offers_no_commands_of_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.command_table.PROGRAM", COMMAND)
    from cli.command_table import help_of_all

    text = help_of_all(COMMAND)
    assert "\n  transcribe " in text
    assert "\n  lock " not in text
