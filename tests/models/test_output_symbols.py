"""What another model's symbols become in the vocabulary of the labels."""

import pytest

from models.output_symbols import OutputSymbols, _mapped, carried_rows
from phonetics import Vocabulary
from phonetics.notation.symbol_mapping import SymbolMap

SYMBOLS = Vocabulary(("[PAD]", "s", "a"))


@pytest.mark.parametrize(
    ("labels", "phonemes"),
    [(("s", "sː", "a"), "a sː a"), (("s", "ss", "a"), "a ss a"), (("s", "a"), "a s s a")],
)
def test_long_consonants_are_spelled_as_the_references_are(labels, phonemes):
    vocabulary = Vocabulary(("[PAD]", *labels))
    output = OutputSymbols(SYMBOLS, vocabulary, SymbolMap(SYMBOLS.phonemes, vocabulary))
    found = output.phonemes(SYMBOLS.encode(["a", "s", "s", "a"]))
    assert found == phonemes.split()
    assert found == vocabulary.decode(vocabulary.encode(["a", "s", "s", "a"]))


def test_rows_of_the_nearest_symbol_are_logged(caplog):
    caplog.set_level("INFO")
    tokens, labels = Vocabulary(("[PAD]", "s", "Z", "E")), Vocabulary(("[PAD]", "s", "ʃ", "ʒ"))
    assert carried_rows(tokens, labels, {"Z": "ʒ"})[:2] == ((0, 0), (1, 1))
    assert "ʃ ← s" in caplog.text
    assert "ʒ ←" not in caplog.text


def test_rows_of_the_nearest_symbol_are_logged_also_where_it_is_used_for_one_phoneme(caplog):
    caplog.set_level("INFO")
    carried_rows(Vocabulary(("[PAD]", "ɛ", "a")), Vocabulary(("[PAD]", "e", "a")), None)
    assert "these rows of the head start as those of the nearest symbol: e ← ɛ" in caplog.text


def test_a_table_may_drop_the_unknown_token(caplog):
    tokens = Vocabulary(("[PAD]", "[UNK]", "sh", "aa", "s"))  # names of TIMIT
    labels = Vocabulary(("[PAD]", "ʃ", "ɑ", "s"))
    output = _mapped(tokens, labels, {"[UNK]": ""})
    assert output.phonemes([1, 2, 1, 3, 4]) == ["ʃ", "ɑ", "s"]
    assert "no effect" not in caplog.text


def test_a_wrong_row_of_a_table_is_logged(caplog):
    source = Vocabulary(("[PAD]", "A"))
    carried_rows(source, Vocabulary(("[PAD]", "a")), {"A": "a", "QQ": "a"})
    assert "symbol_map: these rows name no symbol of the model, they have no effect: QQ" in caplog.text
