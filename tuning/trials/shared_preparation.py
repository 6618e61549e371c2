"""Build a few drawn configurations before the first trial: mistakes are reported, caches are filled."""

import json
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from optuna.study import Study

from experiment.errors import ConfigError
from experiment.ranks import leave_launch
from tuning.search_plan import SearchPlan
from tuning.trials.fork_server import ForkServer, Job
from tuning.trials.trial_run import training_configuration, write_yaml

log = logging.getLogger(__name__)

PREPARE = "prepare"  # the fork server's task
_ATTEMPTS = 100
_MAX_DRAWS = 12


def prepare_shared(
    name: str, configs: Sequence[dict[str, Any]], environment: Mapping[str, str], server: ForkServer
) -> None:
    """Prepare what trials share; refuse configurations of which none can be built.

    The environment is that of one trial: with more devices another strategy would be chosen.
    """
    with tempfile.TemporaryDirectory(prefix="search-", ignore_cleanup_errors=True) as folder:
        files = [Path(folder) / f"{number}.yaml" for number in range(len(configs))]
        for file, config in zip(files, configs, strict=True):
            write_yaml(file, config)
        log.info("%s: preparing data and weights", name)
        findings_file = Path(folder) / "findings.json"
        status = server.run(Job(PREPARE, [str(findings_file), *map(str, files)], environment=environment))
        if not findings_file.is_file():
            log.warning("the preparation was cut off (status %d); the trials will show why", status)
            return
        findings = json.loads(findings_file.read_text(encoding="utf-8"))
    _check_faults(list(findings["faults"].values()))
    server.preload(findings["imported"])


def example_configurations(plan: SearchPlan) -> list[dict[str, Any]]:
    """Draw configurations in which every choice occurs, as far as the constraints allow."""
    studies = islice(plan.space.examples(plan.seed), _MAX_DRAWS)
    drawn = [config for study in studies if (config := _allowed(plan, study)) is not None]
    if not drawn:
        raise ConfigError(
            f"optuna.constraints: no draw of search_spaces met them in {_ATTEMPTS} attempts; they are: "
            f"{', '.join(constraint.text for constraint in plan.constraints)}"
        )
    configs = [training_configuration(config, plan.seed, plan.name) for config in drawn]
    # A cache that is to be built anew is built once.
    configs[0]["data"]["create_dataset"] = bool(plan.base["data"].get("create_dataset"))
    return configs


def _allowed(plan: SearchPlan, study: Study) -> dict[str, Any] | None:
    drawn = (plan.draw(study.ask()) for _ in range(_ATTEMPTS))
    return next((config for config in drawn if not plan.broken_constraints(config)), None)


def _check_faults(faults: list[str | None]) -> None:
    found = [fault for fault in faults if fault is not None]
    if found and len(found) == len(faults):
        raise ConfigError(found[0])
    for fault in dict.fromkeys(found):
        log.warning("some of what search_spaces can draw will fail: %s", fault)


def prepare(arguments: Sequence[str]) -> int:
    """Build configurations in a forked process, each with its data and its weights.

    The arguments are the file for the findings, then configuration files. The findings are the fault of each
    file, and the modules that were imported for all.
    """
    from tuning.trials.preparing_cli import prepare_configuration

    leave_launch()
    findings, *configs = arguments
    known = set(sys.modules)
    faults: dict[str, str | None] = dict.fromkeys(configs)
    for config in configs:
        try:
            prepare_configuration(config)
        except ConfigError as error:
            faults[config] = str(error)
        except Exception as error:  # other draws may work: the search continues
            faults[config] = f"{type(error).__name__}: {error}"
    imported = [name for name in sys.modules if name not in known]
    Path(findings).write_text(json.dumps({"faults": faults, "imported": imported}), encoding="utf-8")
    return 0
