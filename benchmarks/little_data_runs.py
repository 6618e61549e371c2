"""Calibrate, train and evaluate the runs of ``little_data.py``; each training is a separate process."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.little_data_results import RunResult, keep
from benchmarks.little_data_variants import (
    DEMO,
    VARIANTS,
    Table,
    calibration,
    configuration,
    steps_for,
)
from benchmarks.recorded_speech import (
    fetch_prompts,
    run_program,
    seconds_of_children,
    starter_configuration,
    trained_demo,
)
from cli.configuration.configured_datasets import located_datasets
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.cache.clip_store import PreparedClip
from dataset_modules.sources.audio import from_pcm16
from durable_files import write_durably
from evaluation.error_counts import phoneme_edits
from experiment.contents import read_configuration, read_metrics
from experiment.folder import find_checkpoint
from inference import Recognizer
from inference.acoustic_model import AcousticModel
from inference.decoding.kept_decoder import kept_decoder
from phonetics import EditCounts

CALIBRATION_STEPS, UNCOUNTED_STEPS = 45, 5  # the first ones load what later ones need
_REPORTED = ("test_per", "test_greedy_per", "test_loss", "val_per")


class Training(NamedTuple):
    """The processor seconds of each step, and of the whole process; and what was trained."""

    step_seconds: list[float]
    process_seconds: float
    experiment: Path


def finish_run(folder: Path, language: str, variant: str, seed: int, minutes: float) -> None:
    """Train and evaluate one run, and keep its result; what an interrupted one has left is removed."""
    cost = step_seconds(folder.parent, language, VARIANTS[variant].costs_as or variant)
    name, steps = f"little_data_{language}_{variant}_{seed}", steps_for(minutes, cost)
    trained = _train(folder, language, variant, name=name, steps=steps, seed=seed)
    utterances, greedy, searched = zip(*_test_errors(trained.experiment), strict=True)
    result = RunResult(
        language=language,
        variant=variant,
        seed=seed,
        minutes=minutes,
        description=VARIANTS[variant].description(),
        step_seconds=cost,
        steps=len(trained.step_seconds),
        trained_seconds=sum(trained.step_seconds),
        process_seconds=trained.process_seconds,
        utterances=list(utterances),
        lengths=[one.reference_length for one in greedy],
        greedy=[one.errors for one in greedy],
        searched=[one.errors for one in searched],
        metrics={key: value for key, value in read_metrics(trained.experiment).items() if key in _REPORTED},
    )
    keep(folder, result)
    shutil.rmtree(trained.experiment)  # a checkpoint has 18 MB


def step_seconds(folder: Path, language: str, variant: str) -> float:
    """Return the processor seconds of a step; measure them where they are not kept."""
    path = folder / f"cost-{language}-{variant}.json"
    description = VARIANTS[variant].description()
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["description"] == description:
            return float(found["step_seconds"])
    name = f"little_data_{language}_{variant}_cost"
    trained = _train(folder, language, variant, name=name, steps=CALIBRATION_STEPS, seed=0, calibrates=True)
    counted = trained.step_seconds[UNCOUNTED_STEPS:]
    cost = sum(counted) / len(counted)
    write_durably(path, json.dumps({"step_seconds": cost, "steps": len(counted), "description": description}))
    shutil.rmtree(trained.experiment)
    return cost


def _train(
    folder: Path, language: str, variant: str, *, name: str, steps: int, seed: int, calibrates: bool = False
) -> Training:
    """Train in a separate process; the configuration stays in the folder of results."""
    folder.mkdir(parents=True, exist_ok=True)
    path, clock, experiment = folder / f"{name}.yaml", folder / f"{name}.seconds", Path("experiments") / name
    shutil.rmtree(experiment, ignore_errors=True)
    weights = str(trained_demo(language)) if VARIANTS[variant].from_demo else None
    table = configuration(
        base_of(language),
        VARIANTS[variant],
        name=name,
        steps=steps,
        seed=seed,
        clock=str(clock),
        weights=weights,
    )
    if calibrates:
        table = calibration(table)
    write_durably(path, yaml.safe_dump(table, allow_unicode=True, sort_keys=False))
    print(f"{path}: {steps} steps", file=sys.stderr, flush=True)
    before = seconds_of_children()
    run_program("fit", "--config", str(path))
    process_seconds = seconds_of_children() - before
    seconds = json.loads(clock.read_text(encoding="utf-8"))
    clock.unlink()
    return Training(seconds, process_seconds, experiment)


def base_of(language: str) -> Table:
    """Return the demo's configuration, or what ``start`` writes for the prompts of a language."""
    if language == DEMO:
        path = Path("config/demo.yaml")
    else:
        fetch_prompts(language)
        path = starter_configuration(language)
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _test_errors(experiment: Path) -> list[tuple[str, EditCounts, EditCounts]]:
    """Return the errors in each test utterance, decoded greedily and by the search that the run has kept."""
    model = AcousticModel.from_checkpoint(find_checkpoint("little_data", str(experiment)))
    greedy = Recognizer(model)
    searched = Recognizer(model, kept_decoder(experiment, model.vocabulary))
    clips = _test_clips(experiment, model.audio_params)
    return [(clip.id, _edits(greedy, clip), _edits(searched, clip)) for clip in clips]


def _test_clips(experiment: Path, audio_params: AudioParams) -> Iterator[PreparedClip]:
    for dataset in located_datasets(dict(read_configuration(experiment)["data"])):
        if any(True for _ in dataset.recordings("test")):
            clips = dataset.prepare("test", audio_params).clips
            yield from (clips[row] for row in range(len(clips)))


def _edits(recogniser: Recognizer, clip: PreparedClip) -> EditCounts:
    transcript = recogniser(from_pcm16(clip.samples), recogniser.model.audio_params.sampling_rate)
    return phoneme_edits(clip.phonemes, [phoneme.symbol for phoneme in transcript.phonemes])
