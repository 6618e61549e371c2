"""The validation utterances that a search is chosen on."""

from contextlib import nullcontext
from types import SimpleNamespace

import models.evaluated_model as module


def test_no_more_batches_are_read_than_a_choice_needs(recognizer, batch, monkeypatch):
    monkeypatch.setattr(module, "MOST_SCORED", 5)
    batches = iter([batch._replace(languages=("ru", "it", "ru"))] * 9)
    model = recognizer()
    model._trainer = SimpleNamespace(
        datamodule=SimpleNamespace(val_dataloader=lambda: batches, batch_size=3),
        strategy=SimpleNamespace(batch_to_device=lambda one: one),
        precision_plugin=SimpleNamespace(forward_context=nullcontext),
    )
    scored = list(model._scored_validation())
    assert len(scored) == 6
    assert len(list(batches)) == 7
    assert (scored[1].reference, scored[1].language) == (["tʃ"], "it")
