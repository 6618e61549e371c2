"""N-gram models: by hand, as a distribution, and there and back."""

import math

import pytest

from inference.decoding.ngram import (
    END,
    START,
    UNKNOWN,
    NgramEntry,
    NgramError,
    NgramModel,
    estimate,
    read_arpa,
)

SEQUENCES = [["a", "b", "a"], ["a", "b"], ["b", "c"]]
ARPA = """\\data\\
ngram 1=3
ngram 2=1

\\1-grams:
-1.0\t<unk>
-0.5\ta\t-0.25
-0.7\tb

\\2-grams:
-0.1\ta b

\\end\\
"""


def test_witten_bell_by_hand():
    model = estimate([["a", "a"]], order=2)
    # Unigrams: a twice, the end once, two kinds; three names share the rest: a, the end, the unknown.
    a = (2 + 2 / 3) / (3 + 2)
    assert model.log_prob("a", ()) == pytest.approx(math.log10(a))
    # After a: a once, the end once, two kinds.
    assert model.log_prob("a", ("a",)) == pytest.approx(math.log10((1 + 2 * a) / (2 + 2)))
    assert model.log_prob(UNKNOWN, ("a",)) == pytest.approx(math.log10(2 / 4 * (2 / 3) / 5))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("before", [(), (START,), ("a", "b"), (START, "a", "b"), ("c", "c")])
def test_probabilities_after_any_history_add_up_to_one(order, before):
    model = estimate(SEQUENCES, order)
    total = sum(10 ** model.log_prob(phoneme, before) for phoneme in ("a", "b", "c", END, UNKNOWN))
    assert total == pytest.approx(1.0)


def test_what_follows_often_is_likely():
    model = estimate(SEQUENCES, order=2)
    assert model.log_prob("b", ("a",)) > model.log_prob("c", ("a",))


def test_an_arpa_file_is_read_and_backs_off(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(ARPA, encoding="utf-8")
    model = read_arpa(path)
    assert model.order == 2
    assert model.entries[("a",)] == NgramEntry(-0.5, -0.25)
    assert model.log_prob("b", ("a",)) == -0.1
    assert model.log_prob("a", ("a",)) == -0.75
    assert model.log_prob("a", ("b",)) == -0.5
    assert model.log_prob("z", ("a",)) == -1.25


def test_there_and_back(tmp_path):
    model = estimate(SEQUENCES, order=3)
    path = tmp_path / "lm.arpa"
    path.write_text(model.to_arpa(), encoding="utf-8")
    again = read_arpa(path)
    assert again.entries.keys() == model.entries.keys()
    for gram, entry in model.entries.items():
        assert again.entries[gram] == pytest.approx(entry, abs=1e-5)


@pytest.mark.parametrize("content", ["", "nothing here", "\\1-grams:\n-1 a b c d\n", "\\1-grams:\nx a\n"])
def test_what_is_no_arpa_file_is_refused(tmp_path, content):
    path = tmp_path / "lm.arpa"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(NgramError, match=r"lm\.arpa"):
        read_arpa(path)


def test_no_labels_make_no_model():
    with pytest.raises(NgramError, match="needs labels"):
        estimate([], order=2)
    assert NgramModel({}).order == 0
