"""The plan of a study: its section of the configuration, checked, and the configuration of each variant."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from cli.configuration.sections import (
    Distribution,
    OptunaSection,
    SearchRequest,
    StudyRequest,
    StudySection,
    TuneSection,
    Variant,
)
from experiment.errors import ConfigError
from experiment.folder import check_name
from experiment.layout import EXPERIMENTS
from tuning.search_plan import SearchPlan, check_start_of_trials, objectives
from tuning.space.config_paths import exists, expanded, parse_path, path_text, value_at, with_value
from tuning.space.search_space import SearchSpace
from tuning.study.study import Identity, facts_of, short_fact

_TUNING = "tuning"  # the folder of the variants' searches
# What decides how much a run may compute, and among how many validations it may choose.
_BUDGET = (
    *(f"trainer.{limit}_{unit}" for limit in ("max", "min") for unit in ("steps", "epochs")),
    *("trainer.max_time", "trainer.limit_train_batches", "trainer.overfit_batches"),
    *("trainer.accumulate_grad_batches", "trainer.devices", "trainer.num_nodes"),
    *("trainer.val_check_interval", "trainer.check_val_every_n_epoch"),
    *("trainer.limit_val_batches", "trainer.limit_test_batches", "trainer.enable_checkpointing"),
    *("data.batch_size", "data.max_batch_seconds", "ckpt_path", "only_weights_load"),
)
# Free in a search, whose trials are not tested and have one device each.
_FIXED = ("decoding", "trainer.devices", "trainer.accelerator")
_METRICS_WRITER = "LogMetricsCallback"
_CALLBACKS = "trainer.callbacks"
_STOPPING = ("EarlyStopping", "Timer")  # callbacks that end a run
_OF_THE_STUDY = ("seed_everything", "custom_folder_name", "write_report", "study", "optuna")
_NO_ERRORS = "val_blank_share"  # neither more nor less of it is better


class StudyPlan(NamedTuple):
    """Everything that does not change while a study runs."""

    section: StudySection
    name: str  # the study's, which is also the folder's
    folder: Path
    variants: Mapping[str, SearchPlan]  # of their tuning; ``base`` is the variant's configuration
    baseline: str
    seed: int

    @classmethod
    def of(cls, request: StudyRequest) -> "StudyPlan":
        """Check all of the configuration that concerns the study."""
        base = request.config
        section = _section_of(base["study"])
        baseline = _baseline_of(section)
        name = section.name or f"{base.get('custom_folder_name') or ''}_study".lstrip("_")
        check_name("study.name", name)
        root = Path((base.get("trainer") or {}).get("default_root_dir") or ".") / EXPERIMENTS
        variants: dict[str, SearchPlan] = {}
        for variant, changes in section.variants.items():
            check_name("study.variants", variant)
            with _named(f"study.variants.{variant}"):
                changed = _changed(request, changes)
                variants[variant] = _variant_plan(changed, section, f"{name}/{_TUNING}/{variant}", root)
        plan = cls(section, name, root / name, variants, baseline, int(base["seed_everything"] or 0))
        if section.equal_budgets:
            plan._check_budgets()
        return plan

    @property
    def test_metric(self) -> str:
        """The metric of the comparison."""
        return f"test_{self.section.metric.removeprefix('val_')}"

    def runs_of(self, variants: Sequence[str]) -> SearchPlan:
        """Return the plan of the runs after tuning: these variants with each seed."""
        section = OptunaSection(n_trials=len(variants) * self.section.seeds, keep_checkpoints="none")
        return _without_space(section, {}, self.name, self.folder, self.section.metric)._replace(
            seed=self.seed
        )

    @property
    def identity(self) -> Identity:
        """What makes two starts the same study."""
        facts = {
            f"study.variants.{name}: {key}": fact
            for name, plan in self.variants.items()
            for key, fact in [
                *facts_of(plan.base).items(),
                *((key, short_fact(_setting(plan.base, key))) for key in _FIXED),
            ]
        }
        tune = self.section.tune
        kept = {
            "seeds": self.section.seeds,
            "metric": self.section.metric,
            "baseline": self.baseline,
            "tune": tune and asdict(tune),
        }
        return Identity(facts | {f"study.{key}": short_fact(one) for key, one in kept.items()}, "study.name")

    def _check_budgets(self) -> None:
        """Refuse variants that may compute more or less than the baseline."""
        own = self.variants[self.baseline].base
        for name, plan in self.variants.items():
            for key in _BUDGET:
                wanted, given = _setting(own, key), _setting(plan.base, key)
                if wanted != given:
                    raise ConfigError(
                        f"study.variants.{name}: {key} must be that of the baseline {self.baseline}, "
                        f"{wanted}, got {given}: budgets are equal unless study.equal_budgets is false"
                    )
            if _callbacks(own, *_STOPPING) != _callbacks(plan.base, *_STOPPING):
                raise ConfigError(
                    f"study.variants.{name}: callbacks that end a run ({', '.join(_STOPPING)}) must be those "
                    f"of the baseline {self.baseline}: budgets are equal unless study.equal_budgets is false"
                )
            drawn = [
                key
                for key in map(path_text, plan.space.places())
                if key in _BUDGET or key == _CALLBACKS or key.startswith(_stopping_places(plan.base))
            ]
            if drawn:
                raise ConfigError(
                    f"study.tune.search_spaces: {drawn[0]} decides how much a run computes: budgets are "
                    "equal unless study.equal_budgets is false"
                )


def _section_of(content: Mapping[str, Any]) -> StudySection:
    tune = content.get("tune")
    return StudySection(
        **{
            **content,
            "variants": {name: Variant(**one) for name, one in content["variants"].items()},
            "tune": tune and TuneSection(int(tune["n_trials"]), _spaces(tune["search_spaces"])),
        }
    )


def _spaces(content: Mapping[str, Any]) -> dict[str, Distribution]:
    return {path: Distribution(**spec) for path, spec in content.items()}


def _baseline_of(section: StudySection) -> str:
    names = list(section.variants)
    if len(names) < 2:  # noqa: PLR2004
        raise ConfigError(f"study.variants must name at least two variants, got {', '.join(names) or 'none'}")
    if section.seeds < 1:
        raise ConfigError(f"study.seeds must be above 0, got {section.seeds}")
    if not section.metric.startswith("val_") or section.metric == _NO_ERRORS:
        raise ConfigError(
            f"study.metric must be an error rate or the loss of validations, val_…, got {section.metric!r}"
        )
    if section.baseline is not None and section.baseline not in names:
        raise ConfigError(f"study.baseline must be one of {', '.join(names)}, got {section.baseline!r}")
    return section.baseline or names[0]


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Name the variant in the message of a mistake, and the study's keys instead of a search's."""
    try:
        yield
    except ConfigError as error:
        text = str(error)
        for key, own in (
            ("search_spaces", "tune.search_spaces"),
            ("n_trials", "tune.n_trials"),
            ("metric", "metric"),
        ):
            text = text.replace(f"optuna.{key}", f"study.{own}")
        raise ConfigError(f"{place}: {text}") from error


def _changed(request: StudyRequest, changes: Variant) -> SearchRequest:
    """Return the request of a variant: the study's configuration with its files and overrides."""
    files = [changes.config] if isinstance(changes.config, str) else changes.config
    if own := [text for text in changes.overrides if text.partition(".")[0] in _OF_THE_STUDY]:
        raise ConfigError(f"overrides: {own[0]} is the same for all variants; set it outside study.variants")
    changed = request.with_files(files)
    config = changed.config
    try:
        for text, value in changes.overrides.items():
            config = with_value(config, expanded(config, parse_path(text)), value)
    except ConfigError as error:
        raise ConfigError(str(error).replace("optuna.search_spaces", "overrides")) from error
    if changes.overrides:
        changed.accepts(config)
    return changed._replace(config=config)


def _variant_plan(request: SearchRequest, section: StudySection, name: str, root: Path) -> SearchPlan:
    tune = section.tune
    check_start_of_trials(request.config)
    _check_metrics_are_written(request.config)
    if tune is None:
        own = OptunaSection(metric=section.metric)
        objectives(own, request.metrics)
        return _without_space(own, request.config, name, root / name, section.metric)
    content = asdict(
        OptunaSection(
            n_trials=tune.n_trials,
            metric=section.metric,
            search_spaces=tune.search_spaces,
            study_name=_TUNING,
            keep_checkpoints="none",
        )
    )
    plan = SearchPlan.of(request._replace(config={**request.config, "optuna": content}))
    return plan._replace(name=name, folder=root / name)


def _without_space(
    section: OptunaSection, base: dict[str, Any], name: str, folder: Path, metric: str
) -> SearchPlan:
    return SearchPlan(section, base, name, folder, SearchSpace((), {}), [], [metric], ["minimize"], 0)


def _stopping_places(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the callbacks that end a run."""
    listed = config["trainer"].get("callbacks")
    callbacks = listed if isinstance(listed, list) else []
    stopping = _callbacks(config, *_STOPPING)
    return tuple(f"{_CALLBACKS}[{place}]" for place, one in enumerate(callbacks) if one in stopping)


def _callbacks(config: Mapping[str, Any], *names: str) -> list[Any]:
    """Return the callbacks of these classes."""
    callbacks = config["trainer"].get("callbacks") or []
    named: Sequence[Any] = callbacks if isinstance(callbacks, list) else [callbacks]
    return [one for one in named if str(one.get("class_path")).endswith(names)]


def _check_metrics_are_written(config: Mapping[str, Any]) -> None:
    if not _callbacks(config, _METRICS_WRITER):
        raise ConfigError(
            f"trainer.callbacks must have callbacks.{_METRICS_WRITER}, which writes test metrics"
        )
    trainer = config["trainer"]
    if trainer.get("limit_test_batches") == 0 or trainer.get("enable_checkpointing") is False:
        raise ConfigError(
            "trainer: a study tests the best checkpoint of each run; leave limit_test_batches and "
            "enable_checkpointing out"
        )


def _setting(config: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - any YAML value
    path = parse_path(key)
    return value_at(config, path) if exists(config, path) else None
