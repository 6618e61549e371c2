from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from dataset_modules.base_dataset import BaseDataset
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.recording import Recording
from phonetics import EspeakPhonemes, IpaNormaliser, LexiconPhonemes


class WavFolder(BaseDataset):
    """``folder/{train,val,test}/*.wav``, each with a transcript of the same name that ends in ``.txt``."""

    def __init__(
        self, folder: Path, cache_dir: str | Path = "./data/cache", language: str | None = None
    ) -> None:
        super().__init__(cache_dir, language)
        self.folder = folder

    def load_data(self, create_dataset: bool = False) -> None:
        if not self.folder.is_dir():
            raise ValueError(f"WavFolder: folder must be there, {self.folder} is not")

    def get_train_data(self) -> Iterable[Recording]:
        return self._read("train")

    def get_val_data(self) -> Iterable[Recording]:
        return self._read("val")

    def get_test_data(self) -> Iterable[Recording]:
        return self._read("test")

    def _read(self, split: str) -> Iterable[Recording]:
        for audio in sorted((self.folder / split).glob("*.wav")):
            file = audio.with_suffix(".txt")
            text = file.read_text(encoding="utf-8", errors="surrogateescape") if file.is_file() else None
            yield Recording(audio.stem, audio, text=text)


class Given(BaseDataset):
    """Recordings that the test made."""

    def __init__(self, recordings: list[Recording], cache_dir: Path, **arguments: object) -> None:
        super().__init__(cache_dir, **arguments)  # type: ignore[arg-type]
        self.given = recordings

    def load_data(self, create_dataset: bool = False) -> None:
        pass

    def get_train_data(self) -> Iterable[Recording]:
        return self.given

    get_val_data = get_test_data = get_train_data


@pytest.fixture
def folder(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    for split, texts in {"train": ("да", "нет", "да нет"), "val": ("нет да",), "test": ("да да",)}.items():
        for number, text in enumerate(texts):
            audio = write_tone(
                tmp_path / "speech" / split / f"{number}.wav", seconds=0.5 + number, rate=22050
            )
            audio.with_suffix(".txt").write_text(text, encoding="utf-8")
    return tmp_path / "speech"


def test_a_users_data_set_is_prepared(folder: Path, tmp_path: Path) -> None:
    dataset = WavFolder(folder, tmp_path / "cache", language="ru")
    dataset.load_data()
    clips = dataset.prepare("train", AudioParams()).clips
    assert [clips[index].phonemes for index in range(3)] == [
        ("d", "ɑ"),
        ("nʲ", "e", "t"),
        ("d", "ɑ", "|", "nʲ", "e", "t"),
    ]
    assert clips.num_samples().tolist() == [8000, 24000, 40000]
    assert clips[0].language == "ru"


def test_a_users_data_set_counts_bad_transcripts(folder: Path, tmp_path: Path) -> None:
    (folder / "train" / "0.txt").unlink()
    (folder / "train" / "1.txt").write_bytes("нет".encode("cp1251"))
    dataset = WavFolder(folder, tmp_path / "cache", language="ru")
    dataset.check_texts()
    prepared = dataset.prepare("train", AudioParams())
    assert {key: reason.split(",")[0] for key, _, reason in prepared.skipped()} == {
        "0": "neither phonemes nor a text that could be turned into them",
        "1": "its text must be UTF-8",
    }
    assert [prepared.clips[index].id for index in range(len(prepared.clips))] == ["2"]


def test_a_users_data_set_is_batched(folder: Path, tmp_path: Path, russian_vocab_file: Path) -> None:
    data = PhonemeDataModule(
        [WavFolder(folder, tmp_path / "cache")], russian_vocab_file, language="ru", batch_size=2
    )
    data.prepare_data()
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert sorted(key for batch in batches for key in batch.ids) == ["0", "1", "2"]
    expected = {"0": ["d", "ɑ"], "1": ["nʲ", "e", "t"], "2": ["d", "ɑ", "|", "nʲ", "e", "t"]}
    for batch in batches:
        for row, key in enumerate(batch.ids):
            assert (
                data.vocabulary.decode(batch.labels[row, : batch.label_lengths[row]].tolist())
                == expected[key]
            )


def _texts(tmp_path: Path, write_tone: Callable[..., Path], *languages: str | None) -> list[Recording]:
    audio = write_tone(tmp_path / "a.wav")
    return [
        Recording(str(index), audio, text="ja", language=language) for index, language in enumerate(languages)
    ]


def test_the_recordings_own_language_decides(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    dataset = Given(_texts(tmp_path, write_tone, "de"), tmp_path / "cache", language="ru")
    assert dataset.prepare("train", AudioParams()).clips[0].phonemes == ("j", "ɑː")


@pytest.mark.parametrize("languages", [("de", "ru"), ("de", None), (None,)])
def test_texts_of_several_or_no_languages_are_refused(
    tmp_path: Path, write_tone: Callable[..., Path], languages: tuple[str | None, ...]
) -> None:
    dataset = Given(_texts(tmp_path, write_tone, *languages), tmp_path / "cache")
    with pytest.raises(ValueError, match="Given: language must be given .* one for all"):
        dataset.prepare("train", AudioParams())


def test_texts_are_no_labels_without_a_backend(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    dataset = Given(_texts(tmp_path, write_tone, None), tmp_path / "cache", text_to_phonemes="none")
    (skipped,) = dataset.prepare("train", AudioParams()).skipped()
    assert (skipped.id, skipped.path) == ("0", str(tmp_path / "a.wav"))
    assert "neither phonemes nor a text" in skipped.reason


def test_all_methods_must_be_written() -> None:
    with pytest.raises(TypeError, match="get_test_data"):
        type("Half", (BaseDataset,), {"load_data": lambda self: None})()


def test_what_a_data_set_leaves_open_is_the_data_sections(
    tmp_path: Path, write_tone: Callable[..., Path], russian_vocab_file: Path
) -> None:
    (tmp_path / "words.dict").write_text("ja j aː\n", encoding="utf-8")
    recordings = _texts(tmp_path, write_tone, None)
    own = Given(
        recordings, tmp_path / "cache", text_to_phonemes=EspeakPhonemes("de"), normalisation=IpaNormaliser()
    )
    plain = Given(recordings, tmp_path / "cache")
    PhonemeDataModule(
        [own, plain],
        russian_vocab_file,
        text_to_phonemes=LexiconPhonemes(tmp_path / "words.dict", fallback="none"),
        normalisation=IpaNormaliser(keep_length=False),
    )
    assert own.prepare("train", AudioParams()).clips[0].phonemes == ("j", "ɑː")
    assert plain.prepare("train", AudioParams()).clips[0].phonemes == ("j", "a")


def test_texts_with_words_that_nothing_pronounces_are_skipped(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    (tmp_path / "words.dict").write_text("ja j aː\n", encoding="utf-8")
    recordings = _texts(tmp_path, write_tone, None, None)
    recordings[1] = recordings[1]._replace(text="ja nein")
    lexicon = LexiconPhonemes(tmp_path / "words.dict", fallback="none")
    dataset = Given(recordings, tmp_path / "cache", text_to_phonemes=lexicon, max_skipped_share=0.5)
    prepared = dataset.prepare("train", AudioParams())
    assert [clip.id for clip in prepared.clips] == ["0"]
    (skipped,) = prepared.skipped()
    assert skipped.id == "1"
    assert skipped.reason.startswith("'nein' is not in the lexicon")


def test_phonemes_of_texts_are_kept_beside_the_clips(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    dataset = Given(_texts(tmp_path, write_tone, "de"), tmp_path / "cache")
    settings = dataset.preparation_settings({"de"}, AudioParams())
    assert settings.to_phonemes is not None
    assert settings.to_phonemes("ja") == ("j", "ˈɑː")
    assert (tmp_path / "cache" / "phonemes.sqlite3").is_file()


def test_an_unknown_language_is_refused_only_for_texts(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    with pytest.raises(ValueError, match="nearest: en-us"):
        Given(_texts(tmp_path, write_tone, "en"), tmp_path / "cache").check_texts()
    labelled = [Recording("1", write_tone(tmp_path / "a.wav"), phonemes=("a",), language="en")]
    Given(labelled, tmp_path / "cache").check_texts()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"min_seconds": -1.0}, "min_seconds must be 0 or more and max_seconds must be larger"),
        ({"min_seconds": 2.0, "max_seconds": 1.0}, r"min_seconds .*, got 2\.0 and 1\.0"),
        ({"silence_db": 6.0}, r"silence_db must be 0 or less .*, got 6\.0"),
        ({"max_skipped_share": 1.5}, r"max_skipped_share must be in 0…1, got 1\.5"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(
    tmp_path: Path, arguments: dict[str, float], complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"Given: {complaint}"):
        Given([], tmp_path, **arguments)


def test_limits_reach_the_preparation(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    recordings = [
        Recording(f"{seconds} s", write_tone(tmp_path / f"{seconds}.wav", seconds), phonemes=("a",))
        for seconds in (0.2, 0.5, 1.0)
    ]
    dataset = Given(recordings, tmp_path / "cache", min_seconds=0.3, max_seconds=0.7, audio_storage="flac")
    prepared = dataset.prepare("train", AudioParams())
    assert [skipped.id for skipped in prepared.skipped()] == ["0.2 s", "1.0 s"]
    assert prepared.clips[0].id == "0.5 s"
    plain = Given(recordings, tmp_path / "cache", max_seconds=None, silence_db=0.0)
    assert [skipped.reason[:12] for skipped in plain.prepare("train", AudioParams()).skipped()] == [
        "it is silent"
    ] * 3
