"""Fine-tuning from a Hugging Face model: its head, carried over by a mapping, beats a new one."""

import json

import pytest

from cli.run import run
from evaluation.comparison import compare_analyses
from evaluation.error_analysis import analyse
from evaluation.utterance_record import read_records
from experiment.folder import best_checkpoint
from inference.acoustic_model import AcousticModel
from inference.handover.huggingface import save_huggingface
from tests.journeys.configuration import configuration, sentences, written

NETWORK = {
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "conv_depthwise_kernel_size": 9,
    "apply_spec_augment": False,
    "layerdrop": 0.0,
}
STEPS = 100


@pytest.fixture(scope="module")
def source(place):
    """A small recogniser that has learned something, exported, with other names for the phonemes."""
    content = configuration(
        place,
        custom_folder_name="source",
        model={"network_name": "Wav2Vec2Bert", "network_config": NETWORK, "lr": 0.003},
        data={"dataset_classes": sentences(600, 20, 40), "batch_size": 16},
        trainer={"max_epochs": 16},
    )
    config = written(place / "source.yaml", content)
    assert run(["fit", "--config", str(config), "--write_report", "false"]) == 0
    folder = place / "published"
    folder.mkdir()
    checkpoint = best_checkpoint(place / "experiments/source")
    save_huggingface(AcousticModel.from_checkpoint(checkpoint), folder)
    ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    phonemes = [token for token in ids if token not in ("[PAD]", "[UNK]", "|")]
    names = {phoneme: f"P{place}" for place, phoneme in enumerate(phonemes)}
    renamed = {names.get(token, token): place for token, place in ids.items()}
    (folder / "vocab.json").write_text(json.dumps(renamed), encoding="utf-8")
    table = "".join(f"{name}\t{phoneme}\n" for phoneme, name in names.items())
    (place / "names.tsv").write_text(table, encoding="utf-8")
    return config, folder


@pytest.mark.slow
def test_after_100_steps_a_mapped_head_makes_fewer_errors_than_a_new_one(source, place):
    config, folder = source
    steps = ["--trainer.max_steps", str(STEPS), "--model.lr", "0.0003", "--write_report", "false"]
    options = ["--model.pretrained_name", str(folder), "--model.network_config", "null", *steps]
    mapped = ["--model.map_vocabulary", "true", "--model.symbol_map", str(place / "names.tsv")]
    for name, more in (("new", []), ("mapped", mapped)):
        words = ["fit", "--config", str(config), *options, *more, "--custom_folder_name", name]
        assert run(words) == 0
    files = [place / f"experiments/{name}/utterances_test.jsonl" for name in ("new", "mapped")]
    new, carried = (analyse("test", read_records(file)) for file in files)
    found = compare_analyses(new, carried)
    assert found.common == 40
    assert found.difference.high < 0  # fewer errors, beyond chance
