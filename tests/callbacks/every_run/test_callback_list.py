"""The order of the callbacks of every run."""

from callbacks import LogMetricsCallback
from callbacks.every_run.counted_batches import CountedBatches
from callbacks.every_run.utterance_keeper import UtteranceKeeper
from cli.phoneme_cli import PhonemeCLI


def test_checks_come_first_and_records_behind_the_metrics(tmp_path, monkeypatch):
    """A failure while records are written must not cost the metrics."""
    trainers = []
    monkeypatch.setattr(PhonemeCLI, "_run_subcommand", lambda cli, _: trainers.append(cli.trainer))
    arguments = ["--config", "config/demo.yaml", "--trainer.accelerator", "cpu"]
    PhonemeCLI(["fit", *arguments, f"--trainer.default_root_dir={tmp_path}"])
    kinds = [type(callback) for callback in trainers[0].callbacks]
    assert kinds[0] is CountedBatches
    assert kinds.index(LogMetricsCallback) < kinds.index(UtteranceKeeper)
