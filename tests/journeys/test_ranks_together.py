"""Several processes as launchers start them: the curve of one process, one folder, one end."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experiment.checkpoint import newest_loadable
from tests.journeys.configuration import TINY_BERT, configuration, noise, sentences, written
from tests.journeys.experiments import metrics_of
from tests.journeys.forked_runs import ForkedRuns, free_port
from tests.journeys.step_ledger import ledger, ledger_option
from tests.models.conftest import DETERMINISTIC, TINY

STEPS = 50
Arguments = Callable[..., tuple[str, ...]]
KEPT_FEATURES = {  # two epochs of an encoder whose convolutions stay as they are
    "seed_everything": 7,
    "trainer.max_steps": 20,
    "data.augmentations": "null",
    "model.freeze_feature_extractor": "true",
    "model.network_name": "Wav2Vec2",
    "model.network_config": json.dumps(TINY["Wav2Vec2"] | DETERMINISTIC | {"_replace": True}),
}


@pytest.fixture(scope="module")
def config(place: Path) -> Path:
    """Forty sentences, ten steps an epoch."""
    content = configuration(
        place,
        seed_everything=None,
        model={
            "network_name": "Wav2Vec2Bert",
            "network_config": TINY_BERT | DETERMINISTIC | {"conformer_conv_dropout": 0.0},
        },
        data={"dataset_classes": sentences(40, 7, 7), "augmentations": noise(0.5)},
        trainer={"max_steps": STEPS, "enable_model_summary": False, "num_sanity_val_steps": 0},
    )
    return written(place / "config.yaml", content)


@pytest.fixture(scope="module")
def fit(config: Path, place: Path) -> Arguments:
    """The arguments of a fit under a name, with a ledger."""

    def arguments(name: str, *overrides: str, **ledger_arguments: object) -> tuple[str, ...]:
        return (
            *("fit", "--config", str(config), "--custom_folder_name", name),
            *(*ledger_option(place / f"{name}.ledger", **ledger_arguments), *overrides),
        )

    return arguments


def losses(place: Path, name: str, size: int) -> tuple[list[float], list[list[str]]]:
    """Return the mean loss of each step over the clips of all processes, and the clips."""
    parts = [ledger(place / f"{name}.ledger", rank) for rank in range(size)]
    steps = [[line for line in part if "loss" in line] for part in parts]
    clips = [[line["ids"] for line in part if "ids" in line] for part in parts]
    means = [
        sum(line["loss"] * line["clips"] for line in lines) / sum(line["clips"] for line in lines)
        for lines in zip(*steps, strict=True)
    ]
    return means, [sorted(sum(keys, [])) for keys in zip(*clips, strict=True)]


@pytest.fixture(scope="module")
def two(runs: ForkedRuns, fit: Arguments) -> str:
    ended = runs.torchrun(2, *fit("two", "--data.batch_size", "2", "--seed_everything", "7"))
    assert [status for status, _ in ended] == [0, 0], ended
    return "two"


def test_two_processes_with_half_the_batch_learn_as_one(
    runs: ForkedRuns, fit: Arguments, place: Path, two: str
) -> None:
    status, output = runs.run(*fit("one", "--seed_everything", "7"))
    assert status == 0, output
    (ours, our_clips), (theirs, their_clips) = losses(place, "two", 2), losses(place, "one", 1)
    assert len(theirs) == STEPS
    assert our_clips == their_clips
    worst = max(abs(one - other) for one, other in zip(ours, theirs, strict=True))
    print(f"largest difference of the loss in {STEPS} steps: {worst:.2e}")  # noqa: T201
    assert worst < 1e-4
    together, alone = (metrics_of(place / "experiments" / name) for name in ("two", "one"))
    for name in ("val_per", "test_per", "val_cer", "test_wer"):
        assert together[name] == alone[name]
    assert [folder.name for folder in (place / "experiments").glob("two*")] == ["two"]
    assert together["utterances"] == alone["utterances"] == {"val": 7, "test": 7}


def test_two_processes_learn_from_kept_features_what_one_learns_from_audio(
    runs: ForkedRuns, fit: Arguments, place: Path
) -> None:
    changes = [f"--{key}={value}" for key, value in KEPT_FEATURES.items()]
    halves = ("--data.batch_size=2", "--model.cache_encoder=true")
    ended = runs.torchrun(2, *fit("two_kept", *changes, *halves))
    assert [status for status, _ in ended] == [0, 0], ended
    first, other = (output for _, output in ended)
    # Whichever process computes them, the first one logs it.
    assert "frozen encoder for 40 clips are in" in first or "for 40 clips, once: " in first
    assert "encoder cache: " not in other
    status, output = runs.run(*fit("one_plain", *changes, "--model.cache_encoder=false"))
    assert status == 0, output
    (ours, our_clips), (theirs, their_clips) = losses(place, "two_kept", 2), losses(place, "one_plain", 1)
    assert our_clips == their_clips
    assert len(theirs) == 20
    assert ours == pytest.approx(theirs, abs=1e-4)
    together, alone = (
        metrics_of(place / "experiments" / "two_kept"),
        metrics_of(place / "experiments" / "one_plain"),
    )
    assert together["val_per"] == alone["val_per"]
    assert together["test_per"] == alone["test_per"]


def test_two_processes_predict_every_utterance(runs: ForkedRuns, config: Path, place: Path, two: str) -> None:
    command = ("predict", "--config", str(config), "--custom_folder_name", "two", "--data.batch_size", "2")
    ended = runs.torchrun(2, *command)
    assert [status for status, _ in ended] == [0, 0], ended
    status, output = runs.run(*command)
    assert status == 0, output
    together, alone = sorted((place / "experiments/two/evaluations").glob("predict*/predictions.jsonl"))
    rows = [json.loads(line) for line in together.read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"test-{index:05d}" for index in range(7)]
    assert together.read_text() == alone.read_text()


def test_processes_stop_together_wherever_the_signal_comes(
    runs: ForkedRuns, fit: Arguments, place: Path
) -> None:
    saved = "--trainer.limit_val_batches=2"
    ended = runs.torchrun(2, *fit("stopped", saved, signal_name="SIGTERM", step=12, rank=1))
    assert [status for status, _ in ended] == [143, 143], ended
    assert "stopped by SIGTERM: step 13 is in " in ended[0][1]
    newest = newest_loadable([place / "experiments/stopped"], resumes=True)
    assert newest.path.name == "last.ckpt"
    assert "number of processes" in runs.run(*fit("stopped", saved, "--ckpt_path", "last"))[1]
    ended = runs.torchrun(2, *fit("stopped", saved, "--ckpt_path", "last", "--trainer.max_steps", "20"))
    assert [status for status, _ in ended] == [0, 0], ended
    for rank in range(2):
        trained = [line for line in ledger(place / "stopped.ledger", rank) if "loss" in line]
        assert len(trained) == 20


@pytest.mark.parametrize("killed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_when_one_process_is_killed_the_other_ends(runs: ForkedRuns, fit: Arguments, killed: int) -> None:
    began = time.monotonic()
    ended = runs.torchrun(2, *fit(f"killed_{killed}", signal_name="SIGKILL", step=3, rank=killed))
    assert ended[killed][0] == -9
    assert ended[1 - killed][0] == 1
    assert time.monotonic() - began < 60
    assert "Traceback" in ended[1 - killed][1]


def test_fsdp_without_a_gpu_is_refused_in_one_line(runs: ForkedRuns, fit: Arguments) -> None:
    status, output = runs.run(*fit("sharded", "--trainer.strategy", "fsdp"))
    assert status == 2
    assert "requires a GPU accelerator" in output
    assert "Traceback" not in output


def test_slurm_starts_processes_as_well_and_a_seed_drawn_at_random_is_that_of_all(
    runs: ForkedRuns, fit: Arguments, place: Path
) -> None:
    shared = {
        "SLURM_JOB_ID": "71234",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    tasks = [shared | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)} for rank in range(2)]
    command = fit("tasks", "--trainer.max_steps", "2", "--trainer.limit_test_batches", "0")
    ended = runs.together([(command, task) for task in tasks])
    assert [status for status, _ in ended] == [0, 0], ended
    assert [folder.name for folder in (place / "experiments").glob("tasks*")] == ["tasks"]
    seed = ended[0][1].partition("drawn at random: ")[2].split()[0]
    for rank in range(2):
        lines = ledger(place / "tasks.ledger", rank)
        assert {line["seed"] for line in lines if "seed" in line} == {int(seed)}
