"""Checks of splits and between splits."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dataset_modules.labels.skipping import SplitPart, counted, limit_of, over_limit
from doctor.findings.clips import SILENT_SHARE
from doctor.findings.finding import EXAMPLES, ClipCheck, Finding, many
from doctor.survey import NO_SPEAKER, SplitSurvey, Survey

PADDING_SHARE = 0.2
FEWEST_CLIPS, FEWEST_SECONDS = 30, 60.0  # of a split to evaluate on


def nothing_to_train_on(survey: Survey) -> Iterator[Finding]:
    """The training split must hold clips."""
    if not len(survey.trained_on):
        yield Finding(
            "fatal",
            "nothing_to_train_on",
            "No clip to train on",
            f"Of {survey.trained_on.num_skipped:,} recordings for training none could be used.",
            "See the reasons under skipped recordings; check the paths and labels that dataset_classes name.",
        )


def plan_faults(survey: Survey) -> Iterator[Finding]:
    """Settings of the run may require more data than there are."""
    if survey.plan_faults:
        yield Finding(
            "fatal",
            "plan_faults",
            "The settings need more data than there are",
            f"Training would not start: {'; '.join(survey.plan_faults)}.",
            "Change these settings, or add data.",
            number=len(survey.plan_faults),
        )


def skipped_recordings(survey: Survey) -> Iterator[Finding]:
    """Recordings may be unusable; too many of them in one data set stop a run."""
    every = (part for split in survey.splits.values() for part in split.parts)
    parts = sorted(every, key=lambda part: part.is_synthetic)  # recordings first
    number = sum(part.num_skipped for part in parts)
    if number:
        limits = "; ".join(
            f"{group[0].dataset_name} skips {counted(group)}, {limit_of(group[0].dataset)}"
            for group in over_limit(parts)
        )
        skipped = itertools.chain.from_iterable(part.skipped() for part in parts)
        consequence = f"Training would skip {'it' if number == 1 else 'them'}."
        yield Finding(
            "fatal" if limits else "warning",
            "skipped_recordings",
            f"{_skipped_by_origin(parts)} cannot be used",
            f"Training would not start: {limits}." if limits else consequence,
            "Correct or remove them; the report and doctor.json list all"
            + (", or raise max_skipped_share of the data set if the rest is enough." if limits else "."),
            tuple(f"{one.id}: {one.reason}" for one in itertools.islice(skipped, EXAMPLES)),
            number,
        )


def _skipped_by_origin(parts: Sequence[SplitPart]) -> str:
    """Count recordings and synthetic sentences apart, such as ``3 recordings of 97``."""
    origins = {
        "recording": [part for part in parts if not part.is_synthetic],
        "synthetic sentence": [part for part in parts if part.is_synthetic],
    }
    return " and ".join(
        f"{many(skipped, origin)} of {sum(part.num_recordings for part in own):,}"
        for origin, own in origins.items()
        if (skipped := sum(part.num_skipped for part in own))
    )


def same_recording_in_two_splits(survey: Survey) -> Iterator[Finding]:
    """Evaluation on training data makes the metrics too good."""
    number, examples = 0, []
    for left, right in itertools.combinations(survey.splits.values(), 2):
        rows = _rows_also_in(left, right)
        number += len(rows)
        examples += [
            f"{left.id_of(row)} ({left.name}) is {right.id_of(_twin(left, row, right))} ({right.name})"
            for row in rows[:EXAMPLES].tolist()
        ]
    if number:
        yield Finding(
            "warning",
            "same_recording",
            f"{many(number, 'recording')} in two splits",
            "The same audio is used for training and evaluation, or evaluated twice: "
            "the metrics will be too good.",
            "Leave them in one split only.",
            tuple(examples[:EXAMPLES]),
            number,
        )


def _rows_also_in(left: SplitSurvey, right: SplitSurvey) -> NDArray[np.int64]:
    """Find the rows of one split whose recordings the other split also has."""
    ours, theirs = left.clips["content"], right.clips["content"][_has_sound(right)]
    shared = np.isin(ours[:, 0], theirs[:, 0]) | np.isin(ours[:, 1], theirs[:, 1])
    return np.flatnonzero(shared & _has_sound(left))


def _twin(left: SplitSurvey, row: int, right: SplitSurvey) -> int:
    """Find the row of the other split with the same recording."""
    same = (right.clips["content"] == left.clips["content"][row]).any(axis=1) & _has_sound(right)
    return int(np.flatnonzero(same)[0])


def _has_sound(split: SplitSurvey) -> NDArray[np.bool_]:
    """Mark the used clips with sound; all silent clips of one length are equal."""
    return (split.clips["rms"] >= SILENT_SHARE) & split.clips["used"]


def _is_repeated(split: SplitSurvey) -> NDArray[np.bool_]:
    """Mark the clips whose recording an earlier clip of the split already has."""
    rows = np.flatnonzero(_has_sound(split))
    repeated = np.zeros(len(split.clips), dtype=np.bool_)
    for numbers in split.clips["content"][rows].T:
        first = np.unique(numbers, return_index=True)[1]
        repeated[np.delete(rows, first)] = True
    return repeated


repeated_recordings = ClipCheck(
    "note",
    "repeated_recordings",
    "copy of recordings within a split",
    "copies of recordings within a split",
    "The same audio occurs again.",
    "Compare their labels, which may differ, and leave one of them out.",
    _is_repeated,
    lambda clip, seconds: "",
)


def same_speaker_in_two_splits(survey: Survey) -> Iterator[Finding]:
    """Speakers of the training split are easier to recognise."""
    shared, examples = set(), []
    for left, right in itertools.combinations(survey.splits.values(), 2):
        both = np.intersect1d(left.speakers, right.speakers)
        shared.update(both.tolist())
        examples += [f"{survey.speakers[number]}: {left.name} and {right.name}" for number in both[:EXAMPLES]]
    if shared:
        yield Finding(
            "warning",
            "same_speaker",
            f"{many(len(shared), 'speaker')} in two splits",
            "The metrics show how well these speakers are recognised, not new speakers.",
            "Keep each speaker in one split, unless the model is meant for these speakers.",
            tuple(examples[:EXAMPLES]),
            len(shared),
        )


def speakers_unknown(survey: Survey) -> Iterator[Finding]:
    """Unknown speakers cannot be compared between splits."""
    clips = np.concatenate([split.clips[split.clips["used"]] for split in survey.splits.values()])
    unknown = int((clips["speaker"] == NO_SPEAKER).sum())
    if unknown:
        yield Finding(
            "note",
            "speakers_unknown",
            f"The speaker of {many(unknown, 'clip')} of {len(clips):,} is not known",
            "It cannot be checked whether these speakers are in two splits.",
            "Name speakers in the data set (the column speaker of a manifest) if you can.",
            number=unknown,
        )


def nothing_to_validate_on(survey: Survey) -> Iterator[Finding]:
    """The best checkpoint can only be chosen with validation clips."""
    if not len(survey.splits["val"]):
        yield Finding(
            "warning",
            "nothing_to_judge_by",
            "No clip to validate on",
            "No best checkpoint can be chosen, and a scheduler or early stop that monitors a metric fails.",
            "Set some clips aside, with validation_split or in the manifest.",
        )


def small_evaluation(survey: Survey) -> Iterator[Finding]:
    """Metrics of few clips depend much on which clips they are."""
    small = {
        split.name: f"{many(len(split), 'clip')}, {split.used_seconds.sum():.0f} s"
        for split in survey.splits.values()
        if split.name != "train" and len(split)
        if len(split) < FEWEST_CLIPS or split.used_seconds.sum() < FEWEST_SECONDS
    }
    if small:
        yield Finding(
            "warning",
            "small_evaluation",
            f"Few clips to evaluate on: {'; '.join(f'{name} has {size}' for name, size in small.items())}",
            "Error rates of so few clips have wide intervals: small differences between runs mean nothing.",
            f"Set more clips aside: at least {FEWEST_CLIPS} clips and {FEWEST_SECONDS:.0f} s for each split.",
            number=len(small),
        )


def wasteful_padding(survey: Survey) -> Iterator[Finding]:
    """Padding wastes time."""
    batching = survey.trained_on.batching
    if batching is not None and batching.padding_share >= PADDING_SHARE:
        yield Finding(
            "warning",
            "padding",
            f"{batching.padding_share:.0%} of each training batch is padding",
            "Lengths differ much within batches of this size.",
            "Set data.max_batch_seconds instead of data.batch_size, or take smaller batches.",
        )


def hardware(survey: Survey) -> Iterator[Finding]:
    """Training may need hardware that this machine lacks."""
    if survey.plan.hardware_fault is not None:
        yield Finding(
            "warning",
            "hardware",
            "Training would not start on this machine",
            survey.plan.hardware_fault,
            "If training runs on another machine, do nothing.",
        )
