"""Long consonants have one form, whichever way labels, models and older vocabularies write them."""

import pytest

from dataset_modules.labels.encoder import LabelEncoder
from phonetics import IpaNormaliser, Vocabulary
from phonetics.notation.long_consonants import join_long

NEW = Vocabulary(("[PAD]", "|", "a", "l", "lː", "sː", "tʃː", "n"))
OLD = Vocabulary(("[PAD]", "|", "a", "l", "ss", "tʃː", "n"))


@pytest.mark.parametrize("written", ["ss", "sː", "ˈss"])
def test_normalisation_has_one_form(written):
    assert IpaNormaliser()([written]) == ("sː",)
    assert IpaNormaliser(keep_length=False)([written]) == ("s",)


def test_names_of_timit_stay():
    assert IpaNormaliser()(["aa", "hh", "HH"]) == ("aa", "hh", "HH")


@pytest.mark.parametrize("label", [["a", "l", "l", "a"], ["a", "lː", "a"]])
def test_labels_are_spelled_as_the_vocabulary_has_them(label):
    assert NEW.decode(LabelEncoder(NEW, "refuse")(label)) == ["a", "lː", "a"]
    assert OLD.decode(LabelEncoder(OLD, "refuse")(label)) == ["a", "l", "l", "a"]
    assert OLD.decode(OLD.encode(label)) == ["a", "l", "l", "a"]


def test_an_old_vocabulary_with_a_doubled_token_loads_and_is_noted():
    assert OLD.decode(OLD.encode(["sː", "ss"])) == ["ss", "ss"]
    assert (OLD.doubled, NEW.doubled) == (("ss",), ())


def test_consonants_of_two_words_stay_two():
    assert NEW.spelled(["l", "|", "l"]) == ["l", "|", "l"]


def test_vowels_stay_two():
    assert join_long(["a", "a", "n", "n", "n"]) == ["a", "a", "nː", "n"]


def test_both_forms_in_one_vocabulary_stay_apart():
    both = Vocabulary(("[PAD]", "ss", "sː"))
    assert both.encode(["ss", "sː"]) == [1, 2]
