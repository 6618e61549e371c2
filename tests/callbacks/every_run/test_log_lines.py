"""Lines of a log while a run is in progress."""

import io
import logging
import sys
from types import ModuleType

import pytest
import torch
import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from torch.utils.data import DataLoader

from callbacks.every_run.log_lines import LogLines, log_progress_in_lines, without_progress_bars
from cli.phoneme_cli import PhonemeCLI


class _Model(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        loss = self.layer(batch).mean()
        self.log("train_loss", loss * 0 + 0.25, prog_bar=True)
        return loss

    def validation_step(self, batch, index):
        pass

    test_step = validation_step

    def predict_step(self, batch, index):
        return index

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def loader():
    return DataLoader(torch.zeros(6, 1), batch_size=2)


def _trainer(tmp_path, *callbacks, max_epochs=2, **others):
    return Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=list(callbacks),
        **others,
    )


def _lines(caplog):
    return [
        record.getMessage() for record in caplog.records if record.name == "callbacks.every_run.log_lines"
    ]


def test_each_stage_logs_how_far_it_is(tmp_path, loader, caplog):
    trainer, model = _trainer(tmp_path, LogLines(seconds=0)), _Model()
    with caplog.at_level(logging.INFO, logger="callbacks.every_run.log_lines"):
        trainer.fit(model, loader, loader)
        trainer.test(model, loader, verbose=False)
        trainer.predict(model, loader)
    training = [f"epoch {epoch}: {n} of 3 batches, train_loss 0.25" for epoch in (0, 1) for n in (1, 2, 3)]
    lines = _lines(caplog)
    assert [line for line in lines if line.startswith("epoch")] == training
    for stage, times in (("validation", 2), ("test", 1), ("predict", 1)):
        expected = [f"{stage}: {n} of 3 batches" for n in (1, 2, 3)] * times
        assert [line for line in lines if line.startswith(stage)] == expected


def test_a_run_of_steps_logs_the_batches_of_whole_epochs(tmp_path, loader, caplog):
    trainer = _trainer(tmp_path, LogLines(seconds=0), max_epochs=-1, max_steps=4)
    with caplog.at_level(logging.INFO, logger="callbacks.every_run.log_lines"):
        trainer.fit(_Model(), loader)
    batches = [(0, 1), (0, 2), (0, 3), (1, 1)]
    assert _lines(caplog) == [f"epoch {epoch}: {n} of 3 batches, train_loss 0.25" for epoch, n in batches]


def test_lines_are_rare_and_logged_by_the_first_process_alone(tmp_path, loader, caplog):
    with caplog.at_level(logging.INFO, logger="callbacks.every_run.log_lines"):
        _trainer(tmp_path, LogLines()).fit(_Model(), loader)
        silent = LogLines(seconds=0)
        silent.disable()
        _trainer(tmp_path, silent).fit(_Model(), loader)
    assert _lines(caplog) == []


class _Unrun(PhonemeCLI):
    def _run_subcommand(self, subcommand):
        """Nothing is run: only how the Trainer is built is of interest."""

    def after_fit(self):
        """There is nothing to evaluate."""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_replace_the_trainers_bar_where_the_output_is_no_terminal(tmp_path, monkeypatch):
    other = Callback()
    trainer = _trainer(tmp_path, other)
    bar = trainer.progress_bar_callback
    monkeypatch.setattr(sys, "stdout", _Terminal())
    log_progress_in_lines(trainer)
    assert trainer.progress_bar_callback is bar
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    log_progress_in_lines(trainer)
    assert isinstance(trainer.progress_bar_callback, LogLines)
    assert bar not in trainer.callbacks
    assert other in trainer.callbacks


def test_a_trainer_without_a_bar_gets_no_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    trainer = _trainer(tmp_path, enable_progress_bar=False)
    log_progress_in_lines(trainer)
    assert trainer.progress_bar_callback is None


def test_the_command_line_logs_lines_unless_another_bar_is_named(tmp_path, monkeypatch):
    """The Trainer adds its bar to the list of callbacks."""
    theirs = ModuleType("their_bars")
    theirs.Bar = type("Bar", (TQDMProgressBar,), {"__module__": "their_bars"})
    monkeypatch.setitem(sys.modules, "their_bars", theirs)
    data = {"class_path": "dataset_modules.synthetic.SyntheticSpeechDataset"}
    config = {
        "model": {
            "vocab_file": "dataset_modules/tokens/russian_phones.json",
            "network_config": {"num_hidden_layers": 1, "hidden_size": 24, "num_attention_heads": 2},
            "optimizer": "AdamW",
        },
        "data": {"language": "ru", "dataset_classes": [data]},
        "trainer": {"accelerator": "cpu", "default_root_dir": str(tmp_path), "fast_dev_run": True},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    bars = []
    for name in ("lightning.pytorch.callbacks.TQDMProgressBar", "their_bars.Bar", None):
        callbacks = f"[{{class_path: {name}}}]" if name else "[]"
        cli = _Unrun(["fit", "--config", str(path), "--trainer.callbacks", callbacks])
        bars.append(type(cli.trainer.progress_bar_callback))
    assert bars == [LogLines, theirs.Bar, LogLines]


def test_bars_are_left_out_where_none_is_shown():
    other = Callback()
    assert without_progress_bars([TQDMProgressBar(), other]) == [other]
    assert without_progress_bars(None) == []
