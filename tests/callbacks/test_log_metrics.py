"""The table and the file of metrics."""

import json
import logging

import pytest

from callbacks import LogMetricsCallback
from models.weights import checkpoint_digest


def test_each_validation_is_a_line_of_the_table(train, one_weight, caplog):
    with caplog.at_level(logging.INFO, logger="callbacks"):
        train(one_weight(pers=(0.5, 0.25)), LogMetricsCallback(["cer"]), max_epochs=2)
    lines = [record.message.split() for record in caplog.records if record.name.startswith("callbacks")]
    assert lines[0] == ["epoch", "step", "train_loss", "val_loss", "val_cer", "lr"]
    assert [line[4] for line in lines[1:]] == ["0.5000", "0.2500"]


def test_final_metrics_stand_in_a_file_with_their_definitions(train, one_weight, tmp_path):
    callback = LogMetricsCallback()
    model = one_weight()
    trainer = train(model, callback)
    trainer.validate(model, trainer.test_loader, verbose=False)
    trainer.test(model, trainer.test_loader, verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["val_per"], metrics["test_per"], metrics["test_loss"]) == (0.5, 0.125, 2.0)
    assert metrics["utterances"] == {"val": 4, "test": 4}
    assert "reference phonemes" in metrics["definitions"]["per"]


def test_metrics_name_the_content_of_their_checkpoint(train, one_weight, tmp_path):
    model, paths = one_weight(), [tmp_path / "one.ckpt", tmp_path / "two.ckpt"]
    trainer = train(model, LogMetricsCallback())
    for path in paths:
        model.weight.data += 1
        trainer.save_checkpoint(path)
    trainer.validate(model, trainer.test_loader, ckpt_path=paths[0], verbose=False)
    trainer.test(model, trainer.test_loader, ckpt_path=paths[0], verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["checkpoint"], metrics["checkpoint_digest"]) == (
        str(paths[0]),
        checkpoint_digest(paths[0]),
    )
    assert {"val_per", "test_per"} <= set(metrics)
    trainer.test(model, trainer.test_loader, ckpt_path=paths[1], verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["checkpoint_digest"] == checkpoint_digest(paths[1])
    assert "val_per" not in metrics  # it belonged to other weights


def test_weights_that_came_without_a_checkpoint_name_none(train, one_weight, tmp_path):
    model = one_weight()
    trainer = train(model, LogMetricsCallback())
    trainer.test(model, trainer.test_loader, verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["checkpoint"], metrics["checkpoint_digest"]) == (None, None)


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="pre"):
        LogMetricsCallback(["pre"])


def test_the_error_rate_of_a_language_may_be_a_column():
    assert LogMetricsCallback(["per_de"]).columns == ["loss", "per_de"]
