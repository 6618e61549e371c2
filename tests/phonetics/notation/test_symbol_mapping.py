"""Symbols of other models: what they become, in which way, and what a table changes."""

import json

import pytest

from phonetics import Vocabulary
from phonetics.notation.symbol_mapping import SymbolMap, doubtful_rows, read_symbol_table, symbol_lines
from reports.symbol_section import symbol_section

RUSSIAN = Vocabulary(("[PAD]", "[UNK]", "|", "a", "ɡ", "r", "ʃ", "t", "tʲ", "i", "sː", "o"))


@pytest.mark.parametrize(
    ("symbol", "phonemes", "way"),
    [
        ("ˈa", "a", "identical"),
        ("g", "ɡ", "identical"),
        ("a˥", "a", "identical"),
        ("a5", "a", "identical"),
        ("t͡ʃ", "t ʃ", "several"),
        ("ss", "sː", "identical"),
        ("ɹ", "r", "nearest"),
        ("aː", "a", "nearest"),
        ("ʔ", "ʔ", "none"),
        ("щ", "щ", "none"),
    ],
)
def test_each_way(symbol, phonemes, way):
    match = SymbolMap([symbol], RUSSIAN).matches[symbol]
    assert (" ".join(match.phonemes), match.way) == (phonemes, way)


@pytest.mark.parametrize(
    "names",
    [[f"rit{number}" for number in range(3, 40)], [f"t{number}" for number in range(10)], ["to_01", "to_2"]],
)
def test_numbered_names_are_no_phonemes(names):
    symbols = SymbolMap([*names, "a"], RUSSIAN)
    assert [match.symbol for match in symbols.by_way()["none"]] == names
    assert "--model.symbol_map" in symbols.misfit()
    assert symbols.misfit() in str(symbol_section(symbol_lines(symbols, {})))


def test_numbers_of_tones_are_left_out():
    symbols = SymbolMap(["a1", "a5", "tʃi5", "tʃi214", "tʃi51", "tʃi2", "o0"], RUSSIAN)
    assert symbols(["a5", "tʃi214", "tʃi2", "o0"]) == ["a", *("t", "ʃ", "i") * 2, "o"]
    assert not symbols.misfit()


def test_arpabet_is_read_as_ipa_with_stress_and_in_either_case():
    symbols = SymbolMap(["AA1", "SH", "IY0", "T", "HH"], Vocabulary(("[PAD]", "ɑ", "ʃ", "i", "t", "h")))
    assert symbols(["AA1", "SH", "IY0", "T", "HH"]) == ["ɑ", "ʃ", "i", "t", "h"]
    assert all(match.way == "identical" for match in symbols.matches.values())


def test_a_table_goes_first_and_may_drop_a_symbol():
    symbols = SymbolMap(["a", "sil", "B"], RUSSIAN, {"a": "o", "sil": "", "B": "r i"})
    assert symbols(["a", "sil", "B", "|"]) == ["o", "r", "i", "|"]
    assert {match.way for match in symbols.matches.values()} == {"declared"}


def test_a_table_for_all_languages_serves_a_vocabulary_that_lacks_a_phoneme():
    match = SymbolMap(["R"], RUSSIAN, {"R": "ɹ", "X": "θ"}).matches["R"]
    assert (match.phonemes, match.way) == (("r",), "nearest")


def test_a_table_of_another_model_is_refused():
    with pytest.raises(ValueError, match="symbol_map: it must name symbols of the model"):
        SymbolMap(["a"], RUSSIAN, {"AA": "a"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", "# symbol\tphonemes\nA\ta\tdeclared\t\t3\nSH\tʃ t\n"),
        ("t.json", json.dumps({"A": "a", "SH": "ʃ t"})),
        ("t.yaml", "A: a\nSH: ʃ t\n"),
    ],
)
def test_tables_are_read_in_each_format(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_symbol_table(tmp_path / name) == {"A": "a", "SH": "ʃ t"}


def test_what_is_written_is_read_back_as_a_table(tmp_path):
    symbols = SymbolMap(["ˈa", "t͡ʃ", "ɹ", "щ"], RUSSIAN)
    (tmp_path / "symbols.tsv").write_text(symbol_lines(symbols, {"щ": 2}), encoding="utf-8")
    table = read_symbol_table(tmp_path / "symbols.tsv")
    assert table == {"ˈa": "a", "t͡ʃ": "t ʃ", "ɹ": "r"}
    again = SymbolMap(["ˈa", "t͡ʃ", "ɹ", "щ"], RUSSIAN, table)
    assert again(["ˈa", "t͡ʃ", "ɹ", "щ"]) == symbols(["ˈa", "t͡ʃ", "ɹ", "щ"])


def test_a_question_mark_that_is_replaced_declares_a_symbol(tmp_path):
    table = tmp_path / "symbols.tsv"
    table.write_text(symbol_lines(SymbolMap(["a", "N"], RUSSIAN), {}), encoding="utf-8")
    assert read_symbol_table(table) == {"a": "a"}
    table.write_text(table.read_text(encoding="utf-8").replace("N\t?", "N\tŋ"), encoding="utf-8")
    assert read_symbol_table(table) == {"a": "a", "N": "ŋ"}


def test_a_number_sign_is_a_symbol_and_a_row_behind_it_a_comment(tmp_path):
    table = tmp_path / "symbols.tsv"
    lines = symbol_lines(SymbolMap(["#", "a"], RUSSIAN), {}).replace("#\t?", "#\tʂ")
    table.write_text(f"{lines}#a\to\n", encoding="utf-8")
    assert read_symbol_table(table) == {"#": "ʂ", "a": "a"}


def test_symbols_that_begin_with_a_number_sign_are_written_read_back_and_shown(tmp_path):
    table = tmp_path / "symbols.tsv"
    lines = symbol_lines(SymbolMap(["##a", "#x", "#", "a"], RUSSIAN), {"#x": 3}).replace("#x\t?", "#x\tx")
    table.write_text(f"{lines}#b\to\n", encoding="utf-8")
    assert read_symbol_table(table) == {"#x": "x", "a": "a"}
    section = str(symbol_section(lines))
    assert all(f">{symbol}<" in section for symbol in ("##a", "#x", "#"))


def test_the_symbol_of_a_phoneme_is_the_best_one():
    symbols = SymbolMap(["aː", "ˈa", "ɹ"], RUSSIAN)
    assert (symbols.symbol_of("a"), symbols.symbol_of("r"), symbols.symbol_of("tʲ")) == ("ˈa", "ɹ", None)


def test_rows_without_an_effect_and_phonemes_outside_the_vocabulary_are_named():
    table = {"QQ": "a", "A": "ʔ", "R": "ɹ o", "B": "tʃ", "sil": ""}
    unknown, replaced = doubtful_rows(SymbolMap(["A", "R", "B", "sil", "o"], RUSSIAN, table), table)
    assert unknown.endswith(": QQ")
    assert replaced.endswith(": A → ʔ (an error each time), R → ɹ o (taken as r o)")
