"""The study behind a search: opened, recognised as the same one, and counted."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from experiment.errors import ConfigError
from experiment.layout import EXPERIMENTS

REJECTED, SURPLUS = "rejected", "surplus"  # attributes of trials that never ran
KIND, REASON, SEED = "failure", "reason", "seed"  # attributes of trials
_IDENTITY, _STUDY_SEED = "configuration", "seed"
# What may differ between workers and starts of one search.
_FREE = {
    "optuna",
    "seed_everything",
    "custom_folder_name",
    "write_report",
    "data.num_workers",
    "data.num_proc",
    "data.create_dataset",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.default_root_dir",
    "trainer.logger",
    "trainer.enable_progress_bar",
    "trainer.enable_model_summary",
}
_MAX_NAMED = 3


class Counts(NamedTuple):
    """How many trials are in which state; those rejected before they ran are no trials."""

    completed: int
    pruned: int
    failed: int
    running: int
    waiting: int
    rejected: int

    @property
    def finished(self) -> int:
        """Trials that are over."""
        return self.completed + self.pruned + self.failed

    @property
    def begun(self) -> int:
        """Trials that count towards ``n_trials``."""
        return self.finished + self.running + self.waiting


class StudyIdentity(NamedTuple):
    """What makes two starts the same search."""

    base: dict[str, Any]
    spaces: dict[str, Any]
    constraints: Sequence[str]
    metrics: Sequence[str]
    directions: Sequence[str]

    def facts(self) -> dict[str, str]:
        """One fact per place of the configuration, short enough to be kept."""
        facts = dict(_leaves(self.base, ""))
        facts |= {f"optuna.search_spaces.{path}": _short(space) for path, space in self.spaces.items()}
        facts["optuna.constraints"] = _short(list(self.constraints))
        facts["optuna.metric"] = _short(list(self.metrics))
        facts["optuna.direction"] = _short(list(self.directions))
        return facts


def open_study(storage: BaseStorage, name: str, identity: StudyIdentity, seed: int) -> Study:
    """Begin a study, or go on with the one of this name if it is the same search."""
    directions = [StudyDirection[direction.upper()] for direction in identity.directions]
    try:
        study = optuna.create_study(storage=storage, study_name=name, directions=directions)
        study.set_user_attr(_STUDY_SEED, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(identity.metrics))  # what a dashboard shows
        study.set_user_attr(_IDENTITY, identity.facts())
    except DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=name)
        _check_identity(study, name, identity.facts())
        for key, value in ((_STUDY_SEED, seed), (_IDENTITY, identity.facts())):
            if key not in study.user_attrs:  # its beginning was cut off, or is under way
                study.set_user_attr(key, value)
    return study


def check_study(storage: BaseStorage, name: str, identity: StudyIdentity) -> None:
    """Refuse to go on with a study of this name that is another search; there need be none."""
    if name in optuna.get_all_study_names(storage):
        _check_identity(optuna.load_study(storage=storage, study_name=name), name, identity.facts())


def seed_of_study(study: Study, otherwise: int) -> int:
    """The seed that the study was begun with."""
    return int(study.user_attrs.get(_STUDY_SEED, otherwise))


def count(study: Study) -> Counts:
    """Count the trials by state."""
    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in trials if is_trial(trial)]
    return Counts(
        completed=states.count(TrialState.COMPLETE),
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        running=states.count(TrialState.RUNNING),
        waiting=states.count(TrialState.WAITING),
        rejected=sum(REJECTED in trial.user_attrs for trial in trials),
    )


def is_trial(trial: FrozenTrial) -> bool:
    """Whether it counts: neither rejected before it ran, nor one too many."""
    return REJECTED not in trial.user_attrs and SURPLUS not in trial.user_attrs


def _check_identity(study: Study, name: str, facts: dict[str, str]) -> None:
    """Refuse to mix trials of different searches."""
    known = study.user_attrs.get(_IDENTITY, facts)
    changed = sorted(key for key in {*known, *facts} - _FREE if known.get(key) != facts.get(key))
    if changed:
        more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
        raise ConfigError(
            f"optuna.study_name: the study {name} was begun with another configuration: "
            f"{', '.join(changed[:_MAX_NAMED])}{more} differ; undo that, or give optuna.study_name another "
            f"name to begin a new search"
        )


def _leaves(value: Any, place: str) -> list[tuple[str, str]]:  # noqa: ANN401 - any YAML value
    """Top-level sections and their keys, each with a digest of what it holds."""
    found = []
    for key, part in value.items():
        path = f"{place}.{key}" if place else key
        if path in _FREE:
            continue
        if isinstance(part, dict) and not place:
            found += _leaves(part, path)
        else:
            found.append((path, _short(part)))
    return found


def _short(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 40 else hashlib.blake2b(text.encode(), digest_size=8).hexdigest()  # noqa: PLR2004


def folder_of(base: dict[str, Any], name: str) -> Path:
    """The search's folder: that of an experiment with its name."""
    return Path((base.get("trainer") or {}).get("default_root_dir") or ".") / EXPERIMENTS / name
