"""The first check and jsonargparse agree: nothing that jsonargparse accepts is refused."""

import copy
import random
from pathlib import Path

import pytest

from cli.schema.checker import Checker
from cli.schema.generator import parsers_of_training
from cli.schema.schema_file import ROOT, read_schema
from experiment.errors import ConfigError
from tests.cli.schema.valid_configurations import Drawer
from untrusted.yaml_text import read_yaml

SHIPPED = sorted((ROOT / "config").rglob("*.yaml"))
JUNK = [3, 4.5, -1, "text", "8", "1e-3", "null", "", True, [], [1], {}, {"a": 1}, {"class_path": "a.B"}]


@pytest.fixture(scope="module")
def parser():
    return parsers_of_training()["fit"]


@pytest.fixture(scope="module")
def checker():
    return Checker(read_schema(), "fit")


def accepts(parser, configuration):
    try:
        parser.parse_object(copy.deepcopy(configuration))
    except ConfigError:
        return False
    return True


def test_the_check_passes_200_drawn_configurations(checker):
    configurations = [Drawer(read_schema(), seed).configuration() for seed in range(200)]
    assert [fault for each in configurations for fault in checker.faults(checker.root, each)] == []
    assert len({str(each) for each in configurations}) == 200


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_check_passes_every_shipped_configuration(checker, path):
    assert checker.faults(checker.root, read_yaml(path)) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_shipped_configuration_names_the_schema_for_editors(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    start = "# yaml-language-server: $schema="
    assert first.startswith(start)
    assert (path.parent / first.removeprefix(start)).resolve() == ROOT / "config" / "schema.json"


@pytest.mark.parametrize("seed", range(20))
def test_jsonargparse_accepts_what_is_drawn(parser, seed):
    assert accepts(parser, Drawer(read_schema(), seed).configuration())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 200))
def test_jsonargparse_accepts_everything_that_is_drawn(parser, seed):
    assert accepts(parser, Drawer(read_schema(), seed).configuration())


def _spoil(configuration, rng):
    """Replace one value, or rename one key, anywhere."""
    places = list(_places(configuration))
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.3:
        holder[f"{key}{rng.choice(['x', '+', '.a'])}"] = holder.pop(key)
    else:
        holder[key] = copy.deepcopy(rng.choice(JUNK))


def _places(node):
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield node, key
        yield from _places(value)


def _disagreements(parser, checker, seeds):
    """List configurations that the check refuses although jsonargparse accepts them; count the refusals."""
    wrong, refused = [], 0
    for seed in seeds:
        configuration = Drawer(read_schema(), seed % 40).configuration()
        _spoil(configuration, random.Random(seed))
        if faults := checker.faults(checker.root, copy.deepcopy(configuration)):
            refused += 1
            wrong += [(seed, faults)] if accepts(parser, configuration) else []
    return wrong, refused


def test_what_the_check_refuses_jsonargparse_refuses(parser, checker):
    wrong, refused = _disagreements(parser, checker, range(60))
    assert wrong == []
    assert refused > 15


@pytest.mark.slow
def test_what_the_check_refuses_jsonargparse_refuses_at_length(parser, checker):
    assert _disagreements(parser, checker, range(60, 1000))[0] == []


def test_a_part_of_the_check_reads_the_disk(checker, tmp_path, monkeypatch):
    """A text where a class is expected may be a file that describes one."""
    monkeypatch.chdir(tmp_path)
    node = checker.root["properties"]["model"]["properties"]["optimizer"]
    assert checker.faults(node, "mine", "model.optimizer")
    Path("mine").write_text("class_path: torch.optim.SGD\n")
    assert not checker.faults(node, "mine", "model.optimizer")
