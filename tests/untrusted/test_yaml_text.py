"""YAML that would grow, run or recurse is refused at once; all else is read as data."""

import time

import pytest

from untrusted.files import FileError
from untrusted.yaml_text import MOST_NODES, compose_yaml, parse_yaml, read_yaml

BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 11))
REFUSED = {
    "ten levels of nine aliases": (BOMB, r"line \d+: must have at most 10000 values"),
    "a list of itself": ("a: &a [*a]", r"line 1: \*a must not contain itself"),
    "a mapping of itself": ("x: 1\na: &a {b: {c: *a}}", r"line 2: \*a must not contain itself"),
    "900,000 keys": ("\n".join(f"k{i}: 1" for i in range(900_000)), "at most 1048576 bytes"),
    "keys of two bytes": (f"{{{','.join('a' * 450_000)}}}", "at most 10000 values"),
    "deep lists": ("[" * 100_000, "64 levels"),
    "deep mappings": ("{a: " * 70, "64 levels"),
    "a Python object": ("a: !!python/object/apply:os.system [ls]", "must be data alone"),
    "a type of one's own": ("a: !mine 1", "must be data alone"),
    "a set": ("a: !!set {b}", "must be data alone"),
    "a number without digits": ("a: 0b_", "must be YAML"),
    "a number of 5,000 digits": (f"a: {'9' * 5000}", "must be YAML"),
    "a list as a key": ("? [1, 2]\n: 3", "line 1: must be YAML"),
    "two documents": ("a: 1\n---\nb: 2", "line 2: must be YAML"),
    "an escape sequence": ("a: \x1b[2J", "must be YAML"),
    "half of a character": ("a: \ud800", "must be YAML"),
    "an unknown alias": ("a: *b", "line 1: must be YAML"),
    "a merge of a number": ("<<: 5", "must be YAML"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused_in_one_line_and_at_once(text, reason):
    before = time.monotonic()
    with pytest.raises(FileError, match=f"^f.yaml.*{reason}") as refusal:
        parse_yaml(text, "f.yaml")
    assert "\n" not in str(refusal.value)
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("name", ["ten levels of nine aliases", "a list of itself", "deep lists"])
def test_nodes_are_bounded_as_values_are(name):
    with pytest.raises(FileError, match=REFUSED[name][1]):
        compose_yaml(REFUSED[name][0], "f.yaml")


def test_a_large_configuration_is_read():
    text = "\n".join(f"k{i}: 1" for i in range(MOST_NODES // 2 - 1))
    assert len(parse_yaml(text, "f")) == MOST_NODES // 2 - 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1e5", 1e5),
        (".inf", float("inf")),
        ("2024-01-01", "2024-01-01"),
        ("0x1F", 31),
        ("!!str 1", "1"),
        ("no", False),
        ("'no'", "no"),
        (".", "."),
        ("", None),
    ],
)
def test_values(text, value):
    assert parse_yaml(text, "f") == value


def test_merge_keys_are_resolved():
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", "f")["b"] == {"x": 1, "y": 3}


def test_a_file_with_a_byte_order_mark_and_carriage_returns(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n- 2\r\n")
    assert read_yaml(path) == {"a": 1, "b": [2]}
