import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from callbacks.every_run.run_description import _sizes
from dataset_modules.base_dataset import BaseDataset
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.labels.skipping import counted, num_allowed, write_skipped
from dataset_modules.recording import AudioError, Recording
from phonetics import VocabularyError


class Given(BaseDataset):
    """Recordings that the test made, for training and validation."""

    def __init__(
        self, train: list[Recording], val: list[Recording], cache_dir: Path, **arguments: object
    ) -> None:
        super().__init__(cache_dir, **arguments)  # type: ignore[arg-type]
        self.train, self.val = train, val

    def load_data(self, create_dataset: bool = False) -> None:
        pass

    def get_train_data(self) -> Iterable[Recording]:
        return self.train

    def get_val_data(self) -> Iterable[Recording]:
        return self.val

    def get_test_data(self) -> Iterable[Recording]:
        return []


@pytest.fixture
def recordings(tmp_path: Path, write_tone: Callable[..., Path]) -> Callable[..., list[Recording]]:
    audio = write_tone(tmp_path / "good.wav")

    def make(good: int, bad: int = 0, foreign: int = 0) -> list[Recording]:
        return [
            *(Recording(f"good-{n}", audio, phonemes=("a",)) for n in range(good)),
            *(Recording(f"bad-{n}", tmp_path / "gone.wav", phonemes=("a",)) for n in range(bad)),
            *(Recording(f"foreign-{n}", audio, phonemes=("a", "ǃ")) for n in range(foreign)),
        ]

    return make


@pytest.fixture
def open_data(tmp_path: Path, russian_vocab_file: Path) -> Callable[..., PhonemeDataModule]:
    def make(train: list[Recording], val: list[Recording], **arguments: object) -> PhonemeDataModule:
        data = PhonemeDataModule([Given(train, val, tmp_path / "cache", **arguments)], russian_vocab_file)
        data.setup("fit")
        return data

    return make


class Repeated(Given):
    """Recordings that are used three times."""

    def times_used(self, split: str) -> int:
        return 3 if split == "train" else 1

    def get_train_data(self) -> Iterable[Recording]:
        yield from self.train
        for number in (1, 2):
            yield from (one._replace(id=f"{one.id}#{number}") for one in self.train)


class Synthetic(Given):
    """Recordings that pass for synthetic speech."""

    is_synthetic = True


def test_copies_and_synthetic_sentences_are_no_skipped_recordings(
    tmp_path: Path, recordings: Callable, russian_vocab_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    datasets = [
        Repeated(recordings(6, bad=1, foreign=1), [], tmp_path / "a"),
        Synthetic(recordings(9), [], tmp_path / "b"),
    ]
    data = PhonemeDataModule(datasets, russian_vocab_file)
    with caplog.at_level(logging.INFO):
        data.setup("fit")
    assert "Repeated: 2 of 8 train recordings skipped: bad-0: " in caplog.text
    assert "#" not in caplog.text
    assert "train: 27 clips, " in caplog.text
    assert "; 8 recordings, each used 3 times; 9 synthetic sentences" in caplog.text
    assert counted(data.parts) == "2 of 8 train"
    write_skipped(tmp_path / "skipped.tsv", data.parts)
    assert (tmp_path / "skipped.tsv").read_text(encoding="utf-8").count("\n") == 3
    sizes = _sizes(data)["train"]
    assert [sizes[key] for key in ("recordings", "synthetic", "copies", "skipped", "clips")] == [
        17,
        9,
        12,
        2,
        27,
    ]


@pytest.mark.parametrize(
    ("total", "share", "allowed"),
    [(1000, 0.2, 200), (1000, 0.0, 0), (1000, None, 100), (100, None, 20), (30, None, 15), (0, None, 0)],
)
def test_a_tenth_may_be_skipped_or_a_handful_of_a_small_set(
    total: int, share: float | None, allowed: float
) -> None:
    assert num_allowed(total, share) == allowed


def test_the_good_are_used_and_the_bad_counted_named_and_listed(
    tmp_path: Path, recordings: Callable, open_data: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        data = open_data(recordings(6, bad=1, foreign=1), recordings(3, bad=1))
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [6, 3, 0]
    assert "Given: 2 of 8 train recordings skipped: bad-0: " in caplog.text
    assert "Given: 1 of 4 val recordings skipped: bad-0: " in caplog.text
    write_skipped(tmp_path / "skipped.tsv", data.parts)
    rows = [line.split("\t") for line in (tmp_path / "skipped.tsv").read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["split", "id", "path", "reason"]
    assert [row[:3] for row in rows[1:]] == [
        ["train", "bad-0", str(tmp_path / "gone.wav")],
        ["train", "foreign-0", str(tmp_path / "good.wav")],
        ["val", "bad-0", str(tmp_path / "gone.wav")],
    ]
    assert rows[2][3] == "phonemes must be in the vocabulary, these are not: ǃ"


def test_a_reason_stays_in_its_cell(
    tmp_path: Path, recordings: Callable, open_data: Callable, write_tone: Callable[..., Path]
) -> None:
    odd = Recording("two\nlines\tand \udcff", write_tone(tmp_path / "odd.wav"), phonemes=("a",))
    write_skipped(tmp_path / "skipped.tsv", open_data([*recordings(5), odd], []).parts)
    (row,) = (tmp_path / "skipped.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert row.split("\t")[1] == "two lines and \\udcff"


def test_too_many_are_an_error_with_few_examples(recordings: Callable, open_data: Callable) -> None:
    for _ in range(2):  # from the cache as well
        with pytest.raises(
            AudioError, match=r"Given: 7 of 11 train .*bad-4: .*max_skipped_share=0\.2"
        ) as caught:
            open_data(recordings(4, bad=7), [], max_skipped_share=0.2)
        assert "bad-5" not in str(caught.value)


def test_splits_are_judged_together(recordings: Callable, open_data: Callable) -> None:
    open_data(recordings(8), recordings(0, bad=2), max_skipped_share=0.2)  # all of one split, a fifth of all
    with pytest.raises(AudioError, match="1 of 9 train, 2 of 2 val recordings skipped"):
        open_data(recordings(8, bad=1), recordings(0, bad=2), max_skipped_share=0.2)


@pytest.mark.parametrize("foreign", [0, 1])
def test_evaluation_takes_what_training_took(
    tmp_path: Path,
    recordings: Callable,
    russian_vocab_file: Path,
    caplog: pytest.LogCaptureFixture,
    foreign: int,
) -> None:
    """A split alone may have lost more than all together."""
    dataset = Given(
        recordings(20),
        recordings(1, bad=2 - foreign, foreign=foreign),
        tmp_path / "cache",
        max_skipped_share=0.1,
    )
    for stage in ("fit", "validate"):
        data = PhonemeDataModule([dataset], russian_vocab_file)
        with caplog.at_level(logging.WARNING):
            data.setup(stage)
        assert len(data.splits["val"]) == 1
        assert "Given: 2 of 3 val recordings skipped: " in caplog.text
        caplog.clear()


def test_evaluation_of_nothing_is_refused(
    tmp_path: Path, recordings: Callable, russian_vocab_file: Path
) -> None:
    data = PhonemeDataModule(
        [Given(recordings(9), recordings(0, bad=2), tmp_path / "cache")], russian_vocab_file
    )
    with pytest.raises(AudioError, match="Given: 2 of 2 val recordings skipped: bad-0: .*; nothing is left"):
        data.setup("validate")


def test_bad_recordings_of_one_id_are_each_counted(recordings: Callable, open_data: Callable) -> None:
    with pytest.raises(AudioError, match="3 of 7 train recordings"):
        open_data([*recordings(4), *recordings(0, bad=1) * 3], [], max_skipped_share=0.4)


def test_a_wrong_vocabulary_is_refused_by_its_unknown_phonemes(
    recordings: Callable, open_data: Callable
) -> None:
    with pytest.raises(
        VocabularyError, match=r"9 phonemes of 1 kinds .*: ǃ \(9×\); add them to model.vocab_file"
    ):
        open_data(recordings(5, foreign=9), [])


def test_training_on_nothing_is_refused(recordings: Callable, open_data: Callable) -> None:
    data = open_data(recordings(0, bad=1), recordings(9))
    with pytest.raises(AudioError, match="the training split holds no usable recordings"):
        data.train_dataloader()
