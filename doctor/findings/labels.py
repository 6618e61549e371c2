"""What the data sets took for labels, to compare with what is said."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from doctor.findings.finding import EXAMPLES, Finding
from doctor.survey import Survey

_NO_LABELS = "no labels"
_MOST_COVERED = 1.3  # of the recordings' time; speakers who interrupt each other cover some twice


def labels_found(survey: Survey) -> Iterator[Finding]:
    """Report which kinds of labels were found, with examples, and how much of the audio they cover."""
    kinds = sum((summary.kinds for summary in survey.labels), Counter[str]())
    if not kinds:
        return
    found = [f"{count:,} with {kind}" for kind, count in kinds.most_common()]
    yield Finding(
        "note",
        "labels_found",
        f"Labels: {', '.join(found[:EXAMPLES])}",
        " ".join([*_tiers(survey), *_speed(survey), *_coverage(survey), *_left_out(survey)]),
        "Compare the examples with what is said there. label_kind, label_tier, clip_tier, word_tier and "
        "label_format of the data set choose other labels.",
        tuple(example for summary in survey.labels for example in summary.examples)[:EXAMPLES],
        sum(kinds.values()) - kinds[_NO_LABELS],
    )


def _tiers(survey: Survey) -> Iterator[str]:
    used = dict.fromkeys(tiers for summary in survey.labels if (tiers := summary.tiers_in_words()))
    yield from (f"Tiers of label files: {one}." for one in used)


def _speed(survey: Survey) -> Iterator[str]:
    speeds = [split.phonemes_per_second[split.clips["used"]] for split in survey.splits.values()]
    speed = np.concatenate(speeds) if speeds else np.zeros(0)
    if len(speed):
        median = np.median(speed)
        yield f"Half of the clips have more than {median:.1f} phonemes a second; people speak 5 to 20."


def clips_cover_the_same(survey: Survey) -> Iterator[Finding]:
    """Warn where clips last much longer than the recordings that they are cut from."""
    for summary in survey.labels:
        if summary.clip_seconds > _MOST_COVERED * summary.recording_seconds > 0:
            yield Finding(
                "warning",
                "clips_cover_the_same",
                f"Clips cover {summary.clip_seconds / 60:.1f} minutes of recordings that last "
                f"{summary.recording_seconds / 60:.1f}",
                "Several clips hold the same speech: several tiers may have been taken for those of several "
                "speakers.",
                "Name the one tier of the labels by label_tier, unless speakers really speak at once.",
            )


def _coverage(survey: Survey) -> Iterator[str]:
    whole = sum(summary.recording_seconds for summary in survey.labels)
    clips = sum(summary.clip_seconds for summary in survey.labels)
    if whole:
        yield f"Clips cover {clips / 60:.1f} of {whole / 60:.1f} minutes of the annotated recordings."


def _left_out(survey: Survey) -> Iterator[str]:
    notes = [note for summary in survey.labels for note in summary.notes()]
    if notes:
        yield f"Also: {'; '.join(notes)}."
