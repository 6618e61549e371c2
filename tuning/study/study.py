"""Open the study of a search, check that it is the same search, and count its trials."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from experiment.errors import ConfigError
from tuning.search_plan import SearchPlan

REJECTED, SURPLUS = "rejected", "surplus"  # attributes of trials that never ran
KIND, REASON, SEED = "failure", "reason", "seed"  # attributes of trials
STUDY_SEED, _IDENTITY = "seed", "configuration"  # attributes of a study
# What may differ between workers and starts of one search.
_FREE = {
    "optuna",
    "study",
    "seed_everything",
    "custom_folder_name",
    "write_report",
    "num_threads",
    "decoding",  # of test data, which no trial has
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
# Keys that studies of version 0.1.0 do not know, with the values under which training is the same.
_ADDED: dict[str, object] = {
    "symbol_map": None,
    "least_fitting_share": 0.1,
    "intermediate_ctc": None,
    "consistency": None,
    "label_prior": None,
    "layer_mix": False,
    "adapter": None,
    "unfreeze": None,
    "worker_timeout": 600.0,
    "test_split": 0.0,
    "split_by": "speaker",
    "label_format": None,
    "label_kind": None,
    "label_tier": None,
    "clip_tier": None,
    "word_tier": None,
    "label_dir": None,
    "unknown_speech": "cut",
    "speaker_from": "labels",
    "comes_first": False,
    "augmented": True,
    "augmentations": None,
    "weight": 1.0,
    "sampling": None,
    "relative": None,
}
_MAX_NAMED = 3


class Counts(NamedTuple):
    """The number of trials by state; draws rejected before they ran are no trials."""

    completed: int
    pruned: int
    failed: int
    running: int
    waiting: int
    rejected: int

    @property
    def finished(self) -> int:
        """The number of trials that have ended."""
        return self.completed + self.pruned + self.failed

    @property
    def begun(self) -> int:
        """The number of trials that count towards ``n_trials``."""
        return self.finished + self.running + self.waiting


class Identity(NamedTuple):
    """What makes two starts the same search."""

    facts: dict[str, str]  # key of the configuration → short fact
    option: str  # the name of the study in the configuration


def open_study(storage: BaseStorage, plan: SearchPlan, pruner: BasePruner, identity: Identity) -> Study:
    """Begin a study, or continue the one of this name if it is the same search."""
    directions = [StudyDirection[direction.upper()] for direction in plan.directions]
    study = optuna.create_study(
        storage=storage, study_name=plan.name, directions=directions, pruner=pruner, load_if_exists=True
    )
    _check_identity(study, identity)
    if study.metric_names is None:  # a dashboard shows them
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(plan.metrics))
    for key, value in ((STUDY_SEED, plan.seed), (_IDENTITY, identity.facts)):
        if key not in study.user_attrs:  # it is new, or its beginning was cut off
            study.set_user_attr(key, value)
    return study


def check_study(storage: BaseStorage, name: str, identity: Identity) -> None:
    """Refuse to continue a study of this name that is another search; there need be none."""
    if name in optuna.get_all_study_names(storage):
        _check_identity(optuna.load_study(storage=storage, study_name=name), identity)


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
    """Check that a trial counts: it was neither rejected before it ran nor one too many."""
    return REJECTED not in trial.user_attrs and SURPLUS not in trial.user_attrs


def best_trials(study: Study) -> list[FrozenTrial]:
    """Return the best trial; with several metrics all that no other beats, by the first metric."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not trials:
        return []
    sign = -1 if study.directions[0] == StudyDirection.MAXIMIZE else 1
    front = trials if len(study.directions) == 1 else study.best_trials
    ordered = sorted(front, key=lambda trial: (sign * trial.values[0], trial.number))
    return ordered[:1] if len(study.directions) == 1 else ordered


def _check_identity(study: Study, identity: Identity) -> None:
    """Refuse to mix trials of different searches."""
    facts, option = identity
    known = study.user_attrs.get(_IDENTITY, facts)
    changed = sorted(key for key in {*known, *facts} - _FREE if known.get(key) != facts.get(key))
    if changed:
        more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
        raise ConfigError(
            f"{option}: the study {study.study_name} was begun with another configuration: "
            f"{', '.join(changed[:_MAX_NAMED])}{more} differ; undo that, or give {option} another "
            f"name to begin a new {'search' if option.startswith('optuna') else 'study'}"
        )


def search_identity(plan: SearchPlan) -> Identity:
    """Describe what makes two starts the same search."""
    facts = facts_of(plan.base)
    spaces = without_added(plan.base["optuna"]["search_spaces"])
    facts |= {f"optuna.search_spaces.{path}": short_fact(space) for path, space in spaces.items()}
    facts["optuna.constraints"] = short_fact(list(plan.section.constraints))
    facts["optuna.metric"] = short_fact(list(plan.metrics))
    facts["optuna.direction"] = short_fact(list(plan.directions))
    return Identity(facts, "optuna.study_name")


def facts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Describe a configuration: one short fact per key of what must not change while a search runs."""
    parts: dict[str, Any] = {}
    for section, content in without_added(config).items():
        if isinstance(content, dict):
            parts |= {f"{section}.{key}": part for key, part in content.items()}
        else:
            parts[section] = content
    return {
        path: short_fact(part) for path, part in parts.items() if not _FREE & {path, path.partition(".")[0]}
    }


def without_added(content: Any) -> Any:  # noqa: ANN401 - a configuration has any values
    """Return a configuration without keys that earlier versions lacked, where these change nothing.

    >>> without_added({"model": {"consistency": None, "lr": 0.1}, "data": [{"label_kind": "text"}]})
    {'model': {'lr': 0.1}, 'data': [{'label_kind': 'text'}]}
    """
    if isinstance(content, list):
        return [without_added(one) for one in content]
    if not isinstance(content, dict):
        return content
    return {
        key: without_added(value)
        for key, value in content.items()
        if key not in _ADDED or value != _ADDED[key]
    }


def short_fact(value: object) -> str:
    """Return a value as text; a long one as a digest of it."""
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 40 else hashlib.blake2b(text.encode(), digest_size=8).hexdigest()  # noqa: PLR2004
