"""The page of a speaker: every sentence with its phonemes coloured, sound of each word, weak phonemes."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from evaluation.ranking import resampled_interval
from inference.score_formats import NOTHING
from reports import html
from reports.html import Html, element
from scoring.pronunciation import Insertion, PronunciationScore, ScoredPhoneme, ScoredWord

_WEAKEST, _CONFUSIONS = 12, 20
_FEWEST = 3  # times that a phoneme must be expected to be listed as weak


class ScoredSentence(NamedTuple):
    """A recording on the page: its scores, its text where one is known, and an MP3 of each word."""

    score: PronunciationScore
    text: str | None
    sounds: tuple[bytes, ...]  # empty ones for words that the page holds no sound of


class PhonemeCell(NamedTuple):
    """An expected phoneme, or an inserted one, above what was probably said."""

    above: str
    below: str
    kind: str  # right, wrong, missed or added
    title: str
    start: float  # seconds
    end: float
    goodness: float  # 0…1: the probability of having been said right, or else of the phoneme at its place


def pronunciation_page(speaker: str, sentences: Sequence[ScoredSentence]) -> str:
    """Return the page of one speaker."""
    phonemes = [phoneme for one in sentences for phoneme in one.score.phonemes]
    return html.page(
        f"Pronunciation of {speaker}",
        [
            _summary(sentences, phonemes),
            _weakest(sentences),
            _confusions(phonemes),
            html.section(
                "Sentences", _legend(), [_sentence(*pair) for pair in enumerate(sentences, start=1)]
            ),
        ],
        lead="How probable each expected phoneme is at its place, and what was probably said instead. A "
        "model makes mistakes, above all in noise, and for accents and voices that it was not trained on.",
    )


def _summary(sentences: Sequence[ScoredSentence], phonemes: Sequence[ScoredPhoneme]) -> html.Section:
    gop = sum(phoneme.gop for phoneme in phonemes) / len(phonemes)
    doubtful = sum(phoneme.is_doubtful for phoneme in phonemes)
    calibrated = any(phoneme.verdict for phoneme in phonemes)
    return html.section(
        "Overview",
        html.key_metrics(
            html.KeyMetric("recordings", str(len(sentences))),
            html.KeyMetric("phonemes", str(len(phonemes))),
            html.KeyMetric("mean gop", f"{gop:.2f}", "0 is best"),
            html.KeyMetric(
                "probably wrong",
                f"{100 * doubtful / len(phonemes):.0f} %",
                "by calibrated verdicts" if calibrated else "another phoneme is more probable",
            ),
        ),
    )


def _weakest(sentences: Sequence[ScoredSentence]) -> html.Section | None:
    """Tabulate the phonemes with the lowest mean gop, with intervals over recordings."""
    found: dict[str, list[tuple[str, ScoredPhoneme]]] = defaultdict(list)
    for number, sentence in enumerate(sentences):
        for phoneme in sentence.score.phonemes:
            found[phoneme.symbol].append((str(number), phoneme))
    often = {symbol: pairs for symbol, pairs in found.items() if len(pairs) >= _FEWEST}
    weakest = sorted(
        often, key=lambda symbol: sum(phoneme.gop for _, phoneme in often[symbol]) / len(often[symbol])
    )
    rows = [_weak_row(symbol, often[symbol]) for symbol in weakest[:_WEAKEST]]
    if not rows:
        return None
    return html.section(
        "Weakest phonemes",
        html.table(["phoneme", "times", "mean gop", "95 % interval", "probably wrong", "mostly said"], rows),
        html.note(
            f"Phonemes that were expected {_FEWEST} times or more. Intervals resample recordings; fewer than "
            "ten recordings with the phoneme have none."
        ),
    )


def _weak_row(symbol: str, pairs: Sequence[tuple[str, ScoredPhoneme]]) -> list[object]:
    gops = np.array([phoneme.gop for _, phoneme in pairs])
    interval = resampled_interval(lambda rows: float(gops[rows].mean()), [key for key, _ in pairs])
    doubtful = [phoneme for _, phoneme in pairs if phoneme.is_doubtful]
    said = Counter(phoneme.said or NOTHING for phoneme in doubtful).most_common(1)
    return [
        symbol,
        len(pairs),
        f"{gops.mean():.2f}",
        f"{interval.low:.2f} to {interval.high:.2f}" if interval else "",
        f"{100 * len(doubtful) / len(pairs):.0f} %",
        f"{said[0][0]} ({said[0][1]}×)" if said else "",
    ]


def _confusions(phonemes: Sequence[ScoredPhoneme]) -> html.Section | None:
    """Tabulate what was probably said instead of which phoneme."""
    counts = Counter((one.symbol, one.said or NOTHING) for one in phonemes if one.is_doubtful)
    expected = Counter(one.symbol for one in phonemes)
    rows = [
        [symbol, said, count, expected[symbol]] for (symbol, said), count in counts.most_common(_CONFUSIONS)
    ]
    if not rows:
        return None
    return html.section(
        "Confusions",
        html.table(["expected", "probably said", "times", "of"], rows),
        html.note(f"{NOTHING} stands for a phoneme that was left out."),
    )


def _legend() -> Html:
    samples = (
        element("span", _pair("θ", "s", "wrong", ""), " another phoneme"),
        element("span", _pair("t", NOTHING, "missed", ""), " left out"),
        element("span", _pair("–", "ə", "added", ""), " inserted"),
    )
    return element("p", "Expected phonemes are above what was probably said: ", samples, class_="legend")


def _sentence(number: int, sentence: ScoredSentence) -> Html:
    score = sentence.score
    whole = score.utterance
    right = "" if whole.probability_right is None else f" · {100 * whole.probability_right:.0f} % right"
    words = [_word(*parts) for parts in zip(score.words, cells_of_words(score), sentence.sounds, strict=True)]
    return element(
        "article",
        html.heading(f"{number}. {score.name}"),
        html.paragraph(sentence.text) if sentence.text else "",
        html.note(f"{score.num_seconds:.2f} s · mean gop {whole.gop:.2f}{right}"),
        [html.note(f"Warning: {warning}") for warning in score.warnings],
        element("div", words, class_="spoken-words"),
        class_="utterance",
    )


def _word(word: ScoredWord, cells: Sequence[PhonemeCell], sound: bytes) -> Html:
    pairs = [_pair(cell.above, cell.below, cell.kind, cell.title) for cell in cells]
    label = f"{word.text}, {word.start:.2f} to {word.end:.2f} s"
    player = html.audio_player(sound, label=label, media_type="audio/mpeg") if sound else ""
    return element("div", element("div", pairs, class_="aligned"), player, class_="spoken-word")


def cells_of_words(score: PronunciationScore) -> list[list[PhonemeCell]]:
    """List what is shown of each word; insertions behind the last word are shown in it."""
    first, words, inserted = 0, [], score.probable_insertions
    for word in score.words:
        num_gaps = len(word.phonemes) + (word is score.words[-1])
        gaps = [inserted.get(first + place, []) for place in range(num_gaps)]
        cells: list[PhonemeCell] = []
        for gap, phoneme in zip_longest(gaps, word.phonemes):
            cells += [*map(_inserted, gap), *([_expected(phoneme)] if phoneme else [])]
        words.append(cells)
        first += len(word.phonemes)
    return words


def _expected(phoneme: ScoredPhoneme) -> PhonemeCell:
    kind = "right" if not phoneme.is_doubtful else "wrong" if phoneme.said else "missed"
    said = (phoneme.said or NOTHING) if phoneme.is_doubtful else phoneme.symbol
    known = phoneme.probability_right
    chance = "" if known is None else f", {100 * known:.0f} % right"
    instead = f"[{phoneme.said}]" if phoneme.said else "left out"
    title = (
        f"[{phoneme.symbol}] {phoneme.start:.2f} to {phoneme.end:.2f} s: gop {phoneme.gop:.2f}{chance}; "
        f"{instead} {phoneme.said_log_ratio:+.1f}"
    )
    goodness = math.exp(phoneme.gop) if known is None else known
    return PhonemeCell(phoneme.symbol, said, kind, title, phoneme.start, phoneme.end, goodness)


def _inserted(gap: Insertion) -> PhonemeCell:
    title = f"inserted [{gap.symbol}] {gap.log_ratio:+.1f}"
    return PhonemeCell("–", gap.symbol, "added", title, gap.start, gap.end, 0.0)


def _pair(above: str, below: str, kind: str, title: str) -> Html:
    parts = element("span", above), element("span", below)
    return element("span", *parts, class_=f"pair {kind}", title=title or None)
