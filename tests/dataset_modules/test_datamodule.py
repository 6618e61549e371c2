import logging
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from audiomentations import AddGaussianNoise, Gain
from audiomentations.core.transforms_interface import BaseWaveformTransform

from cli.configuration.checks import check_recordings
from dataset_modules.augmentations import AddBackgroundNoiseWrapper, SpeedPerturbation
from dataset_modules.batches.batch import Batch, ModelInterface
from dataset_modules.batches.position import PlaceError, check_place
from dataset_modules.batches.sampling import Sampling
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.synthetic import SyntheticSpeechDataset
from phonetics import Vocabulary, VocabularyError


class Counting(SyntheticSpeechDataset):
    """Counts what is asked of it; the text of its sentences decides the rest."""

    def __init__(self, cache_dir: Path, language: str | None = None, seed: int = 0, **counts: int) -> None:
        super().__init__(
            language,
            **({"num_train": 12, "num_val": 4, "num_test": 4} | counts),
            seed=seed,
            cache_dir=cache_dir,
        )
        self.calls: list[tuple[Any, ...]] = []

    def load_data(self, create_dataset: bool = False) -> None:
        self.calls.append(("load", create_dataset))
        super().load_data(create_dataset)

    def prepare(self, split: Any, audio_params: Any, *, num_proc: int = 1, rebuild: bool = False) -> Any:  # noqa: ANN401
        self.calls.append((split, rebuild))
        return super().prepare(split, audio_params, num_proc=num_proc, rebuild=rebuild)


@pytest.fixture
def dataset(tiny_cache_dir: Path) -> Counting:
    return Counting(tiny_cache_dir)


def _data(datasets: list[Counting], vocab_file: Path, **arguments: Any) -> PhonemeDataModule:  # noqa: ANN401
    return PhonemeDataModule(
        datasets, vocab_file, **({"language": "ru", "batch_size": 5, "seed": 0} | arguments)
    )  # type: ignore[arg-type]


@pytest.fixture
def data(dataset: Counting, russian_vocab_file: Path) -> PhonemeDataModule:
    module = _data([dataset], russian_vocab_file)
    module.prepare_data()
    module.setup("fit")
    module.setup("test")
    return module


def _batches(loader: Iterable[Batch]) -> list[Batch]:
    return list(loader)


def test_splits_hold_what_the_data_set_says(data: PhonemeDataModule) -> None:
    assert {split: len(clips) for split, clips in data.splits.items()} == {"train": 12, "val": 4, "test": 4}
    assert data.splits["val"].hours == pytest.approx(
        data.splits["val"].clips.num_samples().sum() / 16000 / 3600
    )
    assert [part.split for part in data.parts] == ["train", "val", "test"]


@pytest.mark.parametrize("loader", ["train", "val", "test", "predict"])
def test_batches_keep_the_contract(
    data: PhonemeDataModule, loader: str, russian_vocabulary: Vocabulary
) -> None:
    for batch in _batches(getattr(data, f"{loader}_dataloader")()):
        assert isinstance(batch, Batch)
        assert batch.waveforms.dtype == torch.float32
        assert batch.waveforms.shape == (len(batch.ids), batch.waveform_lengths.max())
        assert batch.labels.shape == (len(batch.ids), batch.label_lengths.max())
        assert batch.waveforms.abs().max() <= 1
        for row in range(len(batch.ids)):
            assert not batch.waveforms[row, batch.waveform_lengths[row] :].any()
            assert (batch.labels[row, batch.label_lengths[row] :] == russian_vocabulary.blank_id).all()
            assert (batch.labels[row, : batch.label_lengths[row]] != russian_vocabulary.blank_id).all()


def test_evaluation_comes_sorted_and_training_shuffled_by_epoch(data: PhonemeDataModule) -> None:
    lengths = [
        length for batch in _batches(data.val_dataloader()) for length in batch.waveform_lengths.tolist()
    ]
    assert lengths == sorted(lengths)
    loader = data.train_dataloader()
    orders = []
    for epoch in (0, 1, 0):
        loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
        orders.append([key for batch in _batches(loader) for key in batch.ids])
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_batches_by_one_hold_the_same_utterances(
    data: PhonemeDataModule, dataset: Counting, russian_vocab_file: Path
) -> None:
    single = _data([dataset], russian_vocab_file, batch_size=1)
    single.setup("test")
    alone = {batch.ids[0]: batch for batch in _batches(single.test_dataloader())}
    for batch in _batches(data.test_dataloader()):
        for row, key in enumerate(batch.ids):
            assert torch.equal(batch.waveforms[row, : batch.waveform_lengths[row]], alone[key].waveforms[0])
            assert torch.equal(batch.labels[row, : batch.label_lengths[row]], alone[key].labels[0])


def test_augmented_audio_does_not_depend_on_workers(dataset: Counting, russian_vocab_file: Path) -> None:
    epochs_read = []
    for num_workers in (0, 2):
        data = _data(
            [dataset],
            russian_vocab_file,
            num_workers=num_workers,
            augmentations=[AddGaussianNoise(p=0.7), Gain(p=0.7)],
        )
        data.setup("fit")
        loader = data.train_dataloader()
        epochs = []
        for epoch in (0, 1):
            loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
            epochs.append(
                {key: row for batch in loader for key, row in zip(batch.ids, batch.waveforms, strict=True)}
            )
        epochs_read.append(epochs)
    for without, with_workers in zip(*epochs_read, strict=True):
        assert without.keys() == with_workers.keys()
        assert all(torch.equal(without[key], with_workers[key]) for key in without)
    first, second = epochs_read[0]
    assert not any(
        np.array_equal(first[key], second[key]) for key in first if first[key].shape == second[key].shape
    )


def test_only_training_is_augmented(dataset: Counting, russian_vocab_file: Path) -> None:
    data = _data([dataset], russian_vocab_file, augmentations=[Gain(p=1.0)])
    data.setup("fit")
    assert data.splits["train"].augment is data.augment
    assert data.splits["val"].augment is None


def test_data_sets_follow_one_another_in_every_split(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    data = _data([Counting(tiny_cache_dir), Counting(tiny_cache_dir, seed=1)], russian_vocab_file)
    data.setup("validate")
    assert len(data.splits["val"]) == 8
    assert [part.split for part in data.parts] == ["val", "val"]


def test_language_fills_in_for_data_sets_without_one(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    datasets = [Counting(tiny_cache_dir), Counting(tiny_cache_dir, language="de")]
    _data(datasets, russian_vocab_file)
    assert [dataset.language for dataset in datasets] == ["ru", "de"]


def test_a_cache_is_made_anew_once_however_often_it_is_prepared(
    tmp_path: Path, russian_vocab_file: Path
) -> None:
    dataset = Counting(tmp_path, num_train=2, num_val=2, num_test=2)
    data = _data([dataset], russian_vocab_file, create_dataset=True)
    for stage in ("fit", "validate", "test"):
        data.prepare_data()
        data.setup(stage)
    assert [call for call in dataset.calls if call[1]] == [
        ("load", True), ("train", True), ("val", True), ("test", True),
    ]  # fmt: skip
    assert [call for call in dataset.calls if call[0] == "load"] == [("load", True)]


@pytest.mark.parametrize(
    ("stage", "splits"),
    [("fit", ["train", "val", "test"]), ("validate", ["val"]), ("test", ["test"]), ("predict", ["test"])],
)
def test_only_what_a_stage_reads_is_prepared(
    dataset: Counting, russian_vocab_file: Path, stage: str, splits: list[str]
) -> None:
    data = _data([dataset], russian_vocab_file)
    data.trainer = SimpleNamespace(state=SimpleNamespace(fn=stage))  # type: ignore[assignment]
    data.prepare_data()
    assert [call[0] for call in dataset.calls] == ["load", *splits]


def test_ranks_share_the_batches(data: PhonemeDataModule) -> None:
    seen = []
    for rank in range(2):
        progress = SimpleNamespace(current=SimpleNamespace(processed=0, ready=0), is_last_batch=False)
        batches = SimpleNamespace(batch_progress=progress)
        loop = SimpleNamespace(
            epoch_loop=batches, epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=3))
        )
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            global_rank=rank,
            world_size=2,
            fit_loop=loop,
            state=SimpleNamespace(fn="fit"),
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
        )
        loader = data.train_dataloader()
        assert loader.batch_sampler.epoch == 3  # type: ignore[union-attr]
        seen += [key for batch in _batches(loader) for key in batch.ids]
    assert sorted(seen) == sorted(f"train-{index:05d}" for index in range(12))


def _after(processed: int, *, is_last: bool = False) -> SimpleNamespace:
    """A Trainer that has taken up a checkpoint which was written as a batch ended."""
    counts = SimpleNamespace(ready=processed, processed=processed, completed=processed - 1)
    batches = SimpleNamespace(batch_progress=SimpleNamespace(current=counts, is_last_batch=is_last))
    epochs = SimpleNamespace(current=SimpleNamespace(processed=0))
    return SimpleNamespace(
        global_rank=0,
        is_global_zero=True,
        world_size=1,
        accumulate_grad_batches=1,
        fit_loop=SimpleNamespace(epoch_loop=batches, epoch_progress=epochs),
        state=SimpleNamespace(fn="fit"),
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
    )


def test_a_checkpoint_written_as_a_batch_ended_counts_that_batch(data: PhonemeDataModule) -> None:
    data.trainer = _after(1)  # type: ignore[assignment]
    loader = data.train_dataloader()
    order = loader.batch_sampler.batches(0)  # type: ignore[union-attr]
    assert len(_batches(loader)) == len(order) - 1


def test_a_finished_epoch_is_not_gone_on_with_however_many_batches_there_are(data: PhonemeDataModule) -> None:
    """Where epochs are cut short (limit_train_batches), or have more batches than they had."""
    data.trainer = _after(1, is_last=True)  # type: ignore[assignment]
    data.load_state_dict(data.state_dict() | {"batch_size": 100})
    loader = data.train_dataloader()
    assert len(_batches(loader)) == len(loader)


@pytest.mark.parametrize("done", [1, 100])
def test_a_place_among_other_batches_is_refused(data: PhonemeDataModule, done: int) -> None:
    """Also where epochs have fewer batches than were done: what is left of this one would be left out."""
    data.trainer = _after(done)  # type: ignore[assignment]
    data.load_state_dict(data.state_dict() | {"world_size": 2})
    with pytest.raises(PlaceError, match="number of processes .* was 2, is 1"):
        data.train_dataloader()
    data.trainer = _after(1)  # type: ignore[assignment]
    data.load_state_dict(data.state_dict())
    data.train_dataloader()


def test_an_empty_training_split_is_refused(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    data = _data([Counting(tiny_cache_dir, num_train=0)], russian_vocab_file)
    data.setup("fit")
    with pytest.raises(ValueError, match="the training split holds no usable recordings"):
        data.train_dataloader()


def test_empty_evaluation_splits_are_no_batches(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    data = _data([Counting(tiny_cache_dir, num_val=0)], russian_vocab_file)
    data.setup("validate")
    assert _batches(data.val_dataloader()) == []


def test_phonemes_outside_the_vocabulary_follow_the_policy(dataset: Counting, tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text('{"[PAD]": 0, "[UNK]": 1, "a": 2}')
    for refusing in ({}, {"unknown_phonemes": "refuse"}):
        with pytest.raises(
            VocabularyError, match=r"not in the vocabulary: .* \(\d+×\).* add them to model.vocab_file"
        ):
            _data([dataset], path, **refusing).setup("validate")
    lenient = _data([dataset], path, unknown_phonemes="map_to_unknown")
    lenient.setup("validate")
    assert {label for labels in lenient.splits["val"].labels for label in labels} <= {1, 2}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"num_proc": 0}, "num_proc must be at least 1, got 0"),
        ({"max_batch_seconds": 0.0}, r"max_batch_seconds must be positive, auto or null, got 0\.0"),
    ],
)
def test_mistakes_are_named(
    dataset: Counting, russian_vocab_file: Path, arguments: dict, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        _data([dataset], russian_vocab_file, **arguments)


def test_the_seed_of_the_run_is_taken(
    dataset: Counting, russian_vocab_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "17")
    assert _data([dataset], russian_vocab_file, seed=None).seed == 17


class Fragile(BaseWaveformTransform):
    """Fails on every clip."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        raise RuntimeError("broken")


def test_failures_of_all_readers_are_one_line_with_names_and_ids(
    dataset: Counting, russian_vocab_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Strategy:
        root_device = torch.device("cpu")

        def reduce(self, counts: torch.Tensor, reduce_op: str) -> torch.Tensor:
            assert reduce_op == "sum"
            return 2 * counts  # another rank had as many

    module = _data([dataset], russian_vocab_file, augmentations=[Gain(p=0.0), Fragile(p=1.0)], num_workers=2)
    module.prepare_data()
    module.setup("fit")
    assert module.augment is not None
    assert module.augment.failures == 0  # warming up does not count
    list(module.train_dataloader())
    assert module.augment.failures == 12
    module.trainer = SimpleNamespace(is_global_zero=True, strategy=Strategy())  # type: ignore[assignment]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        module.report_failures()
        module.report_failures()  # nothing new to log
    (record,) = caplog.records
    assert "failed 24×" in record.getMessage()
    assert "Fragile 24 (first: train-" in record.getMessage()


def test_a_limit_in_seconds_holds_for_slowed_clips(dataset: Counting, russian_vocab_file: Path) -> None:
    module = _data(
        [dataset],
        russian_vocab_file,
        max_batch_seconds=9.0,
        augmentations=[SpeedPerturbation([0.5])],
    )
    module.prepare_data()
    module.setup("fit")
    shapes = [batch.waveforms.shape for batch in module.train_dataloader()]
    longest = 2 * module.splits["train"].clips.num_samples().max()
    assert max(clips * samples for clips, samples in shapes) <= max(9.0 * 16000, longest + 1)
    assert max(samples for _, samples in shapes) == pytest.approx(longest, abs=2)
    assert module.batch_seconds("val") == 9.0


def test_a_place_among_batches_for_other_speeds_is_refused(
    dataset: Counting, russian_vocab_file: Path
) -> None:
    stored = None
    for factors in ([1.0], [0.5]):
        module = _data(
            [dataset],
            russian_vocab_file,
            max_batch_seconds=9.0,
            augmentations=[SpeedPerturbation(factors)],
        )
        module.setup("fit")
        module.trainer = _after(1)  # type: ignore[assignment]
        if stored:
            module.load_state_dict(stored)
            with pytest.raises(PlaceError, match=r"longest stretch .* was 9\.0, is 4\.5"):
                module.train_dataloader()
        stored = module.state_dict()


def test_sounds_are_prepared_beside_the_cache_of_the_data(
    dataset: Counting, russian_vocab_file: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 22050)
    soundfile.write(tmp_path / "noise.wav", noise, 22050)
    module = _data([dataset], russian_vocab_file, augmentations=[AddBackgroundNoiseWrapper(tmp_path, p=1.0)])
    module.prepare_data()
    module.setup("fit")
    assert module.augment is not None
    (sound,) = module.augment.sound_files()
    assert sound.parent == dataset.cache_dir / "sounds" / "16000"
    first = [batch.waveforms for batch in module.train_dataloader()]
    module.prepare_data()  # as Lightning does before every fit
    module.setup("fit")
    assert module.augment.sound_files() == [sound]
    assert all(map(torch.equal, first, [batch.waveforms for batch in module.train_dataloader()]))


def _trainer(device: str, fn: str = "fit", world: float | None = None) -> SimpleNamespace:
    strategy = SimpleNamespace(
        root_device=torch.device(device),
        reduce=lambda value, reduce_op: value if world is None else torch.tensor(world),
    )
    return SimpleNamespace(
        strategy=strategy,
        state=SimpleNamespace(fn=fn),
        global_rank=0,
        world_size=1,
        accumulate_grad_batches=1,
    )


def test_auto_tries_the_device_once_and_a_continued_run_takes_what_was_found(
    dataset: Counting, russian_vocab_file: Path
) -> None:
    tried = []

    def fits(count: int, num_samples: int) -> bool:
        tried.append(num_samples)
        return count <= 10

    data = _data([dataset], russian_vocab_file, max_batch_seconds="auto")
    data.setup("fit")
    data.trainer = _trainer("cuda")  # type: ignore[assignment]
    data.connect(ModelInterface(fits=fits))
    longest = data.splits["train"].clips.num_samples().max()
    found = data.batch_seconds("train")
    assert found == pytest.approx(10 * 0.9 * longest / 16000)
    assert set(tried) == {longest}
    count = len(tried)
    assert data.batch_seconds("train") == found
    assert len(tried) == count
    sampler = data.sampler("train", shuffle=True)
    assert max(sampler.num_samples[batch].max() * len(batch) for batch in sampler.batches(0)) <= found * 16000

    continued = _data([dataset], russian_vocab_file, max_batch_seconds="auto")
    continued.setup("fit")
    continued.trainer = _trainer("cuda")  # type: ignore[assignment]
    continued.connect(ModelInterface(fits=lambda *_: pytest.fail("a continued run must not try again")))
    continued.load_state_dict(data.state_dict())
    assert continued.batch_seconds("train") == found


def test_auto_takes_what_the_smallest_device_holds(dataset: Counting, russian_vocab_file: Path) -> None:
    data = _data([dataset], russian_vocab_file, max_batch_seconds="auto")
    data.setup("fit")
    data.trainer = _trainer("cuda", world=7.0)  # type: ignore[assignment]
    data.connect(ModelInterface(fits=lambda count, _: count < 20))
    assert data.batch_seconds("train") == 7.0


def test_auto_is_a_figure_where_there_is_no_accelerator(dataset: Counting, russian_vocab_file: Path) -> None:
    data = _data([dataset], russian_vocab_file, max_batch_seconds="auto")
    assert data.batch_seconds("train") == 60.0
    data.trainer = _trainer("cpu")  # type: ignore[assignment]
    assert data.batch_seconds("train") == 60.0
    assert "found_batch_seconds" not in data.state_dict()


def test_a_data_set_comes_first_and_stays_without_augmentation(
    tiny_cache_dir: Path, russian_vocab_file: Path
) -> None:
    first, other = Counting(tiny_cache_dir, seed=1), Counting(tiny_cache_dir)
    first.comes_first, first.augmented = True, False
    louder = [Gain(min_gain_db=-6.0, max_gain_db=-6.0, p=1.0)]
    data = _data([other, first], russian_vocab_file, batch_size=4, augmentations=louder)
    data.prepare_data()
    data.setup("fit")
    numbers = [index for batch in data.sampler("train", shuffle=True).batches(0) for index in batch]
    count = len(data.parts[0].usable.indices)
    assert min(numbers[: len(numbers) - count]) >= count
    peaks = [np.abs(data.splits["train"][0, index].waveform).max() for index in range(len(numbers))]
    plain = [np.abs(data.splits["train"].clips[index].samples).max() / 32767 for index in range(len(numbers))]
    changed = [not np.isclose(one, another) for one, another in zip(peaks, plain, strict=True)]
    assert changed == [True] * count + [False] * (len(numbers) - count)


def test_a_data_set_has_augmentations_of_its_own(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    other, noisy = Counting(tiny_cache_dir), Counting(tiny_cache_dir, seed=1)
    noisy.augmentations = [Gain(min_gain_db=-6.0, max_gain_db=-6.0, p=1.0), SpeedPerturbation([0.5])]  # type: ignore[list-item]
    data = _data([other, noisy], russian_vocab_file, max_batch_seconds=60.0)
    data.setup("fit")
    assert data.batch_seconds("train") == 30.0
    train, count = data.splits["train"], len(data.parts[0].usable.indices)
    lengths = [len(train[0, index].waveform) / len(train.clips[index].samples) for index in range(len(train))]
    assert lengths == pytest.approx([1.0] * count + [2.0] * (len(train) - count), rel=1e-3)
    assert len(data.splits["val"][0, 0].waveform) == len(data.splits["val"].clips[0].samples)
    other.augmentations, noisy.augmentations = None, None
    assert _data([other, noisy], russian_vocab_file).augment is None


def test_what_comes_first_needs_batches_of_a_size(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    first = Counting(tiny_cache_dir)
    first.comes_first = True
    with pytest.raises(ValueError, match="comes_first orders batches of batch_size"):
        _data([first], russian_vocab_file, max_batch_seconds=9.0)


@pytest.mark.parametrize("by", ["dataset", "speaker", "language"])
def test_drawn_clips_and_their_audio_do_not_depend_on_workers(
    by: Any,  # noqa: ANN401
    tiny_cache_dir: Path,
    russian_vocab_file: Path,
) -> None:
    many, few = Counting(tiny_cache_dir, seed=1), Counting(tiny_cache_dir, num_train=2)
    few.weight = 4.0
    read = []
    for num_workers in (0, 4):
        data = _data(
            [many, few],
            russian_vocab_file,
            num_workers=num_workers,
            sampling=Sampling(by, temperature=0.5),
            augmentations=[AddGaussianNoise(p=1.0)],
        )
        data.setup("fit")
        loader = data.train_dataloader()
        loader.batch_sampler.set_epoch(2)  # type: ignore[union-attr]
        read.append(_batches(loader))
    for one, other in zip(*read, strict=True):
        assert one.ids == other.ids
        assert torch.equal(one.waveforms, other.waveforms)
    assert sum(len(batch.ids) for batch in read[0]) == len(data.splits["train"])
    again: dict[int, list[Any]] = {}
    for batch in read[0]:
        for row, waveform, length in zip(batch.rows, batch.waveforms, batch.waveform_lengths, strict=True):
            again.setdefault(row, []).append(waveform[:length])
    repeated = [waveforms for waveforms in again.values() if len(waveforms) > 1]
    assert repeated
    assert not any(torch.equal(waveforms[0], waveforms[1]) for waveforms in repeated)


def test_a_resumed_epoch_with_other_draws_is_refused(dataset: Counting, russian_vocab_file: Path) -> None:
    drawn = _data([dataset], russian_vocab_file, sampling=Sampling("speaker"))
    plain = _data([dataset], russian_vocab_file)
    with pytest.raises(PlaceError, match=r"data\.sampling or the weight of a data set was null, is Sampling"):
        check_place(plain.state_dict(), drawn.state_dict())
    check_place(drawn.state_dict(), drawn.state_dict())


class Nameless(Counting):
    """Does not name the speakers of two recordings."""

    def get_train_data(self) -> Iterable[Any]:
        recordings = list(super().get_train_data())
        return [*(one._replace(speaker=None) for one in recordings[:2]), *recordings[2:]]


def test_clips_of_unknown_groups_are_refused_by_name(tiny_cache_dir: Path, russian_vocab_file: Path) -> None:
    datasets: list[Counting] = [Counting(tiny_cache_dir), Nameless(tiny_cache_dir)]
    data = _data(datasets, russian_vocab_file, sampling=Sampling("speaker"))
    lacks = r"needs the speaker of each clip, data.dataset_classes\[1\] lacks it for 2 of 12"
    with pytest.raises(ValueError, match=lacks):
        check_recordings(data, "fit")
    check_recordings(data, "test")
    check_recordings(_data(datasets, russian_vocab_file, sampling=Sampling("dataset")), "fit")


@pytest.mark.parametrize(
    ("weight", "sampling", "message"),
    [(2.0, None, "weight of a data set needs data.sampling"), (0.0, Sampling("dataset"), "must be above 0")],
)
def test_weights_without_an_effect_are_refused(
    tiny_cache_dir: Path,
    russian_vocab_file: Path,
    weight: float,
    sampling: Any,
    message: str,  # noqa: ANN401
) -> None:
    dataset = Counting(tiny_cache_dir)
    dataset.weight = weight
    with pytest.raises(ValueError, match=message):
        _data([dataset], russian_vocab_file, sampling=sampling)
