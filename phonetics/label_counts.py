"""Count the phonemes of labels, build vocabularies from the counts, and compare them with vocabularies."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from phonetics.normalisation import one_spelling
from phonetics.vocabulary import BLANK_NAMES, UNKNOWN_NAMES, WORD_DELIMITER, Vocabulary

_EXAMPLES = 3


@dataclass
class LabelCounts:
    """The phonemes of labels with their counts and the first places where each occurs."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    num_labels: int = 0

    def add(self, phonemes: Sequence[str], place: str) -> None:
        """Count one label."""
        self.num_labels += 1
        self.counts.update(phonemes)
        for phoneme in dict.fromkeys(phonemes):
            places = self.examples.setdefault(phoneme, [])
            if len(places) < _EXAMPLES:
                places.append(place)

    def described(self, phonemes: Iterable[str]) -> list[str]:
        """Describe each phoneme in a line: how often and where it occurs."""
        return [
            f"{phoneme}\t{self.counts[phoneme]}×\t{'; '.join(self.examples[phoneme])}" for phoneme in phonemes
        ]


def build_vocabulary(
    counts: Counter[str], *, min_count: int = 1, word_boundary: bool = True
) -> tuple[Vocabulary, list[str]]:
    """Build a vocabulary of the phonemes that occur often enough; return it and the rare phonemes.

    >>> build_vocabulary(Counter({"b": 2, "a": 5, "|": 3, "x": 1}), min_count=2)[0].tokens
    ('[PAD]', '[UNK]', '|', 'a', 'b')
    """
    sounds = {phoneme: count for phoneme, count in counts.items() if phoneme != WORD_DELIMITER}
    kept = sorted(phoneme for phoneme, count in sounds.items() if count >= min_count)
    rare = sorted(set(sounds) - set(kept), key=lambda phoneme: (-sounds[phoneme], phoneme))
    return Vocabulary((*_specials(word_boundary), *kept)), rare


def merge_vocabularies(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """Merge the phonemes of vocabularies, with a word delimiter where one of them has it.

    Of several ways to write the same characters one is kept, the normalised one where it is among them.

    >>> merge_vocabularies([Vocabulary(("[PAD]", "a")), Vocabulary(("[PAD]", "b", "a"))]).tokens
    ('[PAD]', '[UNK]', 'a', 'b')
    """
    phonemes: dict[str, str] = {}
    for phoneme in (phoneme for vocabulary in vocabularies for phoneme in vocabulary.phonemes):
        spelling = one_spelling(phoneme)
        if phonemes.setdefault(spelling, phoneme) != phoneme and phoneme == spelling:
            phonemes[spelling] = phoneme
    boundary = any(vocabulary.word_delimiter for vocabulary in vocabularies)
    return Vocabulary((*_specials(boundary), *sorted(phonemes.values())))


def missing_and_unused(counts: Counter[str], vocabulary: Vocabulary) -> tuple[list[str], list[str]]:
    """Return the phonemes outside a vocabulary, the most frequent first, and its phonemes that never occur.

    >>> missing_and_unused(Counter({"a": 1, "x": 1, "y": 2, "|": 9}), Vocabulary(("[PAD]", "a", "b")))
    (['y', 'x'], ['b'])
    """
    missing = [
        phoneme
        for phoneme, _ in counts.most_common()
        if vocabulary.id_of(phoneme) is None and phoneme != WORD_DELIMITER
    ]
    present = set(map(vocabulary.token_of, counts))
    return missing, [phoneme for phoneme in vocabulary.phonemes if phoneme not in present]


def _specials(word_boundary: bool) -> tuple[str, ...]:
    return (BLANK_NAMES[0], UNKNOWN_NAMES[0], *((WORD_DELIMITER,) if word_boundary else ()))
