"""Whether labels are phonemes or words of a text, by their characters and lengths."""

import re
import unicodedata
from collections.abc import Iterable

from dataset_modules.sources.annotations.contract import LabelKind
from phonetics import WORD_DELIMITER

# Labels of pauses and of noise, as TIMIT, HTK, the Montreal Forced Aligner, WebMAUS and Kaldi write them.
SILENCES = frozenset(
    {
        "h#",
        "pau",
        "epi",
        "sil",
        "sp",
        "<sil>",
        "<p:>",
        "<p>",
        "<eps>",
        "<nib>",
        "{sl}",
        "#",
        "##",
        "_",
        "<silence>",
        "[sil]",
        "[silence]",
        "<pause>",
        "[pause]",
        "nsn",
        "<noise>",
        "[noise]",
        "{ns}",
        "<breath>",
        "[breath]",
        "{br}",
    }
)
# Labels of speech whose phonemes are not known: words outside the lexicon, laughter, murmur.
_UNKNOWN_SPEECH = frozenset(
    {
        *("spn", "<spn>", "<unk>", "[unk]", "<unknown>", "<oov>", "<usb>", "[bracketed]"),
        *("<vocnoise>", "[vocalized-noise]", "[spoken_noise]", "<spoken_noise>"),
        *("<laugh>", "[laugh]", "<laughter>", "[laughter]", "{lg}"),
    }
)
# The mean of letters in a phoneme lies near one (IPA) or two (ARPABET), that of words between three and nine.
_LONGEST_OF_PHONEMES, _SHORTEST_OF_WORDS = 2.1, 2.7
_ENOUGH_TOKENS = 4  # fewer short tokens may be words such as "I do"
_SENTENCE_MARKS = re.compile(r"\w[.,;:?!…»”\"]+$|^[«„“¿¡\"]\w|\w’\w")
_STRESS = re.compile(r"\d$")
_IPA_LETTERS = re.compile("[\u0250-\u02af\u02b0-\u02ff\u1d00-\u1dbf\u0361\u035c\u01c0-\u01c3]")
_SCRIPTS_OF_PHONEMES = ("LATIN", "GREEK", "MODIFIER", "ASPIRATED")


def is_silence(label: str) -> bool:
    """Return whether a label marks a pause, or noise that nobody speaks.

    >>> is_silence("SIL"), is_silence(""), is_silence("s")
    (True, True, False)
    """
    return not label.strip() or label.strip().lower() in SILENCES


def is_unknown_speech(label: str) -> bool:
    """Return whether a label stands for speech whose phonemes are not known.

    >>> is_unknown_speech("spn"), is_unknown_speech("s")
    (True, False)
    """
    return label.strip().lower() in _UNKNOWN_SPEECH


def tokens_of(labels: Iterable[str], kind: LabelKind) -> list[str]:
    """Return the tokens of labels without markers of pauses; in a text, a marker has brackets.

    >>> tokens_of(["sil d a"], "phonemes"), tokens_of(["<sil> sil [noise]"], "text")
    (['d', 'a'], ['sil'])
    """
    tokens = (token for label in labels for token in label.split())
    return [token for token in tokens if not (is_silence(token) and _may_mark(token, kind))]


def unknown_among(tokens: Iterable[str], kind: LabelKind) -> str | None:
    """Return the first marker of unknown speech among the tokens of a label.

    >>> unknown_among(["d", "spn"], "phonemes"), unknown_among(["SPN"], "text")
    ('spn', None)
    """
    return next((token for token in tokens if is_unknown_speech(token) and _may_mark(token, kind)), None)


def _may_mark(token: str, kind: LabelKind) -> bool:
    """Return whether a token may be a marker: ``sil`` is a word of a text in Turkish."""
    return kind == "phonemes" or not token[0].isalnum()


def kind_of_labels(labels: Iterable[str]) -> LabelKind | None:
    """Return whether labels are phonemes or text; None if their content does not decide.

    >>> kind_of_labels(["d ɑ", "nʲ e t"]), kind_of_labels(["Attivato."]), kind_of_labels(["HH AH0 L OW1"])
    ('phonemes', 'text', 'phonemes')
    >>> kind_of_labels(["I do"]) is None
    True
    """
    tokens = [
        token
        for label in labels
        for token in label.split()
        if not is_silence(token) and not is_unknown_speech(token) and token != WORD_DELIMITER
    ]
    if not tokens:
        return None
    if any(_is_of_a_sentence(token) for token in tokens):
        return "text"
    letters = [len(_letters(token)) for token in tokens]
    mean = sum(letters) / len(letters)
    if mean >= _SHORTEST_OF_WORDS:
        return "text"
    if mean <= _LONGEST_OF_PHONEMES and _looks_phonetic(tokens):
        return "phonemes"
    return None


def _looks_phonetic(tokens: list[str]) -> bool:
    """Return whether short tokens are phonemes rather than short words."""
    if any(_IPA_LETTERS.search(token) for token in tokens):
        return True
    single = sum(len(_letters(token)) <= 1 for token in tokens) / len(tokens)
    capitals = all(token == token.upper() for token in tokens)  # ARPABET
    return len(tokens) >= _ENOUGH_TOKENS and (single >= 0.5 or capitals or _has_closures(tokens))


def _has_closures(tokens: list[str]) -> bool:
    """Return whether tokens recur as phonemes do: a text of so many words has more kinds of them."""
    return len(set(tokens)) <= 64 and len(tokens) >= 2 * len(set(tokens))


def _letters(token: str) -> str:
    """Return the letters of a token without length, stress, tone and other marks."""
    bare = _STRESS.sub("", unicodedata.normalize("NFD", token))
    return "".join(mark for mark in bare if unicodedata.category(mark) in ("Ll", "Lu", "Lo", "Lt"))


def _is_of_a_sentence(token: str) -> bool:
    """Return whether a token has a sentence's punctuation, or letters of a script without phonemes."""
    if _SENTENCE_MARKS.search(token) and len(_letters(token)) > 1:
        return True
    names = (unicodedata.name(letter, "LATIN") for letter in _letters(token))
    return not all(name.startswith(_SCRIPTS_OF_PHONEMES) for name in names if "CLICK" not in name)
