"""Each callback that Lightning ships serves, or is refused by name with a reason."""

from pathlib import Path

import pytest
import yaml
from lightning.pytorch import callbacks

from callbacks.lightning_callbacks import check_callbacks, complaints_of_callbacks
from experiment.errors import ConfigError
from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.forked_runs import ForkedRuns

SERVES = {
    "DeviceStatsMonitor": {},
    "EarlyStopping": {"monitor": "val_per"},
    "EMAWeightAveraging": {},
    "GradientAccumulationScheduler": {"scheduling": {0: 1, 1: 2}},
    "LearningRateMonitor": {},
    "ModelSummary": {"max_depth": 2},
    "RichModelSummary": {},
    "Timer": {"duration": {"minutes": 5}},
    "WeightAveraging": {},
}
REFUSED = {
    "BackboneFinetuning": {},
    "BaseFinetuning": {},
    "BasePredictionWriter": {},
    "BatchSizeFinder": {},
    "LearningRateFinder": {},
    "ModelPruning": {"pruning_fn": "l1_unstructured"},
    "SpikeDetection": {},
    "StochasticWeightAveraging": {"swa_lrs": 0.1},
}
COMPLAINING = {  # only once the run has begun
    "GradientAccumulationScheduler": ({"scheduling": {0: 2}}, "accumulate_grad_batches"),
    "ModelCheckpoint": ({"monitor": "val_per", "filename": "{epoch"}, "expected '}'"),
    "ModelSummary": ({"max_depth": -7}, "max_depth"),
}


def run_with(runs: ForkedRuns, place: Path, tmp_path: Path, named: dict[str, dict]) -> tuple[int, str]:
    nodes = [
        {"class_path": f"lightning.pytorch.callbacks.{name}", "init_args": arguments}
        for name, arguments in named.items()
    ]
    content = configuration(
        tmp_path,
        data={"dataset_classes": sentences(8, 4, 4, cache_dir=str(place / "cache"))},
        trainer={
            "max_epochs": 1,
            "num_sanity_val_steps": 0,
            "accumulate_grad_batches": 1 + (len(named) == 1),
            "callbacks": [{"class_path": "callbacks.CustomModelCheckpoint"}, *nodes],
        },
        custom_folder_name="run",
    )
    return runs.run("fit", "--config", str(written(tmp_path / "config.yaml", content)))


def test_those_that_serve(runs: ForkedRuns, place: Path, tmp_path: Path) -> None:
    status, output = run_with(runs, place, tmp_path, SERVES)
    assert status == 0, output
    assert "Traceback" not in output
    saved = yaml.safe_load((tmp_path / "experiments/run/config.yaml").read_text())
    named = [node["class_path"].rpartition(".")[2] for node in saved["trainer"]["callbacks"]]
    assert named[1:] == list(SERVES)


@pytest.mark.parametrize("name", REFUSED)
def test_those_that_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"trainer\.callbacks: {name} cannot be used: \w+"):
        check_callbacks([callbacks.ModelSummary(), getattr(callbacks, name)(**REFUSED[name])])


def test_every_callback_is_tried() -> None:
    plain = {"Callback", "Checkpoint", "LambdaCallback", "ModelCheckpoint", "OnExceptionCheckpoint"}
    plain |= {"ProgressBar", "RichProgressBar", "TQDMProgressBar", "ThroughputMonitor"}
    assert {*SERVES, *REFUSED, *plain} == set(callbacks.__all__)


@pytest.mark.parametrize("name", COMPLAINING)
def test_what_is_found_later_is_one_message(runs: ForkedRuns, place: Path, tmp_path: Path, name: str) -> None:
    arguments, named = COMPLAINING[name]
    status, output = run_with(runs, place, tmp_path, {name: arguments})
    assert status == 2, output
    assert f"trainer.callbacks: {name} cannot be used: " in output.splitlines()[-1]
    assert named in output.splitlines()[-1]
    assert "Traceback" not in output


class Mine(callbacks.Callback):
    """A user's callback; its faults need their traceback."""

    def on_fit_start(self, *_: object) -> None:
        raise KeyError("mine")


def test_the_faults_of_other_callbacks_stay_as_they_are() -> None:
    with pytest.raises(KeyError, match="mine"), complaints_of_callbacks():
        Mine().on_fit_start()
