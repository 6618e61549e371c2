"""A miniature tree in TIMIT's layout, with NIST SPHERE files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.timit import (
    CORE_TEST_SPEAKERS,
    DEV_SPEAKERS,
    TimedPhone,
    TimitDataset,
    fold,
    folding_table,
    read_phones,
)
from phonetics import Vocabulary

TOKENS = Path(__file__).parents[2] / "dataset_modules" / "tokens"
PHN = """0 2000 h#
2000 3000 sh
3000 3500 ix
3500 4000 hv
4000 4500 bcl
4500 5000 b
5000 5500 q
5500 6000 ax-h
6000 6500 tcl
6500 7000 pau
7000 7500 g
7500 8000 h#
"""
FOLDED = {
    61: "h# sh ix hv bcl b q ax-h tcl pau g h#",
    48: "sil sh ix hh vcl b ax cl sil g sil",
    39: "sil sh ih hh sil b ah sil g sil",
}


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[Callable[[str], str]], Path]:
    """Write the tree; names are changed as a download would."""

    def write(rename: Callable[[str], str] = str) -> Path:
        speakers = {"TRAIN": ["FCJF0", "MDAC0"], "TEST": ["FAKS0", "MDAB0", "MWBT0", "FDRD1"]}
        for part, names in speakers.items():
            for speaker in names:
                for sentence in ("SA1", "SX37", "SI648"):
                    stem = (
                        tmp_path / "TIMIT" / rename(part) / rename("DR1") / rename(speaker) / rename(sentence)
                    )
                    stem.parent.mkdir(parents=True, exist_ok=True)
                    samples = np.full(8000, 0.1 if speaker == "FCJF0" else 0.2, dtype=np.float32)
                    audio = f"{stem}{rename('.WAV')}"
                    soundfile.write(audio, samples, 16000, format="NIST", subtype="PCM_16")
                    Path(f"{stem}{rename('.PHN')}").write_text(PHN)
                    Path(f"{stem}{rename('.WRD')}").write_text("2000 4000 she\n4000 8000 had\n")
        return tmp_path / "TIMIT"

    return write


def _loaded(folder: Path, **arguments: object) -> TimitDataset:
    dataset = TimitDataset(folder, cache_dir=folder.parent / "cache", **arguments)  # type: ignore[arg-type]
    dataset.load_data()
    return dataset


@pytest.mark.parametrize("rename", [str, str.lower])
def test_splits_are_the_standard_ones_in_capitals_and_small_letters(tree, rename) -> None:
    dataset = _loaded(tree(rename))
    ids = [[recording.id for recording in dataset.recordings(split)] for split in ("train", "val", "test")]
    assert ids == [
        ["fcjf0-si648", "fcjf0-sx37", "mdac0-si648", "mdac0-sx37"],
        ["faks0-si648", "faks0-sx37"],
        ["mdab0-si648", "mdab0-sx37", "mwbt0-si648", "mwbt0-sx37"],
    ]
    assert list(dataset.recordings("train"))[0].text == "she had"
    assert list(dataset.recordings("train"))[0].speaker == "fcjf0"


def test_the_folder_may_be_one_above(tree) -> None:
    assert len(list(_loaded(tree().parent).recordings("train"))) == 4


def test_sentences_that_everybody_reads_are_there_where_asked(tree) -> None:
    assert len(list(_loaded(tree(), keep_sa=True).recordings("train"))) == 6


@pytest.mark.parametrize("folding", FOLDED)
def test_sphere_audio_and_folded_phones_are_prepared(tree, folding) -> None:
    clips = _loaded(tree(), folding=folding).prepare("train", AudioParams()).clips
    assert clips[0].phonemes == tuple(FOLDED[folding].split())
    assert clips[0].phoneme_starts is not None
    assert clips[0].phoneme_starts[1] == pytest.approx(0.125)
    assert len(clips[0].samples) == 8000
    assert clips[0].samples[100] == pytest.approx(3277, abs=1)
    Vocabulary.from_file(TOKENS / f"timit_{folding}_phones.json").encode(clips[0].phonemes)


@pytest.mark.parametrize("folding", [61, 48, 39])
def test_folding_leaves_as_many_phones_and_their_vocabulary(folding) -> None:
    phones = {phone for phone in folding_table(folding).values() if phone is not None}
    assert len(phones) == folding
    assert set(Vocabulary.from_file(TOKENS / f"timit_{folding}_phones.json").phonemes) == phones


def test_neighbouring_phones_stay_and_neighbouring_silences_become_one() -> None:
    phones = ("h#", "pau", "s", "s", "kcl", "epi", "k")
    segments = [TimedPhone(phone, float(index)) for index, phone in enumerate(phones)]
    assert [tuple(segment) for segment in fold(segments, 39)] == [
        ("sil", 0.0),
        ("s", 2.0),
        ("s", 3.0),
        ("sil", 4.0),
        ("k", 6.0),
    ]


def test_the_lists_of_speakers_are_the_usual_ones() -> None:
    assert (len(DEV_SPEAKERS), len(CORE_TEST_SPEAKERS)) == (50, 24)
    assert not DEV_SPEAKERS & CORE_TEST_SPEAKERS
    assert sum(speaker.startswith("f") for speaker in CORE_TEST_SPEAKERS) == 8


def test_an_incomplete_corpus_is_reported(tree, caplog) -> None:
    _loaded(tree())
    assert "train has 2 speakers, TIMIT has 462 there" in caplog.text


def test_a_faulty_label_file_is_one_skipped_recording(tree) -> None:
    folder = tree()
    (folder / "TRAIN/DR1/FCJF0/SX37.PHN").write_text("0 100 h#\n100 200 xx\n")
    prepared = _loaded(folder, max_skipped_share=0.3).prepare("train", AudioParams())
    assert len(prepared.clips) == 3
    (skipped,) = prepared.skipped()
    assert "line 2 must be start, end, phone, got '100 200 xx'" in skipped.reason


def test_labels_that_change_make_another_cache(tree) -> None:
    folder = tree()
    before = _loaded(folder).prepare("val", AudioParams()).fingerprint
    (folder / "TEST/DR1/FAKS0/SX37.PHN").write_text(PHN.replace("sh", "s"))
    assert _loaded(folder).prepare("val", AudioParams()).fingerprint != before


def test_a_wrong_folder_is_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="must hold TIMIT's TRAIN and TEST"):
        _loaded(tmp_path)
    with pytest.raises(ValueError, match="nowhere is not there"):
        _loaded(tmp_path / "nowhere")


def test_a_label_file_is_read_with_times_in_seconds(tmp_path) -> None:
    (tmp_path / "a.phn").write_text("0 8000 h#\n8000 16000 aa\n\n")
    assert read_phones(tmp_path / "a.phn") == [TimedPhone("h#", 0.0), TimedPhone("aa", 0.5)]
