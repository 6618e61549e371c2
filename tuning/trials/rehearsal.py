"""Before the first trial, a few draws are built: mistakes are told, and caches are filled."""

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from experiment.errors import ConfigError
from tuning.search import SearchPlan
from tuning.space.search_space import Draws, configuration
from tuning.trials.fork_server import ForkServer, Job
from tuning.trials.trial_files import best_configuration, write_yaml

log = logging.getLogger(__name__)

PREPARE = "prepare"
_ATTEMPTS = 100
_MAX_DRAWS = 12


def rehearse(plan: SearchPlan, server: ForkServer) -> None:
    """Prepare what trials share; a space of which nothing can be built is a configuration mistake."""
    drawn = rehearsed(plan)
    folder = Path(tempfile.mkdtemp(prefix="search-"))
    try:
        files = [folder / f"{number}.yaml" for number in range(len(drawn))]
        for file, config in zip(files, drawn, strict=True):
            write_yaml(file, _with_rebuild(config, plan, is_first=file is files[0]))
        log.info("search %s: preparing data and weights", plan.name)
        findings = folder / "findings.json"
        # On the devices of one trial: more of them would be another strategy.
        status = server.run(Job(PREPARE, [str(findings), *map(str, files)], environment=plan.slots[0]))
        if not findings.is_file():
            _judge_end(status)
            return
        found = json.loads(findings.read_text(encoding="utf-8"))
        _judge(list(found["faults"].values()))
        server.preload(found["imported"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rehearsed(plan: SearchPlan) -> list[dict[str, Any]]:
    """Configurations in which every choice occurs, as far as the constraints allow."""
    draws = list(plan.space.rehearsals(plan.seed))[:_MAX_DRAWS]
    found = [config for draw in draws if (config := _possible(plan, draw)) is not None]
    if not found:
        raise ConfigError(
            f"optuna.constraints: no draw of search_spaces met them in {_ATTEMPTS} attempts; they are: "
            f"{', '.join(constraint.text for constraint in plan.constraints)}"
        )
    return found


def _possible(plan: SearchPlan, draws: Draws) -> dict[str, Any] | None:
    for _ in range(_ATTEMPTS):
        config = configuration(plan.base, plan.space.draw(draws))
        if all(constraint.holds(config) for constraint in plan.constraints):
            return config
    return None


def _with_rebuild(config: dict[str, Any], plan: SearchPlan, *, is_first: bool) -> dict[str, Any]:
    """A cache that is to be built anew is built once."""
    plain = best_configuration(config, seed=plan.seed, name=plan.name)
    plain["data"]["create_dataset"] = is_first and bool(plan.base["data"].get("create_dataset"))
    return plain


def _judge(faults: list[str | None]) -> None:
    told = [fault for fault in faults if fault is not None]
    if told and len(told) == len(faults):
        raise ConfigError(told[0])
    for fault in dict.fromkeys(told):
        log.warning("some of what search_spaces can draw will fail: %s", fault)


def _judge_end(status: int) -> None:
    """Without findings the preparation has ended before its end."""
    log.warning("preparing what the trials share was cut off (status %d); the trials will tell", status)
