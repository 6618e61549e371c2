"""Two processes have the metrics of one, in one folder."""

from pathlib import Path

import pytest

from tests.journeys.configuration import TINY_BERT, configuration, sentences, written
from tests.journeys.experiments import metrics_of
from tests.journeys.forked_runs import ForkedRuns
from tests.journeys.main_program import run_main


@pytest.mark.slow
def test_two_processes_share_a_folder_and_count_every_utterance_once(
    tmp_path: Path, runs: ForkedRuns
) -> None:
    content = configuration(
        tmp_path,
        seed_everything=None,
        custom_folder_name="two",
        model={"network_name": "Wav2Vec2Bert", "network_config": TINY_BERT, "lr": 0.01},
        data={
            "batch_size": 2,
            "unknown_phonemes": "map_to_unknown",
            # One German sentence to test on: one of the processes gets none.
            "dataset_classes": [*sentences(12, 5, 4), *sentences(2, 0, 1, language="de")],
        },
        trainer={"max_epochs": 1, "enable_model_summary": False, "num_sanity_val_steps": 0},
    )
    config = written(tmp_path / "config.yaml", content)
    done = run_main("fit", "--config", config, "--trainer.devices", "2", "--trainer.strategy", "ddp")
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path / "experiments/two"
    assert list((tmp_path / "experiments").iterdir()) == [folder]
    status, output = runs.run("test", "--config", str(config))
    assert status == 0, output
    (evaluation,) = folder.glob("evaluations/test*")
    together, alone = metrics_of(folder), metrics_of(evaluation)
    for name in ("test_per", "test_per_ru", "test_per_de", "test_cer", "test_wer", "test_blank_share"):
        assert alone[name] == together[name]
    assert "val_per_ru" not in together  # the validation split has one language
    assert alone["test_loss"] == pytest.approx(together["test_loss"], abs=1e-6)
