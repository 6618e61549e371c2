"""The reference configuration's seven transforms give the same audio however it is read."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import DataLoader

from cli.configuration.parser import PhonemeArgumentParser
from dataset_modules.augmentations import AugmentationPipeline, Transform
from dataset_modules.augmentations.sound_store import SoundStore
from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.batches.loading import Collator
from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.cache.clip_store import ClipSelection, ClipStore, ClipWriter, PreparedClip

RATE, EPOCH = 16000, 2
REFERENCE = Path(__file__).parents[2] / "reference.yaml"


@pytest.fixture
def clips(tmp_path: Path) -> ClipStore:
    generator = np.random.default_rng(0)
    with ClipWriter(tmp_path / "clips") as writer:
        for number in range(24):
            samples = generator.integers(-6000, 6000, 8000 + 700 * number).astype(np.int16)
            writer.write(PreparedClip(f"clip{number}", None, None, None, ("a",), None, samples))
    return ClipStore([tmp_path / "clips"])


@pytest.fixture
def transforms(sounds: Path) -> list[dict]:
    """The section as it is written, over sounds that are there."""
    section = yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))["data"]["augmentations"]
    paths = {"sounds_path": str(sounds / "noises"), "ir_path": str(sounds / "rooms")}
    for entry in section:
        entry["init_args"] |= {key: path for key, path in paths.items() if key in entry["init_args"]}
    assert len(section) == 7
    return section


def batches(clips: ClipStore, transforms: list[dict], sounds: Path, num_workers: int, skip: int = 0) -> list:
    """Return an epoch's inputs; everything is built again, as in a resumed run."""
    parser = PhonemeArgumentParser()
    parser.add_argument("--augmentations", type=list[Transform])
    built = parser.instantiate_classes(parser.parse_object({"augmentations": transforms})).augmentations
    pipeline = AugmentationPipeline(built, 5, num_workers)
    store = SoundStore(sounds / "cache", RATE)
    store.prepare(pipeline.sound_files())
    pipeline.read_sounds_from(store.copies(pipeline.sound_files()))
    sampler = LengthBucketSampler(clips.num_samples(), RATE, batch_size=3, shuffle=True, seed=5)
    sampler.set_epoch(EPOCH)
    sampler.skip_batches = skip
    dataset = ClipDataset(ClipSelection([clips]), [[1]] * len(clips), pipeline, RATE)
    loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=Collator(0), num_workers=num_workers)
    found = list(loader)
    assert pipeline.failures == 0
    return found


def are_equal(some: list, others: list) -> bool:
    return len(some) == len(others) and all(
        one.ids == other.ids and torch.equal(one.waveforms, other.waveforms)
        for one, other in zip(some, others, strict=True)
    )


def test_workers_and_a_resume_do_not_change_a_sample(
    clips: ClipStore, transforms: list[dict], sounds: Path
) -> None:
    whole = batches(clips, transforms, sounds, 0)
    assert len(whole) == 8
    for num_workers in (1, 4):
        assert are_equal(batches(clips, transforms, sounds, num_workers), whole)
    for num_workers, skip in ((0, 3), (4, 5)):
        assert are_equal(batches(clips, transforms, sounds, num_workers, skip), whole[skip:])
    plain = ClipDataset(ClipSelection([clips]), [[1]] * len(clips), None, RATE)
    originals = {(example := plain[0, index]).id: example.waveform for index in range(len(clips))}
    changed = [
        not np.array_equal(waveform[:length].numpy(), originals[name])
        for batch in whole
        for name, waveform, length in zip(batch.ids, batch.waveforms, batch.waveform_lengths, strict=True)
    ]
    assert sum(changed) > 15  # else there is little that could have differed
