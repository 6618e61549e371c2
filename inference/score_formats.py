"""Write scores of pronunciation as text, JSON lines, Praat TextGrid or CSV."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from inference.formats import Format, Label, textgrid_of
from scoring.pronunciation import Insertion, PronunciationScore, ScoredPhoneme, ScoredWord
from untrusted.json_text import json_line
from untrusted.printing import printable

ScoreFormatName = Literal["text", "jsonl", "textgrid", "csv"]
NOTHING = "∅"  # where a phoneme was left out
_WIDTH = 16  # of the column of words
_COLUMNS = (
    *("name", "word", "symbol", "start", "end", "gop", "probability_right", "verdict"),
    *("said", "said_log_ratio", "deleted_log_ratio"),
)


def score_text(score: PronunciationScore) -> str:
    """Write a line for each word with its score, and what was probably said instead."""
    whole = score.utterance
    probability = _percent(whole.probability_right)
    lines = [
        f"{printable(score.name)}: {whole.num_phonemes} phonemes in {score.num_seconds:.2f} s, "
        f"mean gop {whole.gop:.2f}{probability and f', {probability} right'}"
    ]
    lines += [f"  warning: {warning}" for warning in score.warnings]
    first, inserted = 0, score.probable_insertions
    for word in score.words:
        gaps = [one for place in range(len(word.phonemes)) for one in inserted.get(first + place, ())]
        lines.append(f"  {_word_line(word, gaps)}".rstrip())
        first += len(word.phonemes)
    lines += [
        f"  {'':{_WIDTH}} {'':>7} {one.symbol} inserted at the end ({one.log_ratio:+.1f})"
        for one in inserted.get(first, ())
    ]
    return "\n".join(lines) + "\n"


def _word_line(word: ScoredWord, gaps: list[Insertion]) -> str:
    remarks = [_remark(phoneme) for phoneme in word.phonemes if phoneme.is_doubtful]
    remarks += [f"{one.symbol} inserted ({one.log_ratio:+.1f})" for one in gaps]
    gop = round(word.gop, 2) + 0.0  # no -0.00
    return f"{word.text:{_WIDTH}} {gop:7.2f} {_percent(word.probability_right):>5}  {', '.join(remarks)}"


def _remark(phoneme: ScoredPhoneme) -> str:
    """Describe a phoneme that was probably wrong.

    >>> _remark(ScoredPhoneme("ʃ", 0.1, 0.2, -4.0, "s", 3.96, -1.0))
    'ʃ: s instead (+4.0)'
    """
    said = f"{phoneme.said} instead" if phoneme.said else "left out"
    return f"{phoneme.symbol}: {said} ({phoneme.said_log_ratio:+.1f})"


def _percent(probability: float | None) -> str:
    return "" if probability is None else f"{100 * probability:.0f} %"


def score_jsonl(score: PronunciationScore) -> str:
    """Write one JSON object on one line; a log ratio of a sequence that is impossible is null."""
    whole = score.utterance
    described = {
        "name": score.name,
        "seconds": _rounded(score.num_seconds),
        "gop": _rounded(whole.gop),
        "probability_right": _rounded(whole.probability_right),
        "words": [_described_word(word) for word in score.words],
        "insertions": [_described(one) for one in score.insertions],
        "warnings": score.warnings,
    }
    return json_line(described) + "\n"


def _described_word(word: ScoredWord) -> dict[str, object]:
    return {
        "text": word.text,
        "start": _rounded(word.start),
        "end": _rounded(word.end),
        "gop": _rounded(word.gop),
        "probability_right": _rounded(word.probability_right),
        "verdict": word.verdict,
        "phonemes": [_described(phoneme) for phoneme in word.phonemes],
    }


def _described(one: ScoredPhoneme | Insertion) -> dict[str, object]:
    return {name: _rounded(value) for name, value in one._asdict().items()}


def _rounded(value: object) -> object:
    """Round numbers; one that is not finite becomes None, since JSON has no name for it."""
    if not isinstance(value, float):
        return value
    return round(value, 4) if math.isfinite(value) else None


def score_textgrid(score: PronunciationScore) -> str:
    """Write a TextGrid of three tiers: expected phonemes, those that were probably said, and scores.

    The score is the probability of having been said right, or gop without a calibration. Inserted phonemes
    stand beside the said phoneme that they follow; those at the start beside the first one.
    """
    times = [(phoneme.start, phoneme.end) for phoneme in score.phonemes]
    texts = {
        "expected": [phoneme.symbol for phoneme in score.phonemes],
        "said": list(_said(score)),
        "score": [_score_label(phoneme) for phoneme in score.phonemes],
    }
    tiers = {
        name: [Label(start, end, text) for (start, end), text in zip(times, labels, strict=True)]
        for name, labels in texts.items()
    }
    return textgrid_of(tiers, score.num_seconds)


def _said(score: PronunciationScore) -> Iterator[str]:
    inserted = score.probable_insertions
    for number, phoneme in enumerate(score.phonemes):
        said = (phoneme.said or NOTHING) if phoneme.is_doubtful else phoneme.symbol
        before = inserted.get(0, []) if number == 0 else []
        behind = inserted.get(number + 1, [])
        yield " ".join([*(one.symbol for one in before), said, *(one.symbol for one in behind)])


def _score_label(phoneme: ScoredPhoneme) -> str:
    value = phoneme.gop if phoneme.probability_right is None else phoneme.probability_right
    return f"{value:.2f}"


def score_csv(score: PronunciationScore) -> str:
    """Write a row for each phoneme; a phoneme that was probably inserted has a row without a symbol."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(_rows(score))
    return stream.getvalue()


def _rows(score: PronunciationScore) -> Iterator[list[object]]:
    name = printable(score.name)
    inserted = score.probable_insertions
    number = 0
    for place, word in enumerate(score.words, start=1):
        for phoneme in word.phonemes:
            yield from _inserted(name, inserted.get(number, ()))
            yield _cells({"name": name, "word": place, **phoneme._asdict()})
            number += 1
    yield from _inserted(name, inserted.get(number, ()))


def _inserted(name: str, gaps: Iterable[Insertion]) -> Iterator[list[object]]:
    for gap in gaps:
        said = {"said": gap.symbol, "said_log_ratio": gap.log_ratio}
        yield _cells({"name": name, "start": gap.start, "end": gap.end, **said})


def _cells(values: Mapping[str, object]) -> list[object]:
    return [_cell(values.get(column)) for column in _COLUMNS]


def _cell(value: object) -> object:
    return "" if _rounded(value) is None else _rounded(value)


SCORE_FORMATS: dict[ScoreFormatName, Format[PronunciationScore]] = {
    "text": Format(".txt", score_text, joins=True),
    "jsonl": Format(".jsonl", score_jsonl, joins=True),
    "textgrid": Format(".TextGrid", score_textgrid, joins=False),
    "csv": Format(".csv", score_csv, joins=True, header=",".join(_COLUMNS) + "\n"),
}
