import json

import pytest

from optim.fam.recorder_plot import layer_of, mean_by_layer, plot_fam_record


def record(step, name, momentum, bands):
    return {"step": step, "name": name, "handler": "conv", "alpha": 0.9, "momentum": momentum, "bands": bands}


def test_layers_are_named_by_their_number_or_module():
    assert layer_of("model.encoder.layers.11.attention.k_proj.weight") == "encoder layer 11"
    assert layer_of("lm_head.weight") == "lm_head"
    assert layer_of("parameter.3") == "parameter"


def test_records_of_one_layer_are_averaged():
    records = [record(10, "lm_head.weight", 0.9, [0.2, 0.8]), record(10, "lm_head.bias", 1.0, [0.4, 0.6])]
    ((place, steps),) = mean_by_layer(records).items()
    bands, momentum = steps[10]
    assert place == ("lm_head", "conv, 2 bands")
    assert (bands, momentum) == (pytest.approx([0.3, 0.7]), pytest.approx(0.95))


def test_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    lines = [
        record(step, f"encoder.layers.{layer}.conv.weight", 0.9, [0.5, 0.5])
        for step in (10, 20)
        for layer in range(4)
    ]
    path = tmp_path / "fam_debug.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    picture = plot_fam_record(path, tmp_path / "fam.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_empty_record_is_refused(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "fam_debug.jsonl"
    path.touch()
    with pytest.raises(ValueError, match="must hold a step, got none; train past step 10"):
        plot_fam_record(path, tmp_path / "fam.png")
