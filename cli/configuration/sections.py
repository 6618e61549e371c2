"""Top-level sections of the configuration that Lightning does not know, typed so that typos are refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

DistributionName = Literal["uniform", "loguniform", "int", "categorical", "discrete_uniform"]
Direction = Literal["minimize", "maximize"]


@dataclass
class Distribution:
    """Where a search draws one value from.

    Args:
        distribution: the kind.
        low: smallest value (all but categorical).
        high: largest value (all but categorical).
        step: distance between values (discrete_uniform, int).
        log: whether an int is drawn on a logarithmic scale.
        choices: the values (categorical): scalars, or whole parts of a configuration. Inside a choice, a
            mapping with a ``distribution`` is a parameter; it is drawn only if that choice is drawn.
        when: draw only where these other parameters are one of these values.
        relative: low and high as multiples of the configuration's own value, instead of these two.
    """

    distribution: DistributionName
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: list[Any] | None = None
    when: dict[str, Any] = field(default_factory=dict)
    relative: list[float] | None = None


@dataclass
class OptunaSection:
    """A search over configurations.

    Args:
        tune: whether ``fit`` is a search.
        n_trials: trials in all, of all starts and workers.
        direction: which values are better; a list for several metrics.
        metric: the metric that a trial is evaluated by, or a list; a trial's value is its best validation's.
        search_spaces: configuration path → distribution.
        constraints: conditions on a trial's configuration, such as ``model.min_lr < model.lr``.
        sampler: class_path and init_args; it chooses the next trial; null takes Optuna's TPESampler.
        pruner: class_path and init_args; it ends hopeless trials; null takes Optuna's MedianPruner.
        storage: an Optuna storage's address or a journal's path; null keeps a journal in the search's folder.
        study_name: also the search's folder; null takes custom_folder_name with ``_search``.
        timeout: seconds after which this worker starts no further trial.
        trial_timeout: seconds after which a trial has failed.
        n_jobs: trials at once; null takes one per visible GPU, else one.
        keep_checkpoints: whose checkpoints are kept.
    """

    tune: bool = False
    n_trials: int = 50
    direction: Direction | list[Direction] = "minimize"
    metric: str | list[str] = "val_per"
    search_spaces: dict[str, Distribution] = field(default_factory=dict)
    constraints: list[str] = field(default_factory=list)
    sampler: dict[str, Any] | None = None
    pruner: dict[str, Any] | None = None
    storage: str | None = None
    study_name: str | None = None
    timeout: float | None = None
    trial_timeout: float | None = None
    n_jobs: int | None = None
    keep_checkpoints: Literal["best", "all", "none"] = "best"


@dataclass
class Variant:
    """One of the configurations that a study compares: the study's own file with changes.

    Args:
        config: a configuration file, or several, laid over the study's own file.
        overrides: configuration path → value, over these files.
    """

    config: str | list[str] = field(default_factory=list)
    overrides: dict[str, Any] = field(default_factory=dict)


@dataclass
class TuneSection:
    """The search that each variant of a study gets before it is repeated.

    Args:
        n_trials: trials of each variant; none is pruned.
        search_spaces: configuration path → distribution; ``relative`` ranges suit all variants.
    """

    n_trials: int
    search_spaces: dict[str, Distribution]


@dataclass
class StudySection:
    """A comparison of variants, with equal budgets and several seeds.

    Args:
        run: whether ``fit`` is a study.
        variants: name → files and overrides; at least two.
        tune: the search of each variant on validation data, all with one seed; null takes them as they are.
        seeds: runs of each variant; all variants have the same seeds.
        metric: the validation metric that tuning minimises; its counterpart on test data is compared.
        baseline: the variant that the others are compared with; null takes the first.
        levels: values of the metric to which steps are counted; null derives them from the baseline.
        equal_budgets: whether a variant with other steps, epochs or batches than the baseline is refused.
        name: also the study's folder; null takes custom_folder_name with ``_study``.
        storage: as in ``optuna``.
        n_jobs: runs at once, as in ``optuna``.
    """

    run: bool = False
    variants: dict[str, Variant] = field(default_factory=dict)
    tune: TuneSection | None = None
    seeds: int = 5
    metric: str = "val_per"
    baseline: str | None = None
    levels: list[float] | None = None
    equal_budgets: bool = True
    name: str | None = None
    storage: str | None = None
    n_jobs: int | None = None


@dataclass
class DecodingSection:
    """How ``test`` finds phonemes in the scores of the frames; validation takes each frame's best token.

    Args:
        beam: hypotheses that a beam search keeps; 1 takes each frame's best token.
        language_model: an n-gram model of phonemes for the beam search: ``labels`` estimates one from the
            training labels, each different label once; anything else is an ARPA file; null takes none.
        order: length of the longest n-grams that are estimated from labels.
        lm_weight: weight of the model's log-probabilities; those of the network have weight 1. Null: the one
            with the fewest errors on validation data.
        token_bonus: added for each token, since language models prefer short sequences. Null: the one with
            the fewest errors on validation data.
    """

    beam: int = 1
    language_model: str | None = None
    order: int = 4
    lm_weight: float | None = None
    token_bonus: float | None = None


class SearchRequest(NamedTuple):
    """A configuration whose ``optuna.tune`` is true, handed from the command line to a search.

    Args:
        config: the whole configuration, defaults included.
        accepts: raises ``ConfigError`` where a mapping is no configuration, by its keys and types.
        metrics: the metrics that training logs, and that a trial can be evaluated by.
    """

    config: dict[str, Any]
    accepts: Callable[[dict[str, Any]], object]
    metrics: Sequence[str]


class StudyRequest(NamedTuple):
    """A configuration whose ``study.run`` is true, handed from the command line to a study.

    Args:
        config: the whole configuration, defaults included.
        with_files: returns the request of the configuration with further files laid over it.
    """

    config: dict[str, Any]
    with_files: Callable[[Sequence[str]], SearchRequest]


StartSearch = Callable[[SearchRequest | StudyRequest], int]  # returns the exit status
