"""Weights from another checkpoint: what fits, what is mapped, what is refused."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from models.weights import (
    CheckpointError,
    check_vocabulary,
    checkpoint_digest,
    load_matching,
    map_head,
    match_weights,
)
from phonetics import Vocabulary, VocabularyError


def checkpoint_of(model, path):
    checkpoint = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def test_what_fits_is_told_from_what_does_not():
    own = {"a": torch.zeros(2), "b": torch.zeros(3), "c": torch.zeros(1)}
    stored = {"a": torch.ones(2), "b": torch.ones(4), "d": torch.ones(1)}
    matching = match_weights(own, stored)
    assert (list(matching.weights), matching.unfitting, matching.absent, matching.unused) == (
        ["a"],
        ["b"],
        ["c"],
        ["d"],
    )


def test_a_head_is_mapped_row_by_row():
    own = {"network.lm_head.weight": torch.zeros(3, 2), "network.lm_head.bias": torch.zeros(3)}
    stored = {
        "network.lm_head.weight": torch.tensor([[1.0, 1], [2, 2]]),
        "network.lm_head.bias": torch.tensor([1.0, 2]),
    }
    mapped = map_head(own, stored, rows=[(1, 1), (2, 0)])
    assert mapped["network.lm_head.weight"].tolist() == [[0, 0], [2, 2], [1, 1]]
    assert mapped["network.lm_head.bias"].tolist() == [0, 2, 1]


def test_initial_weights_are_taken_whole(recognizer, tmp_path):
    source = recognizer()
    path = checkpoint_of(source, tmp_path / "a.ckpt")
    torch.manual_seed(99)
    target = recognizer(initial_weights=path)
    for name, value in source.state_dict().items():
        assert torch.equal(value, target.state_dict()[name]), name


def test_another_vocabulary_is_mapped_where_asked_and_refused_otherwise(recognizer, tmp_path, vocab_file):
    source = recognizer()
    path = checkpoint_of(source, tmp_path / "a.ckpt")
    vocab_file.write_text(json.dumps({"[PAD]": 0, "n": 1, "zz": 2}), encoding="utf-8")
    with pytest.raises(VocabularyError, match="map_vocabulary"):
        recognizer(initial_weights=path)
    target = recognizer(initial_weights=path, map_vocabulary=True)
    row = source.vocabulary.ids["n"]
    assert torch.equal(target.network.lm_head.weight[1], source.network.lm_head.weight[row])


def test_rows_of_another_notation_are_mapped_as_those_of_other_models_are(recognizer, tmp_path, vocab_file):
    source = recognizer()  # over a, tʃ and n
    path = checkpoint_of(source, tmp_path / "a.ckpt")
    names = ["[PAD]", "t͡ʃ", "ˈa", "ŋ", "ʘ", "m"]
    vocab_file.write_text(json.dumps({name: place for place, name in enumerate(names)}), encoding="utf-8")
    start = {"initial_weights": path, "map_vocabulary": True}
    theirs = source.network.lm_head.weight
    own = recognizer(**start).network.lm_head.weight
    for name, symbol in {"[PAD]": "[PAD]", "t͡ʃ": "tʃ", "ˈa": "a", "ŋ": "n"}.items():
        assert torch.equal(own[names.index(name)], theirs[source.vocabulary.ids[symbol]]), name
    declared = recognizer(**start, symbol_map={"n": "m"}).network.lm_head.weight
    assert torch.equal(declared[names.index("m")], theirs[source.vocabulary.ids["n"]])


def test_a_head_over_another_width_is_left_as_it_is():
    own = {"network.lm_head.weight": torch.zeros(2, 3)}
    stored = {"network.lm_head.weight": torch.ones(2, 4)}
    assert map_head(own, stored, rows=[(0, 0)]) == {}


def test_tokens_in_another_order_are_another_vocabulary():
    stored = {"state_dict": {}, "phoneme_recognizer": {"vocabulary": ["[PAD]", "a", "b"]}}
    with pytest.raises(VocabularyError, match="another order"):
        check_vocabulary(stored, Vocabulary(("[PAD]", "b", "a")), "x")


def test_a_checkpoint_that_does_not_fit_is_not_loaded(recognizer, tmp_path, batch):
    path = checkpoint_of(recognizer(), tmp_path / "a.ckpt")
    target = recognizer(network={"hidden_size": 16, "num_attention_heads": 2})
    load_matching(target, path, target.vocabulary)
    log_probs, _ = target.eval()(batch.waveforms, batch.waveform_lengths)
    assert torch.isfinite(log_probs).all()


def test_weights_that_fit_next_to_nothing_are_refused_and_the_shapes_named(recognizer, tmp_path):
    path = checkpoint_of(recognizer(), tmp_path / "a.ckpt")
    target = recognizer(network={"hidden_size": 64, "intermediate_size": 96, "conv_dim": [24, 24, 24]})
    with pytest.raises(CheckpointError, match=r"fits \d.\d % of the network's parameters.*is not \("):
        load_matching(target, path, target.vocabulary)
    load_matching(target, path, target.vocabulary, least_share=0.0)


def test_a_digest_depends_on_the_content_alone(tmp_path):
    one, other = tmp_path / "last.ckpt", tmp_path / "copy.ckpt"
    one.write_bytes(b"weights")
    other.write_bytes(b"weights")
    assert checkpoint_digest(one) == hashlib.blake2b(b"weights", digest_size=32).hexdigest()
    assert checkpoint_digest(other) == checkpoint_digest(one)


def test_a_digest_is_computed_again_once_the_file_has_changed(tmp_path, monkeypatch):
    path, opened, opens = tmp_path / "last.ckpt", [], Path.open

    def open_counted(self, *arguments, **named):
        opened.append(self)
        return opens(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", open_counted)
    path.write_bytes(b"one")
    opened.clear()
    first = checkpoint_digest(path)
    assert checkpoint_digest(path) == first
    assert len(opened) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert checkpoint_digest(path) != first
