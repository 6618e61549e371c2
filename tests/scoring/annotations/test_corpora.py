"""Made-up folders in the layouts of the corpora are read; what is damaged is one fault each."""

import json
from pathlib import Path

import pytest
from praatio import textgrid as praatio

from dataset_modules.recording import SAID
from scoring.annotations.annotated_table import annotated_by_columns
from scoring.annotations.contract import AnnotatedUtterance
from scoring.annotations.corpora import CORPORA
from scoring.annotations.corpus_dataset import PronunciationCorpus


@pytest.fixture
def speechocean(tmp_path):
    (tmp_path / "WAVE/SPEAKER0001").mkdir(parents=True)
    (tmp_path / "test").mkdir()
    (tmp_path / "resource").mkdir()
    names = ["000010011", "000010012", "000010013", "000010014"]
    for table, cell in (
        ("wav.scp", "WAVE/SPEAKER0001/{}.WAV"),
        ("text", "WE CALL IT {}"),
        ("utt2spk", "0001"),
    ):
        (tmp_path / "test" / table).write_text("".join(f"{name}\t{cell.format(name)}\n" for name in names))
    (tmp_path / "test/spk2gender").write_text("0001 m\n")
    for name in names:
        (tmp_path / f"WAVE/SPEAKER0001/{name}.WAV").write_bytes(b"")
    word = {
        **{"accuracy": 6, "stress": 10, "total": 6, "text": "THAT", "phones": ["DH", "AE0", "T"]},
        "phones-accuracy": [0.2, 2.0, 1.0],
        "mispronunciations": [{"canonical-phone": "DH", "index": 0, "pronounced-phone": "D"}],
    }
    missing = {
        **word,
        "mispronunciations": [{"canonical-phone": "T", "index": 2, "pronounced-phone": "<DEL>"}],
    }
    accented = {**word, "mispronunciations": [{"canonical-phone": "T", "index": 2, "pronounced-phone": "T*"}]}
    unknown = {**word, "phones": ["DH", "Q9", "T"]}
    empty = {**word, "phones": [], "phones-accuracy": [], "mispronunciations": []}
    grades = {
        names[0]: {"text": "THAT THAT", "total": 7, "accuracy": 8, "words": [word, empty, missing]},
        names[1]: {"text": "THAT", "total": 7, "words": [unknown]},
        names[2]: {"text": "THAT", "total": 7},
        "000019999": {"text": "THAT", "total": 1, "words": [accented]},
    }
    (tmp_path / "resource/scores.json").write_text(json.dumps(grades))
    return tmp_path


def test_speechocean762_is_read_with_grades_and_errors(speechocean):
    first, unknown, cut, ungraded = CORPORA["speechocean762"].read(speechocean, "test")
    assert (first.id, first.speaker, first.grade, first.fault) == ("000010011", "0001", 7.0, None)
    assert first.audio == speechocean / "WAVE/SPEAKER0001/000010011.WAV"
    assert [word.grade for word in first.words] == [6.0, 6.0]
    found = [tuple(one) for one in first.words[0].phonemes]
    assert found == [("ð", False, "d", 0.2), ("æ", True, None, 2.0), ("t", True, None, 1.0)]
    assert tuple(first.words[1].phonemes[0])[1:3] == (
        False,
        None,
    )  # a low grade, but nobody says what was said
    assert tuple(first.words[1].phonemes[2])[1:3] == (False, "")
    assert "Q9" in unknown.fault
    assert "words" in cut.fault
    assert "does not" in ungraded.fault


@pytest.fixture
def l2_arctic(tmp_path):
    for speaker in ("ABA", "TLV"):
        for folder in ("wav", "transcript", "annotation"):
            (tmp_path / speaker / folder).mkdir(parents=True)
    grid = praatio.Textgrid(0, 2)
    grid.addTier(praatio.IntervalTier("words", [(0.2, 0.8, "this"), (0.8, 1.6, "zoo")], 0, 2))
    phones = [
        *((0.0, 0.2, "sil"), (0.2, 0.4, "DH, D, s"), (0.4, 0.5, "IH1"), (0.5, 0.8, "S,sil,d")),
        *((0.8, 1.0, "Z,Z*,s"), (1.0, 1.1, "sil,AH,a"), (1.1, 1.6, "UW1"), (1.6, 2.0, "sp")),
    ]
    grid.addTier(praatio.IntervalTier("phones", phones, 0, 2))
    for speaker, name in (("ABA", "arctic_a0001"), ("TLV", "arctic_b0002")):
        grid.save(
            str(tmp_path / speaker / f"annotation/{name}.TextGrid"), "long_textgrid", includeBlankSpaces=True
        )
    whole = (tmp_path / "TLV/annotation/arctic_b0002.TextGrid").read_text()
    (tmp_path / "TLV/annotation/arctic_b0003.TextGrid").write_text(whole[: len(whole) // 2])
    (tmp_path / "TLV/annotation/arctic_b0004.TextGrid").write_text(whole.replace("UW1", "XX"))
    (tmp_path / "TLV/annotation/arctic_b0005.TextGrid").write_text(whole.replace("DH, D, s", "DH, D"))
    (tmp_path / "TLV/annotation/arctic_b0006.TextGrid").write_text(whole.replace('"phones"', '"other"'))
    return tmp_path


def test_l2_arctic_is_read_by_words_with_substitutions_and_deletions(l2_arctic):
    whole, *damaged = CORPORA["l2-arctic"].read(l2_arctic, "test")
    assert (whole.id, whole.speaker) == ("TLV/arctic_b0002", "TLV")
    assert whole.audio == l2_arctic / "TLV/wav/arctic_b0002.wav"
    assert [[tuple(one)[:3] for one in word.phonemes] for word in whole.words] == [
        [("ð", False, "d"), ("ɪ", True, None), ("s", False, "")],
        [("z", False, None), ("u", True, None)],
    ]
    for utterance, reason in zip(damaged, ("cut", "XX", "s, d or a", "tier phones"), strict=True):
        assert reason in utterance.fault
    (train,) = CORPORA["l2-arctic"].read(l2_arctic, "train")
    assert train.speaker == "ABA"
    assert len(list(CORPORA["l2-arctic"].read(l2_arctic, "all"))) == 6


def test_a_table_states_what_was_said_or_which_phonemes_are_wrong(tmp_path):
    rows = [
        "file_name,phonemes,said_phonemes,errors,grades,grade,speaker,split",
        "a.wav,θ ɪ | k,s ɪ,,2 1 0,3.5,ann,test",
        "b.wav,θ ɪ,,1 0,,,bob,train",
        "c.wav,θ ɪ,,1,,,bob,test",
        "d.wav,θ ɪ,θ ɪ,,1 2 3,,bob,test",
        "d.wav,θ ɪ,θ ɪ,,1 nan,,bob,test",
        "d.wav,θ ɪ,θ ɪ,,,x,bob,test",
        ",θ ɪ,,,,,,",
        "e.wav,,,,,,,test",
    ]
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    first, *faulty = CORPORA["table"].read(tmp_path, "test")
    assert [[tuple(one) for one in word.phonemes] for word in first.words] == [
        [("θ", False, "s", 2.0), ("ɪ", True, None, 1.0)],
        [("k", False, "", 0.0)],
    ]
    assert (first.grade, first.speaker, first.audio) == (3.5, "ann", tmp_path / "a.wav")
    reasons = (
        *("a 0 or 1 for each of 2", "grades must be one", "got 'nan'", "got 'x'"),
        *("file_name", "phonemes must state"),
    )
    for utterance, reason in zip(faulty, reasons, strict=True):
        assert reason in utterance.fault
    (train,) = (one for one in CORPORA["table"].read(tmp_path / "metadata.csv", "train") if not one.fault)
    assert [one.is_right for one in train.words[0].phonemes] == [False, True]


def test_json_may_have_lists_of_what_belongs_to_phonemes(tmp_path):
    row = {"file_name": "a.wav", "phonemes": ["θ", "ɪ"], "said_phonemes": ["s", "ɪ"], "grades": [0.5, 2]}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row))
    (found,) = CORPORA["table"].read(tmp_path, "all")
    assert [tuple(one) for one in found.words[0].phonemes] == [("θ", False, "s", 0.5), ("ɪ", True, None, 2.0)]


def test_l2_arctic_as_a_data_set_is_labelled_by_what_was_said(l2_arctic):
    """An accented phone keeps its expected label, an added one stands in the label alone."""
    data = PronunciationCorpus("l2-arctic", l2_arctic, validation_split=0.0)
    data.load_data()
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [1, 0, 5]
    whole, cut, *_ = data.get_test_data()
    assert (whole.id, whole.speaker, whole.phonemes) == (
        "TLV/arctic_b0002",
        "TLV",
        ("ð", "ɪ", "s", "|", "z", "u"),
    )
    assert whole.attributes == {"said_phonemes": "d ɪ | z ʌ u", "errors": "1 0 1 1 0"}
    with pytest.raises(ValueError, match="cut"):
        cut.audio.read()


def test_speechocean762_as_a_data_set_keeps_its_grades(speechocean):
    (speechocean / "train").mkdir()
    for table in ("wav.scp", "text", "utt2spk"):
        (speechocean / "train" / table).write_text((speechocean / "test" / table).read_text())
    data = PronunciationCorpus("speechocean762", speechocean, validation_split=0.0)
    data.load_data()
    first = next(iter(data.get_test_data()))
    assert first.attributes == {
        "said_phonemes": "d æ t | ð æ",
        "errors": "1 0 0 1 0 1",
        "grades": "0.2 2 1 0.2 2 1",
        "grade": "7",
    }


@pytest.mark.parametrize("corpus", ["speechocean762", "l2-arctic"])
def test_an_empty_folder_is_refused(corpus, tmp_path):
    with pytest.raises(ValueError, match=f"must hold {corpus}|scores.json"):
        PronunciationCorpus(corpus, tmp_path).load_data()


def test_what_was_said_is_compared_in_the_spelling_of_what_was_expected():
    expected = ("t͡ʃ", "ˈa", "n")  # as a data set that keeps stress and ties spells it
    made = annotated_by_columns(AnnotatedUtterance("a", Path("a.wav")), expected, {SAID: " ".join(expected)})
    assert [one.is_right for word in made.words for one in word.phonemes] == [True] * 3
