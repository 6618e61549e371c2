import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from dataset_modules.cache import arrow_columns

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("make", "kind", "values"),
    [
        (arrow_columns.string_column, pa.string(), ["да", None, "", "tʃ"] * 9),
        (arrow_columns.string_column, pa.string(), [None, None]),
        (arrow_columns.string_column, pa.string(), []),
        (arrow_columns.string_lists_column, pa.list_(pa.string()), [["a", "tʃ"], [], ["b"]] * 5),
        (arrow_columns.float_lists_column, pa.list_(pa.float32()), [[0.5], None, [], [1.0, 2.0]] * 5),
        (arrow_columns.integer_column, pa.int64(), [3, -1, 2**40]),
    ],
)
def test_columns_are_those_that_arrow_makes(make, kind: pa.DataType, values: list) -> None:
    column = make(values)
    column.validate(full=True)
    assert column.equals(pa.array(values, type=kind))


def test_bytes_are_kept() -> None:
    column = arrow_columns.binary_column([b"\xff\x00", b"", b"a"], pa.binary())
    assert column.equals(pa.array([b"\xff\x00", b"", b"a"], type=pa.binary()))


def test_a_block_of_bytes_is_used_again() -> None:
    block = arrow_columns.BytesBlock()
    for rows in ([b"\xff\x00", b"", b"a" * 1000], [memoryview(b"bc")], []):
        for row in rows:
            block.append(row)
        column = block.column(pa.binary())
        column.validate(full=True)
        assert column.equals(pa.array(map(bytes, rows), type=pa.binary()))
        block.clear()


def test_a_block_holds_what_arrow_can_count() -> None:
    block = arrow_columns.BytesBlock()
    block.append(b"abc")
    block._ends[-1] = 2**31
    with pytest.raises(OverflowError, match="2 GB"):
        block.column(pa.binary())


def test_integers_come_out_of_a_slice() -> None:
    assert arrow_columns.integers_of(arrow_columns.integer_column([1, 2, 3, 4])[1:3]).tolist() == [2, 3]


def test_writing_and_reading_clips_import_no_pandas(tmp_path: Path) -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from dataset_modules.cache.clip_store import ClipStore, ClipWriter, PreparedClip
path = Path(sys.argv[1])
with ClipWriter(path) as writer:
    writer.write(PreparedClip("one", None, None, "a", ("a",), (0.0,), np.ones(9, dtype=np.int16)))
store = ClipStore([path])
assert store[0].samples.sum() == store.num_samples()[0] == 9 and list(store.phoneme_lists()) == [["a"]]
assert "pandas" not in sys.modules
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a.arrow")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
