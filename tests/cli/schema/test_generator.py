"""The kept files that are generated from the code are those that would be generated now."""

import json

import pytest

from cli.commands.reference import run_reference
from cli.schema.schema_file import ROOT, SCHEMA_FILE, digest_of_signatures, is_current, read_schema
from tests.journeys.main_program import run_main

SECTIONS = ("model", "data", "audio_params", "optuna", "study")


def test_the_generated_files_are_current():
    done = run_main("reference", "--check")  # in this process, optimizers of other tests may be alive
    assert (done.returncode, done.stdout) == (0, ""), "run ./run.sh reference"


def test_the_kept_schema_is_that_of_this_code():
    assert is_current(read_schema())


def test_a_changed_signature_outdates_the_schema(tmp_path):
    for room in ("callbacks", "cli/configuration", "dataset_modules", "models", "optim", "phonetics"):
        (tmp_path / room).mkdir(parents=True)
    (tmp_path / "cli/commands").mkdir(parents=True)
    for name in ("cli/phoneme_cli.py", "cli/commands/doctor.py"):
        (tmp_path / name).write_text("")
    module = tmp_path / "models/a.py"
    module.write_text("class A:\n    def __init__(self, a: int = 1): ...\n")
    before = digest_of_signatures(["A"], tmp_path)
    module.write_text("# a comment\nclass A:\n    def __init__(self, a: int = 1):\n        self.a = a\n")
    assert digest_of_signatures(["A"], tmp_path) == before
    (tmp_path / "optim/b.py").write_text("class NotConfigured:\n    def __init__(self, c): ...\n")
    assert digest_of_signatures(["A"], tmp_path) == before
    module.write_text("class A:\n    def __init__(self, a: int = 1, b: int = 2): ...\n")
    assert digest_of_signatures(["A"], tmp_path) != before


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_ours_is_described_for_editors(section):
    properties = read_schema()["properties"][section]["properties"]
    assert properties
    assert [key for key, node in properties.items() if not node.get("description")] == []


def test_nothing_is_required_since_files_may_be_parts():
    assert '"required"' not in SCHEMA_FILE.read_text("utf-8")


def test_own_classes_stay_possible_for_editors():
    for name in ("BaseDataset", "Callback", "Transform"):
        kinds = read_schema()["$defs"][name]["anyOf"]
        known = [kind["properties"]["class_path"].get("const") for kind in kinds[1:-1]]
        assert kinds[-1]["properties"]["class_path"] == {"type": "string", "not": {"enum": known}}


def test_the_command_names_what_is_out_of_date(tmp_path, monkeypatch, capsys):
    kept = ROOT / "config" / "kept.json"
    monkeypatch.setattr("cli.commands.reference.generated_files", lambda: {kept: "new"})
    monkeypatch.setattr("cli.commands.reference._content", lambda path: "old")
    assert run_reference(["--check"]) == 1
    assert capsys.readouterr().out == "config/kept.json: is out of date\n"
    assert not kept.exists()
    monkeypatch.setattr("cli.commands.reference._content", lambda path: "new")
    assert run_reference(["--check"]) == 0
    assert json.loads(SCHEMA_FILE.read_text("utf-8"))
