"""A configuration whose values no run can use is one message with status 2, at once."""

import time

import pytest
import yaml

from cli.run import run

BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 11))
BASE = {
    "model": {"vocab_file": "dataset_modules/tokens/russian_phones.json"},
    "data": {"dataset_classes": [{"class_path": "dataset_modules.synthetic.SyntheticSpeechDataset"}]},
    "trainer": {"accelerator": "cpu", "max_steps": 1},
}


@pytest.fixture
def refused(tmp_path, capsys):
    """Train with a text, which must be refused; return the message."""

    def train(text, *options):
        path = tmp_path / "c.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        before = time.monotonic()
        status = run(["train", "--config", str(path), "--trainer.default_root_dir", str(tmp_path), *options])
        message = capsys.readouterr().err
        assert status == 2, message
        assert "Traceback" not in message
        assert time.monotonic() - before < 30
        assert not (tmp_path / "experiments").exists()
        return message

    return train


@pytest.mark.parametrize(
    "text",
    [
        *(
            BOMB,
            "model: &a {x: *a}",
            "\n".join(f"k{i}: 1" for i in range(900_000)),
            "[" * 10_000,
            "a: !!python/name:os",
        ),
        *("", "\0", "- a", "a: 1\na: 2", b"\xff\xfe", "model: {? [1]\n: 2}", "a: 0b_"),
    ],
    ids=range(12),
)
def test_yaml_that_would_grow_or_run(refused, text):
    assert "c.yaml" in refused(text)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--seed_everything=-1", "seed_everything must be"),
        ("--seed_everything=4294967296", "seed_everything must be"),
        ("--data.seed=-5", "data.seed must be"),
        ("--model.seed=-5", "model.seed must be"),
        ("--trainer.gradient_clip_val=nan", "gradient_clip_val"),
        ("--trainer.gradient_clip_val=-1", "gradient_clip_val must be"),
        ("--model.lr=nan", "lr"),
        ("--trainer.accumulate_grad_batches=0", "accumulate_grad_batches must be at least 1"),
        ("--trainer.check_val_every_n_epoch=0", "check_val_every_n_epoch must be at least 1"),
        ("--data.num_workers=1000000", "num_workers must be"),
        ("--num_threads=0", "num_threads must be between 1 and 1024"),
        ("--trainer.max_steps=" + "9" * 30, "max_steps must be"),
        ("--custom_folder_name=../../escaped", "custom_folder_name must be"),
        ("--custom_folder_name=/tmp/escaped", "custom_folder_name must be"),
    ],
)
def test_values_out_of_range(refused, option, named):
    assert named in refused(yaml.safe_dump(BASE), option)


def test_an_option_that_would_grow(refused):
    message = refused(yaml.safe_dump(BASE), "--model.network_config", BOMB)
    assert "must have at most" in message


def test_option_values_are_printed_escaped(refused):
    message = refused(yaml.safe_dump(BASE), "--model.network_name=\x1b[2J\u202e")
    assert "\x1b" not in message
    assert "\u202e" not in message


def test_a_pipe_in_the_place_of_a_configuration(tmp_path, capsys):
    import os

    os.mkfifo(tmp_path / "c.yaml")
    assert run(["train", "--config", str(tmp_path / "c.yaml")]) == 2
    assert "pipe" in capsys.readouterr().err
