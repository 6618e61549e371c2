import json
import pickle
from collections import Counter
from pathlib import Path

import pytest

from phonetics import Vocabulary, VocabularyError
from phonetics.label_counts import merge_vocabularies, missing_and_unused

TOKENS = {"[PAD]": 0, "[UNK]": 1, "|": 2, "a": 3, "tʃ": 4}


def _write(folder: Path, text: str) -> Path:
    path = folder / "vocab.json"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    return Vocabulary.from_file(_write(tmp_path, json.dumps(TOKENS)))


def test_file_gives_tokens_by_id_whatever_their_order(tmp_path: Path) -> None:
    backwards = dict(reversed(TOKENS.items()))
    assert Vocabulary.from_file(_write(tmp_path, json.dumps(backwards))).tokens == tuple(TOKENS)


def test_to_json_is_read_back_as_the_same_vocabulary(vocabulary: Vocabulary, tmp_path: Path) -> None:
    assert Vocabulary.from_file(_write(tmp_path, vocabulary.to_json())) == vocabulary


def test_pickling_keeps_the_ids(vocabulary: Vocabulary) -> None:
    assert pickle.loads(pickle.dumps(vocabulary)).encode(["tʃ"]) == [4]


def test_special_tokens_are_recognised(vocabulary: Vocabulary) -> None:
    assert (vocabulary.blank_id, vocabulary.unknown_id, vocabulary.word_delimiter) == (0, 1, "|")
    assert vocabulary.phonemes == ("a", "tʃ")


def test_special_tokens_in_hugging_faces_other_spelling() -> None:
    vocabulary = Vocabulary(("a", "<s>", "</s>", "<unk>", "<pad>"))
    assert (vocabulary.blank_id, vocabulary.unknown_id, vocabulary.word_delimiter) == (4, 3, None)
    assert vocabulary.phonemes == ("a",)


COMPOSED, DECOMPOSED = "\u00e7", "c\u0327"


@pytest.mark.parametrize(
    ("token", "label"),
    [
        (COMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        ("g", "ɡ"),
        ("ɡʲ", "gʲ"),
        ("t\u035cʃ", "t\u0361ʃ"),
    ],
)
def test_a_phoneme_is_found_however_it_is_written_and_decoded_as_the_file_has_it(
    token: str, label: str
) -> None:
    vocabulary = Vocabulary(("[PAD]", token))
    assert vocabulary.encode([label, token]) == [1, 1]
    assert vocabulary.token_of(label) == vocabulary.decode([1])[0] == token
    assert json.loads(vocabulary.to_json()) == {"[PAD]": 0, token: 1}
    assert vocabulary.id_of("[pad]") is None


def test_of_two_ways_to_write_a_phoneme_its_own_goes_first() -> None:
    assert Vocabulary(("[PAD]", "g", "ɡ")).encode(["ɡ", "g"]) == [2, 1]
    assert Vocabulary(("[PAD]", "ɡ", "g")).encode(["ɡ", "g"]) == [1, 2]


def test_two_tokens_that_labels_could_both_mean_are_refused_by_name() -> None:
    with pytest.raises(VocabularyError, match=r"'g\\xe7' and 'gc\\u0327' are two ways to write"):
        Vocabulary(("[PAD]", f"g{COMPOSED}", f"g{DECOMPOSED}"))


def test_merging_keeps_one_way_to_write_a_phoneme() -> None:
    composed = Vocabulary(("[PAD]", "g", COMPOSED, "a\u0303"))
    decomposed = Vocabulary(("[PAD]", "ɡ", DECOMPOSED))
    for vocabularies in ([composed, decomposed], [decomposed, composed]):
        assert merge_vocabularies(vocabularies).phonemes == ("a\u0303", DECOMPOSED, "ɡ")
    assert merge_vocabularies([composed]).phonemes == ("a\u0303", "g", COMPOSED)


def test_labels_are_compared_however_they_are_written() -> None:
    counts = Counter({DECOMPOSED: 2, "ɡ": 1, "x": 1})
    assert missing_and_unused(counts, Vocabulary(("[PAD]", COMPOSED, "g", "b"))) == (["x"], ["b"])


def test_decode_undoes_encode(vocabulary: Vocabulary) -> None:
    assert vocabulary.decode(vocabulary.encode(["tʃ", "|", "a"])) == ["tʃ", "|", "a"]


def test_encode_names_every_phoneme_outside(vocabulary: Vocabulary) -> None:
    with pytest.raises(VocabularyError, match=r"\['q', 'x'\]"):
        vocabulary.encode(phoneme for phoneme in ["x", "a", "q", "x"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"[PAD]": 0, "a": 1, "b": 1}', r"shared ids: \{1: \['a', 'b'\]\}"),
        ('{"[PAD]": 0, "a": 1, "a": 2}', r"repeated: \['a'\]"),
        ('{"[PAD]": 0, "a": 2, "b": 5}', r"without gaps, missing: \[1\]"),
        ('{"[PAD]": 1, "a": 2}', r"without gaps, missing: \[0\]"),
        ('{"a": 0}', "the blank"),
        ("{}", "the blank"),
        ('{"[PAD]": "0"}', "a whole number"),
        ('{"[PAD]": true}', "a whole number"),
        ('{"[PAD]": {"a": 0}}', "a whole number"),
        ('[["[PAD]", 0]]', "one JSON object"),
        ('"[PAD]"', "one JSON object"),
        ("[PAD] 0", "must be JSON"),
        ("", "must be JSON"),
    ],
)
def test_faulty_files_are_refused_with_the_reason(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(VocabularyError, match=complaint):
        Vocabulary.from_file(_write(tmp_path, text))


def test_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_bytes('{"[PAD]": 0, "é": 1}'.encode("latin-1"))
    with pytest.raises(VocabularyError, match="UTF-8"):
        Vocabulary.from_file(path)


def test_missing_file_is_named_with_the_key_that_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"nowhere\.json does not; give model\.vocab_file"):
        Vocabulary.from_file(tmp_path / "nowhere.json")


SHIPPED = sorted((Path(__file__).parents[2] / "dataset_modules" / "tokens").glob("*_phones.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_vocabularies_are_sound(path: Path) -> None:
    vocabulary = Vocabulary.from_file(path)
    assert vocabulary.blank_id == 0
    assert vocabulary.unknown_id is not None
    assert (vocabulary.word_delimiter is not None) == (not path.stem.startswith("timit"))
