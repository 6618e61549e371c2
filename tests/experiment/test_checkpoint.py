"""The checkpoint that ``last`` means."""

import logging
import os

import pytest
import torch

from experiment.checkpoint import newest_loadable
from experiment.errors import ConfigError


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    return tmp_path / "run"


def save(run, name, steps, age=0, **content):
    path = run / "checkpoints" / name
    state = {"state_dict": {"weight": torch.arange(1000.0)}, "optimizer_states": [], "global_step": steps}
    torch.save(state | content, path)
    os.utime(path, (1000 - age, 1000 - age))
    return path


def test_the_checkpoint_with_most_steps_is_chosen_and_last_among_equals(run, caplog):
    save(run, "a.ckpt", 5, age=0)
    save(run, "b.ckpt", 8, age=5)
    last = save(run, "last.ckpt", 8, age=5)
    with caplog.at_level(logging.WARNING):
        assert newest_loadable([run], resumes=True).path == last
    assert caplog.text == ""


def cut(path):
    path.write_bytes(path.read_bytes()[:2000])


def empty(path):
    path.write_bytes(b"")


def fill_with_garbage(path):
    path.write_bytes(b"garbage" * 500)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("harm", [cut, empty, fill_with_garbage, flip_a_bit])
def test_a_damaged_one_is_skipped_and_named(run, caplog, harm):
    older = save(run, "older.ckpt", 5)
    harm(save(run, "last.ckpt", 8))
    with caplog.at_level(logging.WARNING):
        assert newest_loadable([run], resumes=True).path == older
    assert "last.ckpt is damaged" in caplog.text
    assert "older.ckpt, after 5 steps" in caplog.text


def test_weights_alone_do_not_continue_a_run(run, caplog):
    whole = save(run, "whole.ckpt", 5)
    path = save(run, "last.ckpt", 8)
    stored = torch.load(path, weights_only=True)
    del stored["optimizer_states"]
    torch.save(stored, path)
    with caplog.at_level(logging.WARNING):
        assert newest_loadable([run], resumes=True).path == whole
    assert "weights alone" in caplog.text
    assert newest_loadable([run], resumes=False).path == path


def test_where_all_are_damaged_no_older_run_is_chosen_silently(run, tmp_path):
    older = tmp_path / "older"
    (older / "checkpoints").mkdir(parents=True)
    save(older, "last.ckpt", 5)
    cut(save(run, "last.ckpt", 8))
    with pytest.raises(ConfigError, match="none of the checkpoints in .*run/checkpoints") as error:
        newest_loadable([older, run], resumes=True)
    assert "\n" not in str(error.value)


def test_a_run_that_never_wrote_any_is_skipped_and_named(run, tmp_path, caplog):
    (tmp_path / "run_2").mkdir()
    path = save(run, "last.ckpt", 5)
    with caplog.at_level(logging.WARNING):
        assert newest_loadable([run, tmp_path / "run_2"], resumes=True).path == path
    assert "run_2: it holds no checkpoint" in caplog.text
    assert newest_loadable([tmp_path / "run_2"], resumes=True) is None
