"""Names from data reach terminals, tables and pages with their control characters escaped."""

import logging

import pytest

from cli.console import set_up_logging
from cli.run import run
from dataset_modules.base_dataset import SPLITS
from dataset_modules.batches.batch import AudioParams
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.labels.skipping import SplitPart, write_skipped
from dataset_modules.labels.usable_clips import UsableClips

EVIL = "a\x1b]0;title\x07\n\u202eerror: forged"
HARMFUL = {"\x1b", "\x07", "\u202e", "\x9b"}


def test_log_lines(capsys):
    set_up_logging()
    logging.getLogger("dataset_modules.custom").warning("passed over: %s", EVIL)
    written = capsys.readouterr().err
    assert not HARMFUL & set(written)
    assert not any(line.startswith("error:") for line in written.splitlines())


@pytest.mark.parametrize("command", ["transcribe", "report", "export", "lm", EVIL])
def test_options_in_messages(command, capsys):
    more = {"export": ["--to", "hf"], "transcribe": ["a.wav"]}.get(command, [])
    assert run([command, EVIL, *more]) == 2
    written = "".join(capsys.readouterr())
    assert not HARMFUL & set(written)
    assert sum(line.startswith("error:") for line in written.splitlines()) == 1


def test_the_table_of_skipped_recordings(tmp_path):
    folder = tmp_path / "recordings" / "ru"
    folder.mkdir(parents=True)
    for name in ("a\x1b[2J.wav", "b\u202e.wav", "c\td\ne.wav", "мост\udcff.wav"):
        (folder / name).touch()
    dataset = CustomAudioDataset("ru", folder.parent, cache_dir=tmp_path / "cache", max_skipped_share=1.0)
    dataset.load_data()
    prepared = {split: dataset.prepare(split, AudioParams()) for split in SPLITS}
    parts = [SplitPart(dataset, split, prepared[split], _nothing()) for split in SPLITS]
    write_skipped(tmp_path / "skipped.tsv", parts)
    rows = (tmp_path / "skipped.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 5
    assert all(row.count("\t") == 3 for row in rows)
    assert not HARMFUL & set("".join(rows))
    assert any("мост" in row for row in rows)


def _nothing():
    from collections import Counter

    import numpy as np

    return UsableClips(np.zeros(0, dtype=np.int64), [], Counter(), None)
