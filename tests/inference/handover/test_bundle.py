"""Handover: whole folders, model cards that state what is known, and compared error rates."""

import json
import weakref

import pytest
import yaml

from inference.handover.bundle import export, new_folder
from inference.handover.huggingface import ExportError
from inference.handover.model_card import Provenance, model_card
from inference.handover.parity import Parity, Utterance, compare
from tests.inference.tiny_models import VOCABULARY, speech

PROVENANCE = Provenance(
    "demo",
    {
        "model": {"network_name": "Wav2Vec2", "pretrained_name": "facebook/wav2vec2-base"},
        "data": {
            "language": "en-us",
            "text_to_phonemes": "espeak",
            "dataset_classes": [
                {
                    "class_path": "dataset_modules.common_voice.CommonVoiceDataset",
                    "init_args": {"limit_train_data": 0.5, "language": None},
                }
            ],
        },
    },
    {
        "test_per": 0.125,
        "utterances": {"test": 40},
        "definitions": {"per": "errors over phonemes"},
        "intervals": {"test_per": [0.1, 0.15]},
    },
    {"data": {"test": ["abcdef0123456789abcdef"]}, "packages": {"phonemizer": "3.4.0"}, "revision": "r1"},
)


def test_a_card_tells_figures_data_phonemes_and_licences():
    card = model_card(PROVENANCE, VOCABULARY, "hf", license_name="cc-by-4.0")
    head = yaml.safe_load(card.split("---")[1])
    assert head["pipeline_tag"] == "automatic-speech-recognition"
    assert (head["language"], head["license"]) == (["en"], "cc-by-4.0")
    assert head["base_model"] == "facebook/wav2vec2-base"
    (model,) = head["model-index"]
    (result,) = model["results"]
    assert result["dataset"] | {"split": "test"} == result["dataset"]
    (metric,) = result["metrics"]
    assert (metric["type"], metric["value"]) == ("per", 0.125)
    assert metric["args"] == {"interval_95": [0.1, 0.15], "utterances": 40}
    assert "| per on test | 0.1250 | 0.1000 to 0.1500 | 40 |" in card
    assert "- `per`: errors over phonemes" in card
    assert "CommonVoiceDataset` (limit_train_data: 0.5)" in card
    assert "fingerprint abcdef0123456789" in card
    assert "`espeak` (phonemizer 3.4.0)" in card
    assert "5 phonemes: a tʃ n oː ɡ" in card
    assert "CC0-1.0" in card
    assert "whose licence applies" in card


def test_a_card_of_a_lone_checkpoint_makes_nothing_up(tmp_path):
    provenance = Provenance("model", {}, {}, {})
    card = model_card(provenance, VOCABULARY, "onnx", parity=Parity(3, 3, 10, 1, 1))
    assert "## Data" not in card
    assert "model-index" not in card
    assert "## Model" not in card
    assert "3 of 3 test utterances with the same phonemes" in card
    assert "no licence is named" in card
    assert "onnxruntime" in card


def test_parity_counts_by_hand():
    answers = {1: (["a", "|", "b"], ["a", "b"]), 2: (["a"], ["b"])}
    utterances = [Utterance(speech(0.1), ["a", "b"]), Utterance(speech(0.2), ["a"])]
    number = iter((1, 2))
    recognised = {}

    def checkpoint(waveform):
        recognised["number"] = next(number)
        return answers[recognised["number"]][0]

    parity = compare(utterances, checkpoint, lambda waveform: answers[recognised["number"]][1])
    assert parity == Parity(utterances=2, same=1, phonemes=3, checkpoint_errors=0, export_errors=1)
    assert parity.loss == pytest.approx(1 / 3)
    assert not parity.holds(exact=True)
    assert not parity.holds(exact=False)
    assert Parity(200, 100, 1000, 50, 60).holds(exact=False)


def test_an_export_is_whole_or_not_there(tmp_path):
    target = tmp_path / "out" / "hf"

    def fail_half_way():
        with new_folder(target) as unfinished:
            (unfinished / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_there_is_not_overwritten(model_of, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ExportError, match="must be new"):
        export(model_of("Wav2Vec2 layer"), "onnx", tmp_path / "mine", PROVENANCE)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("target", ["hf", "onnx"])
def test_a_checked_export_tells_its_parity(model_of, tmp_path, target):
    utterances = [Utterance(speech(1.0, seed), ["a", "n"]) for seed in range(2)]
    folder = tmp_path / "exports" / target
    parity = export(model_of("Wav2Vec2 layer"), target, folder, PROVENANCE, utterances=utterances)
    assert parity is not None
    assert parity.holds(exact=True)
    assert json.loads((folder / "parity.json").read_text())["same"] == 2
    assert "2 of 2 test utterances" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_check_holds_one_utterance_at_a_time(model_of, tmp_path):
    alive = []

    def utterances():
        for seed in range(3):
            waveform = speech(0.5, seed)
            alive.append(weakref.ref(waveform))
            assert sum(one() is not None for one in alive) <= 2
            yield Utterance(waveform, ["a"])

    parity = export(
        model_of("Wav2Vec2 layer"), "onnx", tmp_path / "onnx", PROVENANCE, utterances=utterances()
    )
    assert parity.utterances == 3


def test_the_hubs_own_classes_read_the_card_back():
    from huggingface_hub import ModelCard

    data = ModelCard(model_card(PROVENANCE, VOCABULARY, "hf", license_name="mit")).data
    (result,) = data.eval_results
    assert (data.model_name, data.license, data.metrics) == ("demo", "mit", ["per"])
    assert (result.metric_name, result.dataset_split) == ("phoneme error rate", "test")


def test_the_error_rate_of_an_export_is_that_without_a_search_also_where_it_is_zero():
    provenance = Provenance("model", {}, {"test_per": 0.1, "test_greedy_per": 0.0}, {})
    assert [(one.split, one.rate) for one in provenance.measurements] == [("test", 0.0)]
