"""Collapsed runs are reported, others are not."""

import logging

from callbacks.collapse import CollapseWatch, blank_advice


def test_only_blanks_are_reported_once_patience_is_over(train, one_weight, caplog):
    with caplog.at_level(logging.WARNING):
        train(one_weight(blank_share=1.0), CollapseWatch(patience=2), max_epochs=4)
    assert sum("collapse" in record.message for record in caplog.records) == 1
    assert "learning rate" in caplog.text


def test_a_model_that_emits_phonemes_is_not_reported(train, one_weight, caplog):
    with caplog.at_level(logging.WARNING):
        train(one_weight(blank_share=0.9), CollapseWatch(patience=1), max_epochs=2)
    assert "collapse" not in caplog.text


def test_evaluating_the_best_model_again_reports_nothing(train, one_weight, caplog):
    watch = CollapseWatch(patience=2)
    with caplog.at_level(logging.WARNING):
        trainer = train(one_weight(blank_share=1.0), watch, max_epochs=1)
        trainer.validate(trainer.lightning_module, trainer.test_loader, verbose=False)
    assert "collapse" not in caplog.text


class Built:
    """Has the attributes that the advice depends on."""

    def __init__(self, pretrained_name, freezes):
        self.pretrained_name = pretrained_name
        self.switches = type("Switches", (), {"freeze_feature_extractor": freezes})


def test_the_advice_leaves_out_what_the_configuration_does():
    whole = blank_advice(Built(None, freezes=False))
    assert "more steps, freeze_feature_extractor: true or a pretrained encoder;" in whole
    partly = blank_advice(Built("facebook/wav2vec2-base", freezes=True))
    assert partly.startswith("try a higher learning rate with a warm-up or more steps;")
