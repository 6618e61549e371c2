"""What a stranger's experiment holds is data: a damaged file of it is one line that names the file."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 11))
Damage = Callable[[Path], object]


def _huge(path: Path) -> None:
    path.unlink()
    with path.open("wb") as stream:
        stream.truncate(2**40)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_out(path: Path) -> None:
    outside = path.parents[3] / "private.json"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(outside)


DAMAGES: dict[str, Damage] = {
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "a list": lambda path: path.write_text("[1, 2]"),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "nested": lambda path: path.write_text("[" * 200_000),
    "a number of many digits": lambda path: path.write_text('{"path": ' + "9" * 10_000 + "}"),
    "huge": _huge,
    "a pipe": _pipe,
    "a folder": _folder,
    "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("command", ["transcribe", "export"])
def test_best_json(experiment, refused, damage, command):
    damage(experiment / "checkpoints" / "best.json")
    arguments = ["a.wav"] if command == "transcribe" else ["--to", "hf"]
    refused(command, "strange", *arguments, naming=("best.json",))


ELSEWHERE = ["../../../other.ckpt", "/etc/passwd", "..", "", "a/b.ckpt", "a\0b", "a" * 300]


@pytest.mark.parametrize("path", [*ELSEWHERE, 3, None, ["x"], {}])
def test_best_json_names_a_file_beside_it(experiment, refused, path):
    (experiment.parents[1] / "other.ckpt").write_bytes(b"x")
    (experiment / "checkpoints" / "best.json").write_text(json.dumps({"path": path}))
    refused("transcribe", "strange", "a.wav", naming=("best",))


def test_best_json_names_no_link_that_leads_out(experiment, refused, tmp_path):
    (tmp_path / "other.ckpt").write_bytes(b"x")
    (experiment / "checkpoints" / "linked.ckpt").symlink_to(tmp_path / "other.ckpt")
    (experiment / "checkpoints" / "best.json").write_text('{"path": "linked.ckpt"}')
    refused("transcribe", "strange", "a.wav", naming=("best.json", "leads out"))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["metrics.json", "data.json", "versions.json"])
def test_the_report_names_the_file(experiment, refused, damage, name):
    damage(experiment / name)
    refused("report", "strange", naming=(name,))


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "empty"])  # then it has no records
def test_the_report_names_damaged_records(experiment, refused, damage):
    DAMAGES[damage](experiment / "utterances_test.jsonl")
    refused("report", "strange", naming=("utterances_test.jsonl",))


@pytest.mark.parametrize("name", ["metrics.json", "config.yaml", "versions.json"])
def test_links_that_lead_out_are_not_read(experiment, refused, name):
    _link_out(experiment / name)
    refused("report", "strange", naming=("leads out", name))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", {"utterances": {"test": "many"}}),
        ("metrics.json", {"definitions": ["x"]}),
        ("metrics.json", {"checkpoint": 7}),
        ("metrics.json", {"checkpoint": {"a": 1}}),
        ("versions.json", {"packages": ["torch"]}),
        ("versions.json", {"packages": {"torch": {"a": 1}}}),
        ("data.json", {"test": {"clips": [1]}}),
        ("data.json", {"test": 4}),
    ],
)
def test_values_of_another_type(experiment, refused, name, content):
    (experiment / name).write_text(json.dumps(content))
    refused("report", "strange", naming=(name,))


def test_a_repeated_key(experiment, refused):
    (experiment / "metrics.json").write_text('{"test_per": 0.1, "test_per": 0.2}')
    refused("report", "strange", naming=("metrics.json", "test_per"))


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": float("nan")},
        {"seconds": 1e12},
        {"seconds": -1},
        {"seconds": "long"},
        {"reference": "abc"},
        {"reference": [1, 2]},
        {"reference": None},
        {"reference": ["a"] * 6000, "hypothesis": ["b"] * 6000},
        {"hypothesis_times": [[0]]},
        {"hypothesis_times": [[0, float("inf")]]},
        {"attributes": {"a": ["b"]}},
        {"audio": 3},
        {"id": ["x"]},
    ],
    ids=lambda change: "-".join(change),
)
def test_records_of_another_type_or_size(experiment, refused, change):
    path = experiment / "utterances_test.jsonl"
    record = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**record, **change}) + "\n")
    refused("report", "strange", naming=("utterances_test.jsonl, record 1", *list(change)[:1]))


def test_a_record_without_a_reference(experiment, refused):
    (experiment / "utterances_test.jsonl").write_text('{"id": "a"}\n')
    refused("report", "strange", naming=("utterances_test.jsonl, record 1", "must have split, reference"))


def test_byte_order_marks_and_carriage_returns_are_read(experiment, run_done):
    for path in (*experiment.glob("*.json"), *experiment.glob("*.jsonl")):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    run_done("report", "strange")


def test_curves_that_cannot_be_drawn(experiment, run_done):
    table = next(experiment.glob("logs/csv/*/metrics.csv"))
    table.write_text(
        "step,val_per,lr\n1,nan,inf\n2,1e300,-1e308\n" + "9" * 400 + ",1,1\n3,0.5,0.1\n4\n5,x,y\n6,0.4,nan\n"
    )
    run_done("report", "strange")


@pytest.mark.parametrize("content", [b'"' + b"x" * 200_000, b"\xff", b"x" * 2**21])
def test_tables_that_are_none(experiment, refused, content):
    table = next(experiment.glob("logs/csv/*/metrics.csv"))
    table.write_bytes(b"step,val_per\n" + content)
    refused("report", "strange", naming=("metrics.csv",))


NO_SECTIONS = ["model: [1]", "data: {dataset_classes: 3}", "a: !!python/none x", "["]


@pytest.mark.parametrize("content", [BOMB, *NO_SECTIONS])
def test_a_configuration_is_data(experiment, refused, content):
    (experiment / "config.yaml").write_text(content)
    refused("export", "strange", "--to", "hf", naming=("config.yaml",))
    assert not (experiment / "exports" / "hf").exists()
