"""Lightning's callbacks: those that cannot serve are refused; what others complain of is one message."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, callbacks

from experiment.errors import ConfigError, in_one_line

_SEARCH = "a search (optuna) finds model.lr"
_BASE = "it is a base class; name a class that is derived from it"
# They would end in a traceback, or train something that no checkpoint holds.
_REFUSED: Mapping[type[Callback], str] = {
    callbacks.LearningRateFinder: f"learning rates follow model.scheduler; {_SEARCH}",
    callbacks.BatchSizeFinder: (
        "config.yaml would name another batch size than the run has; use data.max_batch_seconds: auto"
    ),
    callbacks.StochasticWeightAveraging: "no checkpoint would hold its average; use callbacks.WeightAverage",
    callbacks.ModelPruning: "it renames weights, and the checkpoints could not be read back",
    callbacks.BackboneFinetuning: "the model has no attribute backbone; use model.unfreeze",
    callbacks.SpikeDetection: (
        "Lightning cannot restore its state; a run whose loss stops being a number ends without it, too"
    ),
    callbacks.BaseFinetuning: _BASE,
    callbacks.BasePredictionWriter: _BASE,
}
_THEIR_MODULES = ("lightning.pytorch.callbacks.", "callbacks.checkpoints")
_RESTORING = ("load_state_dict", "on_load_checkpoint")  # here the checkpoint may be the cause


def check_callbacks(given: Sequence[object] | object | None) -> None:
    """Refuse callbacks of Lightning that cannot serve here, with the reason.

    >>> check_callbacks(callbacks.LearningRateMonitor())
    >>> check_callbacks([callbacks.LearningRateFinder()])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    experiment.errors.ConfigError: trainer.callbacks: LearningRateFinder cannot be used: learning rates ...
    """
    for callback in given if isinstance(given, Sequence) else [given]:
        if isinstance(callback, Callback) and (why := _REFUSED.get(type(callback))):
            raise ConfigError(f"trainer.callbacks: {type(callback).__name__} cannot be used: {why}")


@contextmanager
def complaints_of_callbacks() -> Iterator[None]:
    """Put what Lightning and its callbacks find wrong once a run has begun into one message."""
    try:
        yield
    except MisconfigurationException as error:
        raise ConfigError(in_one_line(error).removeprefix("MisconfigurationException: ")) from error
    except Exception as error:
        name = _complaining(error)
        if name is None:
            raise
        raise ConfigError(f"trainer.callbacks: {name} cannot be used: {in_one_line(error)}") from error


def _complaining(error: Exception) -> str | None:
    """Name the callback of Lightning that raised an error of Python; None if it was none of these."""
    if isinstance(error, OSError) or type(error).__module__ != "builtins":
        return None
    name, step = None, error.__traceback__
    while isinstance(step, TracebackType):
        frame, step = step.tb_frame, step.tb_next
        owner = type(frame.f_locals.get("self"))
        if issubclass(owner, Callback):
            is_theirs = owner.__module__.startswith(_THEIR_MODULES)
            name = owner.__name__ if is_theirs and frame.f_code.co_name not in _RESTORING else None
    return name
