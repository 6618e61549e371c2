import builtins
import inspect
import random
from pathlib import Path

import audiomentations
import numpy as np
import pytest
from audiomentations import Gain, Limiter, SomeOf
from audiomentations.core.transforms_interface import BaseWaveformTransform

from dataset_modules.augmentations.dry_run import dry_run

RATE = 16000


class Strict(BaseWaveformTransform):
    """Fails whenever it is applied, which its probability makes rare."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        raise KeyError("no such thing")


class Doubling(BaseWaveformTransform):
    """Gives two channels for one."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        return np.stack([samples, samples])


def test_a_transform_that_fails_rarely_fails_for_certain() -> None:
    with pytest.raises(KeyError):
        dry_run(Strict(p=0.0), RATE)


def test_what_no_model_can_hear_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 32000\)"):
        dry_run(Doubling(p=0.1), RATE)


def test_a_composition_that_cannot_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than population"):
        dry_run(SomeOf(3, [Gain(), Gain()]), RATE)


def test_a_missing_package_is_an_error_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = builtins.__import__

    def without(name: str, *arguments: object, **keywords: object) -> object:
        if name == "numpy_audio_limiter":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="numpy_audio_limiter"):
        dry_run(Limiter(p=0.1), RATE)
    assert capsys.readouterr() == ("", "")


def test_state_is_as_it_was() -> None:
    transform = Strict(p=0.3)
    random.seed(5)
    np.random.seed(5)
    expected = (random.random(), np.random.rand())
    random.seed(5)
    np.random.seed(5)
    with pytest.raises(KeyError):
        dry_run(transform, RATE)
    assert (random.random(), np.random.rand()) == expected
    assert (transform.p, transform.parameters["should_apply"]) == (0.3, None)


EXTRAS = {"Mp3Compression", "RoomSimulator", "LoudnessNormalization"}  # packages that nothing else needs
CLASSES = sorted(
    name
    for name, value in vars(audiomentations).items()
    if isinstance(value, type) and issubclass(value, BaseWaveformTransform) and name != "Lambda"
)


@pytest.mark.slow  # some compile their loops first
@pytest.mark.parametrize("name", CLASSES)
def test_every_transform_of_audiomentations_can_be_used(name: str, sounds: Path) -> None:
    takes = inspect.signature(getattr(audiomentations, name)).parameters
    needs = {"sounds_path": sounds / "noises", "ir_path": sounds / "rooms", "duration_seconds": 1.5}
    transform = getattr(audiomentations, name)(**{key: needs[key] for key in needs if key in takes})
    try:
        dry_run(transform, RATE)
    except ImportError:
        assert name in EXTRAS


def test_there_are_as_many_transforms_as_the_manual_says() -> None:
    assert len(CLASSES) > 35
