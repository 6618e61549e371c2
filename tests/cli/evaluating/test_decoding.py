"""The decoding section: what it refuses, and that test data are decoded as it states."""

import json

import pytest
import soundfile

from cli.configuration.sections import DecodingSection
from cli.evaluating.decoding import check_decoding
from cli.run import run
from evaluation.error_counts import error_rate, phoneme_edits, total_edits
from evaluation.utterance_record import read_records
from experiment.errors import ConfigError
from experiment.folder import best_checkpoint
from inference import Recognizer
from inference.acoustic_model import AcousticModel
from inference.decoding.beam_search import BeamDecoder
from inference.decoding.ngram import read_arpa
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


def test_test_data_are_decoded_by_the_search_and_validation_is_not(tmp_path):
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
    model = AcousticModel.from_checkpoint(best_checkpoint(folder))
    arpa = read_arpa(folder / "language_model.arpa")
    recognize = Recognizer(model, BeamDecoder(model.vocabulary, 4, arpa, lm_weight=2.0, token_bonus=3.0))
    kept = next(one for one in records if one.audio is not None)
    transcript = recognize(*soundfile.read(folder / kept.audio, dtype="float32"))
    assert [phoneme.symbol for phoneme in transcript.phonemes] == kept.hypothesis_phonemes
