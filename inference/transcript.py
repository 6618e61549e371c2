"""The transcript of a recording: phonemes with times and confidences."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from models.ctc import TimedToken
from models.network.frames import FrameClock, token_times
from phonetics import WORD_DELIMITER, Vocabulary


class Phoneme(NamedTuple):
    """One phoneme of a recording."""

    symbol: str
    start_seconds: float
    end_seconds: float
    confidence: float  # 0…1

    def later(self, seconds: float) -> "Phoneme":
        """Return the phoneme moved by so many seconds."""
        return self._replace(
            start_seconds=self.start_seconds + seconds, end_seconds=self.end_seconds + seconds
        )


class Transcript(NamedTuple):
    """The phonemes of a recording, by words where the vocabulary has a word delimiter."""

    name: str
    num_seconds: float
    words: tuple[tuple[Phoneme, ...], ...]
    spellings: tuple[str, ...] = ()  # of the words, where a written text is known

    @property
    def word_names(self) -> tuple[str, ...]:
        """Name each word by its spelling or, where none is known, by its phonemes."""
        return self.spellings or tuple("".join(one.symbol for one in word) for word in self.words)

    @property
    def phonemes(self) -> tuple[Phoneme, ...]:
        """List the phonemes of all words."""
        return tuple(phoneme for word in self.words for phoneme in word)

    @property
    def text(self) -> str:
        """Write spaces between phonemes and bars between words."""
        return " | ".join(" ".join(phoneme.symbol for phoneme in word) for word in self.words)


class Failure(NamedTuple):
    """A recording that could not be transcribed, and the reason."""

    name: str
    reason: str


def merge_adjacent(tokens: Sequence[TimedToken]) -> list[TimedToken]:
    """Join equal tokens with no frame between them: in CTC they are one token.

    >>> tokens = [TimedToken(3, 0, 2, 0.9), TimedToken(3, 2, 3, 0.9), TimedToken(3, 4, 5, 0.7)]
    >>> [(token.start_frame, token.end_frame) for token in merge_adjacent(tokens)]
    [(0, 3), (4, 5)]
    """
    merged: list[TimedToken] = []
    for token in tokens:
        last = merged[-1] if merged else None
        if last and last.token_id == token.token_id and last.end_frame == token.start_frame:
            merged[-1] = last.continued(token)
        else:
            merged.append(token)
    return merged


def spellings_of(text: str, num_words: int) -> list[str] | None:
    """Split a text into so many written words; None where their number is another one.

    >>> spellings_of("Please enter, then…  press !", 4)
    ['Please', 'enter', 'then', 'press']
    >>> spellings_of("in 1985", 4)
    """
    words = [word for part in text.split() if (word := _without_punctuation(part))]
    return words if len(words) == num_words else None


def _without_punctuation(word: str) -> str:
    """Return a word from its first to its last letter, digit or mark.

    >>> _without_punctuation("«l'été»."), _without_punctuation("–")
    ("l'été", '')
    """
    kept = [place for place, character in enumerate(word) if unicodedata.category(character)[0] in "LNM"]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def with_words(transcript: Transcript, phonemes: Sequence[str]) -> Transcript:
    """Group a transcript into the words that delimiters divide its phonemes into.

    >>> said = Transcript("a", 1.0, ((Phoneme("d", 0.0, 0.1, 1.0), Phoneme("a", 0.1, 0.2, 1.0)),))
    >>> with_words(said, ["d", "|", "a"]).text
    'd | a'
    """
    symbols = iter(transcript.phonemes)
    words: list[list[Phoneme]] = [[]]
    for name in phonemes:
        if name == WORD_DELIMITER:
            words.append([])
        else:
            words[-1].append(next(symbols))
    return transcript._replace(words=tuple(tuple(word) for word in words if word))


def transcript_of(
    name: str, tokens: Sequence[TimedToken], num_seconds: float, vocabulary: Vocabulary, clock: FrameClock
) -> Transcript:
    """Convert the frames of tokens to seconds, and group phonemes into words."""
    spans = [(token.start_frame, token.end_frame) for token in tokens]
    words: list[list[Phoneme]] = [[]]
    for token, time in zip(tokens, token_times(spans, clock, num_seconds), strict=True):
        symbol = vocabulary.tokens[token.token_id]
        if symbol == vocabulary.word_delimiter:
            words.append([])
        else:
            words[-1].append(Phoneme(symbol, *time, token.confidence))
    return Transcript(name, num_seconds, tuple(tuple(word) for word in words if word))
