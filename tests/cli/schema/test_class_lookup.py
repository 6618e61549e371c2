"""A class is looked up in sources alone; what they do not decide is left to the parser."""

import sys

import pytest

from cli.schema import schema_file
from cli.schema.class_lookup import names_in, why_missing
from cli.schema.first_check import check_first
from cli.schema.schema_file import is_current, read_schema


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module, or one of a package; nothing imports it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(content, name="lookup_example.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    yield write
    assert not [name for name in sys.modules if name.startswith("lookup_example")]


@pytest.mark.parametrize(
    "content",
    [
        "class Noise: pass",
        "from fractions import Fraction as Noise",
        "import Noise.inner",
        "if True:\n    def Noise(): pass",
        "Noise = 1",
        "try:\n    pass\nexcept ValueError:\n    Noise = None",
    ],
)
def test_a_name_that_a_source_binds_is_found(module, content):
    module(content)
    assert why_missing("lookup_example.Noise") == ""


def test_a_name_that_no_source_binds_is_missing(module):
    module("class Noise: pass")
    assert why_missing("lookup_example.Nois") == "module 'lookup_example' has no attribute 'Nois'"
    assert why_missing("lookup_exampl.Noise") == "No module named 'lookup_exampl'"
    assert names_in("lookup_example") == ["Noise"]
    assert names_in("lookup_exampl") == []


@pytest.mark.parametrize(
    "content",
    [
        "class Noise(:\n",
        "x = '\0'",
        b"\xff\xfe",
        "x = " + "(" * 5000,
        "def __getattr__(name): return 1",
        "from fractions import *",
        "globals()['Noise'] = 1",
        "",
    ],
    ids=range(8),
)
def test_a_source_that_does_not_decide_refuses_nothing(module, content):
    module(content)
    assert why_missing("lookup_example.Noise") == ""


def test_a_module_of_a_package_is_found_and_one_that_is_not_there_is_left_to_the_parser(module):
    module("", "lookup_example/__init__.py")
    module("class Noise: pass", "lookup_example/noises.py")
    assert why_missing("lookup_example.noises.Noise") == ""
    assert why_missing("lookup_example.noises") == ""
    assert why_missing("lookup_example.noise.Noise") == ""


@pytest.mark.parametrize("name", ["", "Noise", "a b.C", "os.path.join", "1.2", "..", "builtins.print"])
def test_odd_names_refuse_nothing(name):
    assert why_missing(name) == ""


def test_an_edited_source_that_does_not_parse_leaves_everything_to_the_parser(tmp_path, monkeypatch):
    for room in schema_file._ROOMS:
        (tmp_path / room).mkdir(parents=True)
    (tmp_path / "models" / "edited.py").write_text("class Half(:\n")
    broken = schema_file.digest_of_signatures
    monkeypatch.setattr(schema_file, "digest_of_signatures", lambda classes: broken(classes, tmp_path))
    assert not is_current(read_schema())
    check_first("fit", ["--model.lrr", "1"], [])
