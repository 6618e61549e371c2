"""The plan of a search: its section of the configuration, checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from optuna.trial import BaseTrial

from cli.configuration.sections import Distribution, OptunaSection, SearchRequest
from experiment.errors import ConfigError
from experiment.folder import check_name
from experiment.layout import EXPERIMENTS
from tuning.space.constraints import Constraint
from tuning.space.search_space import SearchSpace, configuration

_BY_LANGUAGE = "val_per_"


class SearchPlan(NamedTuple):
    """Everything that does not change while a search runs."""

    section: OptunaSection
    base: dict[str, Any]  # the configuration that trials change
    name: str  # the study's, which is also the folder's
    folder: Path
    space: SearchSpace
    constraints: Sequence[Constraint]
    metrics: Sequence[str]
    directions: Sequence[str]  # ``minimize`` or ``maximize`` for each metric
    seed: int

    @classmethod
    def of(cls, request: SearchRequest) -> "SearchPlan":
        """Check all of the configuration that concerns the search."""
        base = request.config
        content = base["optuna"]
        spaces = {path: Distribution(**spec) for path, spec in content["search_spaces"].items()}
        section = OptunaSection(**{**content, "search_spaces": spaces})
        for option in ("n_trials", "n_jobs", "timeout", "trial_timeout"):
            number = getattr(section, option)
            if number is not None and not number > 0:
                raise ConfigError(f"optuna.{option} must be above 0, got {number}")
        check_start_of_trials(base)
        metrics, directions = objectives(section, request.metrics)
        name = section.study_name or (
            f"{base['custom_folder_name']}_search" if base.get("custom_folder_name") else "search"
        )
        check_name("optuna.study_name", name)
        space = SearchSpace.of(base, section.search_spaces, request.accepts)
        drawn = list(space.places())
        root = Path((base.get("trainer") or {}).get("default_root_dir") or ".")
        return cls(
            section,
            base,
            name,
            root / EXPERIMENTS / name,
            space,
            [Constraint.of(text, base, drawn) for text in section.constraints],
            metrics,
            directions,
            int(base["seed_everything"] or 0),
        )

    def draw(self, trial: BaseTrial) -> dict[str, Any]:
        """Draw a configuration."""
        return configuration(self.base, self.space.draw(trial))

    def broken_constraints(self, config: dict[str, Any]) -> list[str]:
        """Return the constraints that a configuration does not meet."""
        return [constraint.text for constraint in self.constraints if not constraint.holds(config)]


def check_start_of_trials(base: Mapping[str, Any]) -> None:
    """Refuse to begin all trials from the state of another training."""
    checkpoint = base.get("ckpt_path")
    if checkpoint and not base.get("only_weights_load"):
        raise ConfigError(
            "ckpt_path: a search begins every trial anew; set only_weights_load: true, or drop it"
        )
    if checkpoint in ("best", "last"):
        raise ConfigError(f"ckpt_path: a search needs the checkpoint's own path, got {checkpoint!r}")


def objectives(section: OptunaSection, logged: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the metrics and the direction of each."""
    metrics = list(section.metric) if isinstance(section.metric, list) else [section.metric]
    given = section.direction
    directions = [str(direction) for direction in given] if isinstance(given, list) else [str(given)]
    if len(metrics) != len(directions) or not metrics:
        raise ConfigError(
            f"optuna.direction must be given for each metric: {len(metrics)} metrics, "
            f"{len(directions)} directions"
        )
    for metric in metrics:
        # With several languages there is a metric for each; only the data show which languages.
        if metric not in logged and not metric.startswith(_BY_LANGUAGE):
            raise ConfigError(f"optuna.metric must be among {', '.join(logged)}, got {metric!r}")
    if len(set(metrics)) != len(metrics):
        raise ConfigError(f"optuna.metric: {metrics[0]} stands twice")
    return metrics, directions
