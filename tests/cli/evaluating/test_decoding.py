"""The decoding section: what it refuses, and that test data are decoded as it states."""

import json
from types import SimpleNamespace

import pytest
import soundfile
import torch

from cli.configuration.sections import DecodingSection
from cli.evaluating.decoding import _TRIED, _DecoderChoice, check_decoding, set_test_decoder
from cli.run import run
from evaluation.error_counts import error_rate, phoneme_edits, total_edits
from evaluation.utterance_record import read_records
from experiment.errors import ConfigError
from experiment.folder import best_checkpoint
from experiment.kept_search import read_search
from inference import Recognizer
from inference.acoustic_model import AcousticModel
from inference.decoding.beam_search import BeamDecoder
from inference.decoding.kept_decoder import kept_decoder
from models.evaluated_model import ScoredUtterance
from phonetics import Vocabulary
from tests.journeys.configuration import configuration, sentences, written


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"beam": 0}, "beam must be between 1 and 1000, got 0"),
        ({"beam": 4, "order": 21}, "order must be between 1 and 20"),
        ({"beam": 4, "lm_weight": float("nan")}, "lm_weight must be a number"),
        ({"language_model": "labels"}, "needs a beam search"),
        ({"beam": 4, "language_model": "lables"}, "must be labels or an ARPA file, got lables"),
    ],
)
def test_what_no_search_can_use_is_refused(section, reason):
    with pytest.raises(ConfigError, match=reason):
        check_decoding(DecodingSection(**section))


def test_test_data_are_decoded_by_the_search_and_validation_is_not(tmp_path, monkeypatch):
    content = configuration(
        tmp_path,
        custom_folder_name="searched",
        data={"dataset_classes": sentences(24, 4, 6)},
        trainer={"max_epochs": 1},
        decoding={"beam": 4, "language_model": "labels", "order": 3, "lm_weight": 2.0, "token_bonus": 3.0},
    )
    config = written(tmp_path / "c.yaml", content)
    assert run(["fit", "--config", str(config), "--write_report", "false"]) == 0
    folder = tmp_path / "experiments/searched"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    records = read_records(folder / "utterances_test.jsonl")
    counted = total_edits(phoneme_edits(one.reference, one.hypothesis) for one in records)
    assert metrics["test_per"] == pytest.approx(error_rate(counted))
    assert metrics["test_per"] != metrics["test_greedy_per"]
    assert "val_greedy_per" not in metrics
    assert "greedy_per" in metrics["definitions"]
    assert (
        run(["test", "--config", str(config), "--decoding.beam", "1", "--decoding.language_model", "null"])
        == 0
    )
    (greedy,) = (folder / "evaluations").glob("*/metrics.json")
    assert json.loads(greedy.read_text())["test_per"] == metrics["test_greedy_per"]
    assert not (greedy.parent / "decoding.json").exists()
    model = AcousticModel.from_checkpoint(best_checkpoint(folder))
    decoder = kept_decoder(folder, model.vocabulary)
    assert (decoder.beam_size, decoder.lm_weight, decoder.token_bonus) == (4, 2.0, 3.0)
    assert decoder.language_model.order == 3
    with monkeypatch.context() as beside:
        beside.chdir(tmp_path)
        recognize = Recognizer.from_experiment("searched")
    kept = next(one for one in records if one.audio is not None)
    transcript = recognize(*soundfile.read(folder / kept.audio, dtype="float32"))
    assert [phoneme.symbol for phoneme in transcript.phonemes] == kept.hypothesis_phonemes
    chosen = evaluated(config, folder, "null", "null")
    search = read_search(chosen)
    assert search.lm_weight in _TRIED["lm_weight"]
    assert search.token_bonus in _TRIED["token_bonus"]
    stated = evaluated(config, folder, search.lm_weight, search.token_bonus)
    rates = [json.loads((one / "metrics.json").read_text())["test_per"] for one in (chosen, stated)]
    assert rates[0] == rates[1]
    assert run(["predict", "--config", str(config)]) == 0
    (file,) = folder.glob("evaluations/*/predictions.jsonl")
    predicted = {one["id"]: one["phonemes"] for one in map(json.loads, file.read_text().splitlines())}
    assert predicted == {one.id: list(one.hypothesis) for one in records}


def evaluated(config, folder, lm_weight, token_bonus):
    """Return the folder of a new evaluation."""
    before = set((folder / "evaluations").iterdir())
    weights = ["--decoding.lm_weight", str(lm_weight), "--decoding.token_bonus", str(token_bonus)]
    assert run(["test", "--config", str(config), *weights]) == 0
    (new,) = set((folder / "evaluations").iterdir()) - before
    return new


def test_the_weights_are_those_with_the_fewest_errors_on_validation_data(tmp_path):
    tokens = Vocabulary(("[PAD]", "a", "b"))
    # Nothing scores 0; one phoneme, in either frame, log(e^-1.2 + e^-2.2) = -0.89; both of them -3.4.
    frames = [[0.0, gap, -9.0] for gap in (-1.2, -9.0, -2.2)]
    scores = torch.tensor(frames).log_softmax(-1)
    output = SimpleNamespace(phonemes=lambda ids, language: [tokens.tokens[one] for one in ids])
    start = BeamDecoder(tokens, 8, None, token_bonus=0.0)
    choose = _DecoderChoice(SimpleNamespace(output=output), start, ["token_bonus"], tmp_path)
    assert choose([ScoredUtterance(scores, ["a"], None)]).token_bonus == 1.0
    assert read_search(tmp_path).token_bonus == 1.0
    assert choose([ScoredUtterance(scores, ["a", "a"], None)]).token_bonus == 3.0


@pytest.mark.parametrize("splits", [{}, {"val": []}])  # the second one has no usable recording
def test_without_validation_data_or_a_language_model_phonemes_have_no_bonus(tmp_path, splits):
    tokens = Vocabulary(("[PAD]", "a"))
    model = SimpleNamespace(vocabulary=tokens, output=SimpleNamespace(tokens=tokens))
    data = SimpleNamespace(splits=splits, sources=SimpleNamespace(is_empty=lambda split: not splits))
    set_test_decoder(DecodingSection(beam=4), model, data, tmp_path)
    assert model.test_decoder.token_bonus == 0.0
    assert read_search(tmp_path).token_bonus == 0.0


def test_a_language_model_of_labels_needs_labels(tmp_path):
    tokens = Vocabulary(("[PAD]", "a"))
    data = SimpleNamespace(splits={"train": SimpleNamespace(labels=[])})
    section = DecodingSection(beam=4, language_model="labels")
    with pytest.raises(ConfigError, match="needs labels, there are none"):
        set_test_decoder(section, SimpleNamespace(vocabulary=tokens), data, tmp_path)
