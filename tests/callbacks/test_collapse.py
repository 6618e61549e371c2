"""The watch speaks when it should and is silent when not."""

import logging

import pytest

from callbacks.collapse import CollapseWatch, DivergedError


def test_blanks_only_are_reported_once_patience_is_over(train, one_weight, caplog):
    with caplog.at_level(logging.WARNING):
        train(one_weight(blank_share=1.0), CollapseWatch(patience=2), max_epochs=4)
    assert sum("collapse" in record.message for record in caplog.records) == 1
    assert "learning rate" in caplog.text


def test_a_model_that_emits_phonemes_is_left_alone(train, one_weight, caplog):
    with caplog.at_level(logging.WARNING):
        train(one_weight(blank_share=0.9), CollapseWatch(patience=1), max_epochs=2)
    assert "collapse" not in caplog.text


def test_a_loss_that_is_no_number_ends_the_run(train, one_weight):
    with pytest.raises(DivergedError, match="gradient_clip_val"):
        train(one_weight(losses=[1.0, float("nan")]), CollapseWatch(patience=2))


def test_one_bad_loss_is_said_and_survived(train, one_weight, caplog):
    with caplog.at_level(logging.WARNING):
        train(one_weight(losses=[1.0, float("inf"), 0.0]), CollapseWatch(patience=2), max_steps=2)
    assert "not a number" in caplog.text
