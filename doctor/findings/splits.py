"""Checks of splits and between splits; each check returns one finding or none."""

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dataset_modules.labels.skipping import num_allowed
from doctor.findings.clips import SILENT_SHARE
from doctor.findings.finding import EXAMPLES, Finding, many
from doctor.survey import SourceSkips, SplitSurvey, Survey

PADDING_SHARE = 0.2


def nothing_to_train_on(survey: Survey) -> Finding | None:
    """The training split must hold clips."""
    if len(survey.trained_on):
        return None
    return Finding(
        "fatal",
        "nothing_to_train_on",
        "No clip to train on",
        f"Of {survey.trained_on.num_skipped:,} recordings for training none could be used.",
        "See the reasons under skipped recordings; check the paths and labels that dataset_classes name.",
    )


def plan_faults(survey: Survey) -> Finding | None:
    """Settings of the run may require more data than there are."""
    if not survey.plan_faults:
        return None
    return Finding(
        "fatal",
        "plan_faults",
        "The settings need more data than there are",
        f"Training would not start: {'; '.join(survey.plan_faults)}.",
        "Change these settings, or add data.",
        number=len(survey.plan_faults),
    )


def skipped_recordings(survey: Survey) -> Finding | None:
    """Recordings may be unusable; too many of them in one data set stop a run."""
    skips = [own for split in survey.splits.values() for own in split.skips]
    number, total = sum(own.num_skipped for own in skips), sum(own.total for own in skips)
    if not number:
        return None
    excess = [own for own in _by_source(skips) if _too_many(own)]
    limits = "; ".join(
        f"{own[0].dataset} skips {sum(each.num_skipped for each in own):,} of "
        f"{sum(each.total for each in own):,}, more than max_skipped_share="
        f"{'null' if own[0].max_share is None else own[0].max_share} allows"
        for own in excess
    )
    listed = (skipped for own in skips for skipped in own.listed())
    return Finding(
        "fatal" if excess else "warning",
        "skipped_recordings",
        f"{many(number, 'recording')} of {total:,} cannot be used",
        f"Training would not start: {limits}." if excess else "Training would skip them.",
        "Correct or remove them; the report and doctor.json list all"
        + (", or raise max_skipped_share of the data set if the rest is enough." if excess else "."),
        tuple(f"{skipped.id}: {skipped.reason}" for skipped in itertools.islice(listed, EXAMPLES)),
        number,
    )


def _by_source(skips: Iterable[SourceSkips]) -> list[list[SourceSkips]]:
    """Group the skipped recordings of all splits by data set."""
    sources: dict[int, list[SourceSkips]] = {}
    for own in skips:
        sources.setdefault(own.source, []).append(own)
    return list(sources.values())


def _too_many(own: list[SourceSkips]) -> bool:
    """Check whether the data set skips more than it may."""
    allowed = num_allowed(sum(each.total for each in own), own[0].max_share)
    return sum(each.num_skipped for each in own) > allowed


def same_recording_in_two_splits(survey: Survey) -> Finding | None:
    """Evaluation on training data makes the metrics too good."""
    number, examples = 0, []
    for left, right in _pairs(survey):
        rows = _rows_also_in(left, right)
        number += len(rows)
        examples += [
            f"{left.id_of(row)} ({left.name}) is {right.id_of(_twin(left, row, right))} ({right.name})"
            for row in rows[:EXAMPLES].tolist()
        ]
    if not number:
        return None
    return Finding(
        "warning",
        "same_recording",
        f"{many(number, 'recording')} in two splits",
        "The same audio is used for training and evaluation, or evaluated twice: metrics will be too good.",
        "Leave them in one split only.",
        tuple(examples[:EXAMPLES]),
        number,
    )


def _rows_also_in(left: SplitSurvey, right: SplitSurvey) -> NDArray[np.int64]:
    """Find the rows of one split whose recordings the other split also has."""
    theirs = right.clips.content[_audible(right)]
    ours = left.clips.content
    shared = np.isin(ours[:, 0], theirs[:, 0]) | np.isin(ours[:, 1], theirs[:, 1])
    return np.flatnonzero(shared & _audible(left))


def _twin(left: SplitSurvey, row: int, right: SplitSurvey) -> int:
    """Find the row of the other split with the same recording."""
    same = (right.clips.content == left.clips.content[row]).any(axis=1) & _audible(right)
    return int(np.flatnonzero(same)[0])


def _audible(split: SplitSurvey) -> NDArray[np.bool_]:
    """Mark the used clips with sound; all silent clips of one length are equal."""
    return (split.clips.rms >= SILENT_SHARE) & split.clips.used


def repeated_recordings(survey: Survey) -> Finding | None:
    """A split may hold the same audio more than once."""
    rows = {name: _repeated_rows(split) for name, split in survey.splits.items()}
    number = sum(len(own) for own in rows.values())
    if not number:
        return None
    where = ", ".join(f"{len(own):,} in {name}" for name, own in rows.items() if len(own))
    examples = [
        f"{survey.splits[name].id_of(row)} ({name})"
        for name, own in rows.items()
        for row in own.tolist()[:EXAMPLES]
    ]
    return Finding(
        "note",
        "repeated_recordings",
        f"{many(number, 'copy', 'copies')} of recordings within a split",
        f"The same audio occurs again: {where}.",
        "If multiply_train_data repeats them, do nothing; otherwise compare their labels, which may differ.",
        tuple(examples[:EXAMPLES]),
        number,
    )


def _repeated_rows(split: SplitSurvey) -> NDArray[np.int64]:
    """Find the rows whose recording an earlier row already has."""
    audible = np.flatnonzero(_audible(split))
    again = np.zeros(len(audible), dtype=np.bool_)
    for numbers in split.clips.content[audible].T:
        first = np.unique(numbers, return_index=True)[1]
        again |= ~np.isin(np.arange(len(audible)), first)
    return audible[again]


def same_speaker_in_two_splits(survey: Survey) -> Finding | None:
    """Speakers of the training split are easier to recognise."""
    shared, examples = set(), []
    for left, right in _pairs(survey):
        both = np.intersect1d(left.speakers, right.speakers)
        shared.update(both.tolist())
        examples += [f"{survey.speakers[number]}: {left.name} and {right.name}" for number in both[:EXAMPLES]]
    if not shared:
        return None
    return Finding(
        "warning",
        "same_speaker",
        f"{many(len(shared), 'speaker')} in two splits",
        "The metrics show how well these speakers are recognised, not new speakers.",
        "Keep each speaker in one split, unless the model is meant for these speakers.",
        tuple(examples[:EXAMPLES]),
        len(shared),
    )


def _pairs(survey: Survey) -> Iterable[tuple[SplitSurvey, SplitSurvey]]:
    splits = list(survey.splits.values())
    return ((left, right) for number, left in enumerate(splits) for right in splits[number + 1 :])


def speakers_unknown(survey: Survey) -> Finding | None:
    """Unknown speakers cannot be compared between splits."""
    clips = sum(len(split) for split in survey.splits.values())
    unknown = sum(
        int((split.clips.used & (split.clips.speaker < 0)).sum()) for split in survey.splits.values()
    )
    if not unknown:
        return None
    return Finding(
        "note",
        "speakers_unknown",
        f"The speaker of {many(unknown, 'clip')} of {clips:,} is not known",
        "It cannot be checked whether these speakers are in two splits.",
        "Name speakers in the data set (the column speaker of a manifest) if you can.",
        number=unknown,
    )


def nothing_to_validate_on(survey: Survey) -> Finding | None:
    """The best checkpoint can only be chosen with validation clips."""
    empty = [name for name, split in survey.splits.items() if name != "train" and not len(split)]
    if "val" not in empty:
        return None
    return Finding(
        "warning",
        "nothing_to_judge_by",
        "No clip to validate on",
        "No best checkpoint can be chosen, and a scheduler or an early stop that monitors a metric fails.",
        "Set some clips aside, with validation_split or in the manifest.",
    )


def wasteful_padding(survey: Survey) -> Finding | None:
    """Padding wastes time."""
    batching = survey.trained_on.batching
    if batching is None or batching.padding_share < PADDING_SHARE:
        return None
    return Finding(
        "warning",
        "padding",
        f"{batching.padding_share:.0%} of each training batch is padding",
        "Lengths differ much within batches of this size.",
        "Set data.max_batch_seconds instead of data.batch_size, or take smaller batches.",
    )


def hardware(survey: Survey) -> Finding | None:
    """Training may need hardware that this machine lacks."""
    if survey.hardware_fault is None:
        return None
    return Finding(
        "warning",
        "hardware",
        "Training would not start on this machine",
        survey.hardware_fault,
        "If training runs on another machine, do nothing.",
    )
