"""Surveys made by hand, and prepared clips without a cache."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_modules.cache.clip_cache import PreparedSplit
from dataset_modules.cache.clip_store import ClipStore, ClipWriter, PreparedClip
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.labels.usable_clips import UsableClips
from dataset_modules.recording import SkippedRecording
from doctor.survey import CLIP, RunPlan, SplitSurvey, Survey

_contents = (np.random.default_rng(seed) for seed in itertools.count())


def _clips(size: int, columns: dict[str, object]) -> np.ndarray:
    clips = np.zeros(size, CLIP)
    usual = {
        "used": True,
        "num_samples": 32000,
        "frames": 99,
        "frames_needed": 20,
        "num_labels": 20,
        "peak": 0.5,
        "rms": 0.1,
        "speaker": np.arange(size),
        "content": next(_contents).integers(1, 2**63, (size, 2), dtype=np.uint64),
    }
    usual["num_phonemes"] = columns.get("num_labels", usual["num_labels"])  # no word boundaries
    for name, values in (usual | columns).items():
        clips[name] = values
    return clips


@pytest.fixture(scope="session")
def split_of() -> Callable[..., SplitSurvey]:
    """A split of good clips of 2 s; given columns replace the good values."""

    def make(name: str, size: int = 4, *, phonemes: dict[str, int] | None = None, **given) -> SplitSurvey:
        own = {key: given.pop(key) for key in list(given) if key in CLIP.names}
        counts = Counter(phonemes if phonemes is not None else {"a": 500, "b": 500})
        clips = _clips(size, own)
        return SplitSurvey(name, 16000, clips, lambda row: f"{name}-{row}", phonemes=counts, **given)

    return make


@pytest.fixture(scope="session")
def survey_of(split_of) -> Callable[..., Survey]:
    """A survey without findings; given splits and settings replace the good ones."""

    def make(*splits: SplitSurvey, **given) -> Survey:
        names = {"train": 0, "val": 100, "test": 200}
        whole = {name: split_of(name, 30, speaker=np.arange(30) + start) for name, start in names.items()}
        whole |= {split.name: split for split in splits}
        plan = RunPlan(**{key: given.pop(key) for key in list(given) if key in RunPlan.__dataclass_fields__})
        survey = Survey(whole, tuple(f"voice{n}" for n in range(300)), ("a", "b"), "refuse", plan=plan)
        return replace(survey, **given)

    return make


@pytest.fixture(scope="session")
def part_of() -> Callable[..., SplitPart]:
    """A data set's part of a split, of which these recordings are skipped."""

    def make(dataset: object, total: int, skipped: list[SkippedRecording]) -> SplitPart:
        prepared = PreparedSplit(range(total), "print", 0, ())
        return SplitPart(dataset, "train", prepared, UsableClips(np.zeros(0, int), skipped, Counter(), []))

    return make


@pytest.fixture
def store_of(tmp_path) -> Callable[..., ClipStore]:
    """A store of clips given as ``(id, samples, phonemes[, speaker[, text]])``."""

    def make(*clips: tuple) -> ClipStore:
        path = Path(tmp_path) / f"{len(list(tmp_path.glob('*.arrow')))}.arrow"
        with ClipWriter(path) as writer:
            for key, samples, phonemes, *others in clips:
                whole = np.asarray(samples, dtype=np.int16)
                speaker, text = [*others, None, None][:2]
                writer.write(PreparedClip(key, "en", speaker, text, tuple(phonemes), None, whole))
        return ClipStore([path])

    return make
