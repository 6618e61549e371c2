"""Compare the notation of labels with espeak-ng's: synthetic speech in another one would mislead a model."""

import logging
from collections import Counter
from collections.abc import Sequence
from unicodedata import category, normalize

from cli.starting.folder_survey import FolderSurvey
from cli.starting.starter_files import ChosenVocabulary, has_words
from dataset_modules.recording import AudioError
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak, speaks
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import WORD_DELIMITER, IpaNormaliser, Vocabulary
from phonetics.notation.long_consonants import is_consonant
from phonetics.text_oddities import text_oddities

log = logging.getLogger(__name__)

_SENTENCES = 60
_TEXTS = 1000  # some of the texts, whose letters are looked at
_FOREIGN_TEXTS = 0.3  # of the texts; fewer may hold foreign names
_EXPECTED = 5.0  # occurrences of a phoneme that do not fail to appear by chance
_FOREIGN_SHARE = 0.02  # of phonemes, above which the notations differ
_OUTSIDE_SHARE = 0.05  # of spoken phonemes, above which the vocabulary lacks too many


def warn_of_foreign_script(language: str, texts: Sequence[str]) -> None:
    """Log a warning if many texts are in a script in which the language is not written."""
    some = texts[:: max(len(texts) // _TEXTS, 1)]
    odd = [[one for one in text_oddities(text, language) if one.kind == "foreign script"] for text in some]
    foreign = [found[0].part for found in odd if found]
    if len(foreign) > _FOREIGN_TEXTS * len(some):
        log.warning(
            "start: %.0f %% of the texts have letters that espeak-ng does not read as %s, such as %r: "
            "check --language",
            *(100 * len(foreign) / len(some), language, foreign[0]),
        )


def speaks_the_labels(language: str, survey: FolderSurvey, chosen: ChosenVocabulary) -> bool:
    """Return whether espeak-ng speaks the language, in the labels' notation."""
    try:
        if not speaks(language):
            return False
        spoken = _spoken_phonemes(language, survey, chosen.vocabulary)
    except AudioError as error:
        log.warning("start: no synthetic speech is mixed in: %s", error)
        return False
    outside = sum(count for phoneme, count in spoken.items() if chosen.vocabulary.id_of(phoneme) is None)
    if outside > _OUTSIDE_SHARE * spoken.total():
        return False
    spoken, written = map(_without_length, (spoken, survey.labels.counts))
    added = sum(written[phoneme] for phoneme in chosen.added) / max(written.total(), 1)
    foreign = max(added, respelled_share(spoken, written), respelled_share(written, spoken))
    if survey.has_phonemes and foreign > _FOREIGN_SHARE:
        log.warning("start: no synthetic speech is mixed in: the labels' notation is not espeak-ng's")
        return False
    return True


def respelled_share(these: Counter[str], those: Counter[str]) -> float:
    """Return the share of phonemes that the other side writes with other marks only.

    A phoneme counts if the other side should have it several times, never has it, and has its letters.

    >>> respelled_share(Counter({"iː": 10, "a": 90}), Counter({"i": 100, "a": 900}))
    0.1
    """
    several = _EXPECTED * these.total() / max(those.total(), 1)
    letters = {_letters(phoneme) for phoneme in those}
    missing = (phoneme for phoneme in these if phoneme not in those and these[phoneme] >= several)
    return sum(these[phoneme] for phoneme in missing if _letters(phoneme) in letters) / max(these.total(), 1)


def _without_length(counts: Counter[str]) -> Counter[str]:
    """Count long consonants as short ones: labels may write them as two, and vocabularies join these.

    >>> _without_length(Counter({"tː": 2, "t": 1, "iː": 1}))
    Counter({'t': 3, 'iː': 1})
    """
    short: Counter[str] = Counter()
    for phoneme, count in counts.items():
        bare = phoneme.removesuffix("ː")
        short[bare if is_consonant(bare) else phoneme] += count
    return short


def _letters(phoneme: str) -> str:
    """Return a phoneme without its marks of length, palatalisation, ties and the like."""
    marks = ("Mn", "Lm")
    return "".join(one for one in normalize("NFD", phoneme) if category(one) not in marks)


def _spoken_phonemes(language: str, survey: FolderSurvey, vocabulary: Vocabulary) -> Counter[str]:
    """Count the phonemes of some sentences as espeak-ng speaks them."""
    own = survey.texts[:: max(len(survey.texts) // _SENTENCES, 1)] if has_words(survey) else ()
    sentences = own or distinct_sentences(language, _SENTENCES, seed=0)
    voice, normalise = VoiceSettings(language), IpaNormaliser()
    spoken = (vocabulary.spelled(speak(text, voice, normalise).phonemes or ()) for text in sentences)
    return Counter(phoneme for one in spoken for phoneme in one if phoneme != WORD_DELIMITER)
