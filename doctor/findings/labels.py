"""What the data sets took for labels, to compare with what is said."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from doctor.findings.finding import EXAMPLES, Finding
from doctor.survey import Survey

_NO_LABELS = "no labels"


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
        " ".join([*_speed(survey), *_coverage(survey), *_left_out(survey)]),
        "Compare the examples with what is said there. label_kind, label_tier, clip_tier and label_format of "
        "the data set choose other labels.",
        tuple(example for summary in survey.labels for example in summary.examples)[:EXAMPLES],
        sum(kinds.values()) - kinds[_NO_LABELS],
    )


def _speed(survey: Survey) -> Iterator[str]:
    speeds = [split.labels_per_second[split.clips["used"]] for split in survey.splits.values()]
    speed = np.concatenate(speeds) if speeds else np.zeros(0)
    if len(speed):
        median = np.median(speed)
        yield f"Half of the clips have more than {median:.1f} phonemes a second; people speak 5 to 20."


def _coverage(survey: Survey) -> Iterator[str]:
    whole = sum(summary.recording_seconds for summary in survey.labels)
    clips = sum(summary.clip_seconds for summary in survey.labels)
    if whole:
        yield f"Clips cover {clips / 60:.1f} of {whole / 60:.1f} minutes of the annotated recordings."


def _left_out(survey: Survey) -> Iterator[str]:
    notes = [note for summary in survey.labels for note in summary.notes()]
    if notes:
        yield f"Also: {'; '.join(notes)}."
