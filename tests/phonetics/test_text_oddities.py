"""Parts of a text that are spoken otherwise than they are written."""

import time

import pytest

from phonetics.text_oddities import text_oddities

FOUND = {
    ("привет", "en-us"): {"foreign script": ["привет"]},
    ("это Asterisk", "ru"): {"foreign script": ["Asterisk"]},
    ("カタカナです hello", "ja"): {"foreign script": ["hello"]},
    ("日本語です", "ja"): {"foreign script": ["日本語です"]},  # espeak-ng names Chinese characters
    ("<b>ciao</b> &amp; {x}", "it"): {"markup": ["<b>", "</b>", "&amp;", "{x}"]},
    ("[noise] yes", "en"): {"markup": ["[noise]"]},
    ("Press 1 or 2.5", "en"): {"digits": ["1", "2.5"]},
    ("20 % of $5", "en"): {"digits": ["20", "5"], "spoken symbols": ["%", "$"]},
    ("your PIN, please", "en"): {"spelled-out letters": ["PIN"]},
    ("т. е. звонок", "ru"): {"abbreviations": ["т. е."]},
    ("Dr. Smith", "en"): {"abbreviations": ["Dr."]},
    ("z.B. heute", "de"): {"abbreviations": ["z.B."]},
    ("Non pu? essere cos? come", "it"): {"lost letters": ["pu?", "cos?"]},
    ("Qualcosa ? sbagliato! Perch?il", "it"): {"lost letters": ["?", "Perch?"]},
    ("caf\ufffd ferm\ufffde", "fr-fr"): {"lost letters": ["caf\ufffd", "ferm\ufffde"]},
}
PLAIN = [
    ("C'est l'été, à nous !", "fr-fr"),
    ("¿Qué tal? ¡Hola…!", "es"),
    ("Straße – über „Zitat“", "de"),
    ("Я и он. Все в лес.", "ru"),
    ("PLEASE HOLD", "en"),
    ("Mailbox? Which folder ? Really?! “Why?” he said.", "en"),
    ("¿Qué carpeta desea ? ¿Esta?", "es"),
    ("It was me. I know", "en"),
    ("o’clock, it's", "en"),
    ("नमस्ते दुनिया", "hi"),
    ("Wǒ hǎo", "cmn-latn-pinyin"),
    ("привет", None),
    ("", "it"),
]


@pytest.mark.parametrize(("text", "language"), FOUND)
def test_odd_parts_are_found_by_kind(text, language):
    kinds: dict[str, list[str]] = {}
    for oddity in text_oddities(text, language):
        kinds.setdefault(oddity.kind, []).append(oddity.part)
    assert kinds == FOUND[text, language]


@pytest.mark.parametrize(("text", "language"), PLAIN)
def test_plain_texts_have_nothing_odd(text, language):
    assert text_oddities(text, language) == []


@pytest.mark.parametrize("letter", ["a", "_", "中", "?", "? "])
def test_a_word_of_any_length_is_searched_once(letter):
    start = time.monotonic()
    assert "digits" not in {oddity.kind for oddity in text_oddities(letter * 200_000, "it")}
    assert time.monotonic() - start < 30
