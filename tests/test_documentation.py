"""README, CONTRIBUTING and docs/ agree with the code: commands, keys, paths, links, Python blocks."""

import importlib
import inspect
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.command_table import commands

ROOT = Path(__file__).parents[1]
GUIDES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in GUIDES}
EVERY_PAGE = pytest.mark.parametrize("page", TEXTS)
CODE = re.compile(r"(?:```.*?```)|`[^`\n]+`", re.DOTALL)
# Folders of the user, which a checkout does not have.
USERS = {"data", "experiments", "checkpoints"}
ROOMS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - USERS
OUR_CLASS = r"\b(?:audiomentations|callbacks|dataset_modules|lightning|optim|optuna|phonetics|torch)\.[\w.]+"
TOOLS = {command.name for command in commands() if not command.takes_config and not command.is_script}
COMMANDS = {command.name for command in commands() if command.takes_config}
_EXPERIMENT_KEYS = {"ckpt_path", "only_weights_load", "custom_folder_name"}
TOP_LEVEL = {"config", "print_config", "help", "audio", "model"} | _EXPERIMENT_KEYS


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^[ ]*```{language}\n(.*?)```", TEXTS[page], flags=re.DOTALL | re.MULTILINE)


def _all_blocks(language: str) -> list[tuple[str, str]]:
    return [(page, block) for page in TEXTS for block in _blocks(page, language)]


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the words after each ``./run.sh``, in blocks and within lines."""
    for page, text in TEXTS.items():
        for code in CODE.findall(text):
            for line in code.strip("`").splitlines():
                for call in re.findall(r"\./run\.sh ([^#|\n]*)", line):
                    words = shlex.split(call.split("&&")[0])
                    if words and words[0] not in {"MODE", "COMMAND", "help"}:
                        yield page, words


CALLS = [pytest.param(words, id=f"{page}: {' '.join(words)}") for page, words in _commands()]


@EVERY_PAGE
def test_a_row_of_a_table_follows_a_heading(page: str) -> None:
    """An empty line ends a table: the rows behind it would be shown as text."""
    text = re.sub(r"^[ ]*```.*?```", "", TEXTS[page], flags=re.DOTALL | re.MULTILINE)
    tables = re.findall(r"(?:^[ ]*\|.*\n)+", text, flags=re.MULTILINE)
    assert [table for table in tables if not re.match(r".*\n[ ]*\|[ :|-]+\|\n", table)] == []


def test_commands_are_found() -> None:
    assert len(CALLS) > 40  # noqa: PLR2004 - many more than a broken pattern would find


@pytest.mark.parametrize("words", CALLS)
def test_every_mode_exists(words: list[str]) -> None:
    assert words[0] in {command.name for command in commands()} | {"--help", "--version"}


@EVERY_PAGE
def test_every_configuration_that_is_named_exists(page: str) -> None:
    for name in re.findall(r"config/[\w/]+\.yaml", TEXTS[page]):
        assert yaml.safe_load((ROOT / name).read_text(encoding="utf-8")), name


@pytest.mark.parametrize("words", [call for call in CALLS if call.values[0][0] in COMMANDS])
def test_every_override_is_a_key(words: list[str]) -> None:
    for word in words[1:]:
        if word.startswith("--"):
            _check_key(word.removeprefix("--").split("=")[0])


def _check_key(key: str) -> None:
    section, _, name = key.partition(".")
    if not name:
        assert section in TOP_LEVEL, key
    else:
        assert name.split(".")[0] in _keys_of(section), key


def _keys_of(section: str) -> set[str]:
    from lightning.pytorch import Trainer

    from cli.configuration.sections import OptunaSection, StudySection
    from dataset_modules.datamodule import PhonemeDataModule
    from models import PhonemeRecognizer

    ours = {"optuna": OptunaSection, "study": StudySection}
    if section in ours:
        return {field.name for field in fields(ours[section])}
    sections = {"model": PhonemeRecognizer, "data": PhonemeDataModule, "trainer": Trainer}
    return set(inspect.signature(sections[section]).parameters)


@pytest.fixture(scope="module")
def help_of() -> Any:  # noqa: ANN401 - a function with a memory
    from cli.run import run

    known: dict[tuple[str, ...], str] = {}

    def text(capsys: pytest.CaptureFixture[str], *command: str) -> str:
        if command not in known:
            with pytest.raises(SystemExit):
                run([*command, "--help"])
            known[command] = capsys.readouterr().out
        return known[command]

    return text


@pytest.mark.parametrize("words", [call for call in CALLS if call.values[0][0] in TOOLS])
def test_every_option_of_a_tool_is_in_its_help(
    words: list[str],
    help_of: Any,
    capsys: pytest.CaptureFixture[str],  # noqa: ANN401
) -> None:
    command = words[:2] if words[0] in ("corpus", "vocabulary") and len(words) > 1 else words[:1]
    for option in (word for word in words if word.startswith("--") and word != "--help"):
        assert f"{option} " in help_of(capsys, *command), option


@pytest.mark.parametrize("tool", ["transcribe", "align", "export", "lm"])
def test_the_reference_lists_every_option_of_a_tool(
    tool: str,
    help_of: Any,
    capsys: pytest.CaptureFixture[str],  # noqa: ANN401
) -> None:
    options = set(re.findall(r"--\w+", help_of(capsys, tool))) - {"--help"}
    assert options <= set(re.findall(r"--\w+", TEXTS["docs/reference/command_line.md"]))


@EVERY_PAGE
def test_every_path_into_the_repository_exists(page: str) -> None:
    quoted = re.findall(r"`([\w./-]+)`", re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL))
    paths = [name for name in quoted if "/" in name and name.split("/")[0] in ROOMS]
    assert [name for name in paths if not (ROOT / name).exists()] == []
    scripts = re.findall(r"python (benchmarks/\w+\.py|main\.py)", TEXTS[page])
    assert [name for name in scripts if not (ROOT / name).exists()] == []


@EVERY_PAGE
def test_every_class_that_is_named_exists(page: str) -> None:
    code = " ".join(CODE.findall(TEXTS[page]))
    names = {name for name in re.findall(OUR_CLASS, code) if name.rpartition(".")[2][:1].isupper()}
    for name in sorted(names):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


@EVERY_PAGE
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", TEXTS[page])):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.is_file(), target
        assert not anchor or anchor in _anchors(file), target


def _anchors(file: Path) -> set[str]:
    """Return the ids that the headings of a page get."""
    text = re.sub(r"```.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize(("page", "block"), _all_blocks("yaml"))
def test_yaml_blocks_hold_keys_that_exist(page: str, block: str) -> None:  # noqa: ARG001
    content = yaml.safe_load(textwrap.dedent(block))
    for section in {"model", "data", "trainer", "optuna", "study"} & set(content):
        assert set(content[section]) <= _keys_of(section)


@pytest.mark.parametrize(("page", "block"), _all_blocks("python"))
def test_python_blocks_run(page: str, block: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    if "get_parameter_groups" in block:
        _run_optimizer(block)
    elif "Recognizer" in block:
        _run_recognizer(block, monkeypatch)
    elif "CustomPitchShift" in block:  # tests/dataset_modules/augmentations/test_documented_transform.py
        exec(block, {})
    else:
        tested = (ROOT / "tests/dataset_modules/test_base_dataset.py").read_text(encoding="utf-8")
        assert block[block.index("class WavFolder") :].strip() in tested


def _run_optimizer(block: str) -> None:
    import torch

    model = torch.nn.Linear(30, 30)
    names: dict[str, Any] = {"model": model}
    exec(block, names)
    model(torch.ones(1, 30)).sum().backward()
    before = model.weight.detach().clone()
    names["optimizer"].step()
    names["schedule"].step()
    assert (model.weight != before).any()


def _run_recognizer(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference import Recognizer
    from tests.inference.tiny_models import build_model, speech

    recognizer = Recognizer(build_model("Wav2Vec2 layer"))
    for name in ("from_checkpoint", "from_experiment"):
        monkeypatch.setattr(Recognizer, name, lambda _: recognizer)
    monkeypatch.setattr("soundfile.read", lambda _: (speech(1.0), 16000))
    names: dict[str, Any] = {}
    exec(block.replace('"d", "a"', '"n", "a"'), names)  # phonemes of the tiny model
    if result := names.get("score") or names.get("times"):
        assert [phoneme.symbol for phoneme in result.phonemes] == ["n", "a"]
    else:
        assert names["transcript"].num_seconds == 1.0


def test_every_configuration_key_is_explained() -> None:
    from cli.configuration.sections import OptunaSection

    reference = TEXTS["docs/reference/configuration.md"]
    for section in ("model", "data"):
        assert [key for key in sorted(_keys_of(section)) if f"`{key}`" not in reference] == []
    search = TEXTS["docs/guides/search.md"]
    assert [field.name for field in fields(OptunaSection) if field.name not in search] == []


def test_every_benchmark_is_documented() -> None:
    scripts = [path.name for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()]
    assert [name for name in scripts if f"benchmarks/{name}" not in TEXTS["docs/benchmarks.md"]] == []


def test_every_page_is_in_the_navigation() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w/]+\.md", site.partition("\nnav:")[2]))
    assert listed == {page.removeprefix("docs/") for page in TEXTS if page.startswith("docs/")}


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 150  # noqa: PLR2004


def test_every_picture_is_shown_and_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    shown = " ".join(TEXTS.values())
    assert [path.name for path in pictures if f"images/{path.name})" not in shown] == []
    assert sum(path.stat().st_size for path in pictures) < 600_000  # noqa: PLR2004


def test_pictures_need_no_network() -> None:
    assert [page for page in TEXTS if page.startswith("docs/") and "```mermaid" in TEXTS[page]] == []


def test_the_picture_of_the_rooms_names_rooms() -> None:
    drawn = re.findall(r"<text x[^>]*>([^<]+)</text>", (ROOT / "docs/images/rooms.svg").read_text())
    assert len(drawn) > len(ROOMS) / 2
    assert [name for name in drawn if not (ROOT / name).exists()] == []
