"""A search whose trials are no training runs: each reports what its configuration demands.

As a program: ``stand_in.py REQUEST.json`` runs one worker.
"""

import copy
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import yaml

from cli.configuration.sections import SearchRequest, StudyRequest
from evaluation.utterance_record import UtteranceRecord, write_records
from experiment.contents import write_metrics
from experiment.layout import records_file
from tuning.command import run_search
from tuning.variants.study_command import run_study

METRICS = ("train_loss", "val_loss", "val_per")


def base_of(place, **optuna):
    """A configuration as the command line would hand it over."""
    return {
        "seed_everything": 1,
        "custom_folder_name": "demo",
        "write_report": True,
        "ckpt_path": None,
        "only_weights_load": False,
        "model": {"lr": 0.1, "mode": "ok", "seconds": 0.0, "min_lr": 0.0},
        "data": {"create_dataset": True, "num_workers": 0, "name": ""},
        "trainer": {
            "accelerator": "cpu",
            "devices": "auto",
            "default_root_dir": str(place),
            "callbacks": None,
        },
        "optuna": {
            "tune": True,
            "n_trials": 4,
            "metric": "val_loss",
            "direction": "minimize",
            "search_spaces": {"model.lr": {"distribution": "uniform", "low": 0.0, "high": 1.0}},
            **optuna,
        },
    }


def train(arguments):
    """What a trial does instead of training."""
    config = yaml.safe_load(Path(arguments[2]).read_text(encoding="utf-8"))
    model = config["model"]
    path = Path(config["trainer"]["callbacks"][-1]["init_args"]["path"])
    with (path.parents[2] / "started.txt").open("a") as stream:
        stream.write(f"{path.parent.name} {config['seed_everything']} {model['lr']}\n")
    checkpoints = path.parent / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "last.ckpt").write_text("weights")
    for validation in range(3):
        time.sleep(model["seconds"])
        misbehave(model["mode"], validation)
        value = (model["lr"] - 0.3) ** 2 + 0.1 * (2 - validation)
        broken = math.nan if model["mode"] == "nan" and validation == 1 else value
        figures = {"val_loss": broken, "val_per": 1 - model["lr"], "train_loss": 1.0}
        if model["mode"] == "silent":
            continue
        with path.open("a") as stream:
            costs = {
                "seconds": 0.5 * validation,
                "processor_seconds": 1.5,
                "memory_bytes": 7,
                "optimizer_bytes": 3,
            }
            line = {"validation": validation, "step": 10 * validation + 10, **costs, "figures": figures}
            stream.write(json.dumps(line) + "\n")
    if config["trainer"].get("limit_test_batches") != 0:
        write_test(checkpoints.parent, config)
    return 0


def write_test(run, config):
    """What a run leaves of its test: twelve utterances, each with the same error rate but for the seed."""
    rate, seed, name = config["model"]["lr"], config["seed_everything"], config["data"]["name"]
    records = []
    for number in range(12):
        wrong = round(10 * rate) + (seed + number) % 3
        reference = tuple("a" * 20)
        hypothesis = tuple("b" * wrong + "a" * (20 - wrong))
        utterance = name if name == "shared" else f"{name}{number}"
        records.append(UtteranceRecord(utterance, "test", reference, hypothesis, 1.0, 50, 0.5))
    errors = sum(record.edits.errors for record in records)
    write_records(records_file(run, "test"), records)
    write_metrics(run, {"test_per": errors / 240, "test_loss": rate})


def study_base(place, **study):
    """A configuration of a study whose variants differ in their rates."""
    base = base_of(place)
    base["trainer"] |= {"callbacks": [{"class_path": "callbacks.LogMetricsCallback"}], "max_steps": 30}
    base["model"]["name"] = "none"
    variants = {name: {"overrides": {"model.name": name}} for name in "abcd"}
    variants["b"]["overrides"]["model.lr"] = 0.2
    base["study"] = {
        "run": True,
        "variants": variants,
        "tune": None,
        "seeds": 3,
        "metric": "val_per",
        **study,
    }
    return base


def study(base, tasks=None):
    """Run a worker of the study."""

    def with_files(files):
        config = copy.deepcopy(base)
        for file in files:
            config["model"] |= yaml.safe_load(Path(file).read_text(encoding="utf-8"))["model"]
        return SearchRequest(config, lambda _: None, METRICS)

    return run_study(StudyRequest(base, with_files), {"train": train, "prepare": prepare, **(tasks or {})})


def misbehave(mode, validation):
    """Fail in the middle of the second validation."""
    if validation != 1:
        return
    if mode == "raise":
        raise RuntimeError("on purpose")
    if mode == "memory":
        raise MemoryError("no more")
    if mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "refuse":
        sys.stderr.write("error: model.lr must be lower\n")
        sys.exit(2)
    if mode == "hang":
        time.sleep(600)


def prepare(arguments):
    """Find nothing wrong; remember whether a cache was to be built anew."""
    findings, *configs = arguments
    rebuilds = [yaml.safe_load(Path(config).read_text())["data"]["create_dataset"] for config in configs]
    faults = dict.fromkeys(configs)
    Path(findings).write_text(json.dumps({"faults": faults, "imported": [], "rebuilds": rebuilds}))
    return 0


def search(base, tasks=None):
    """Run a worker of the search."""
    request = SearchRequest(base, lambda _: None, METRICS)
    return run_search(request, {"train": train, "prepare": prepare, **(tasks or {})})


if __name__ == "__main__":
    content = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.exit(study(content) if "study" in content else search(content))
