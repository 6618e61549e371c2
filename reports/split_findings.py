"""What is wrong with splits and between them; each check gives one finding or none."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from reports.data_survey import SplitSurvey, Survey
from reports.finding import EXAMPLES, Finding, many

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


def skipped_recordings(survey: Survey) -> Finding | None:
    """Recordings that could not be used; too many of them stop the preparation."""
    sources = [(split, skips) for split in survey.splits.values() for skips in split.skips]
    excess = [(split, skips) for split, skips in sources if skips.too_many]
    number = sum(skips.num_skipped for _, skips in sources)
    if not number:
        return None
    total = sum(skips.total for _, skips in sources)
    limits = "; ".join(
        f"{skips.dataset} skips {skips.num_skipped} of {skips.total} {split.name} recordings, "
        f"max_skipped_share allows {skips.allowed_share:.0%}"
        for split, skips in excess
    )
    reasons = [f"{key}: {why}" for _, skips in (excess or sources) for key, why in skips.reasons.items()]
    return Finding(
        "fatal" if excess else "warning",
        "skipped_recordings",
        f"{many(number, 'recording')} of {total:,} cannot be used",
        f"Training would refuse to start: {limits}." if excess else "Training would leave them out.",
        "Mend or remove them"
        + (", or raise max_skipped_share of the data set if the rest is enough." if excess else "."),
        tuple(reasons[:EXAMPLES]),
        number,
    )


def same_recording_in_two_splits(survey: Survey) -> Finding | None:
    """Evaluating on what was trained on flatters the figures."""
    count, examples = 0, []
    for left, right in _pairs(survey):
        shared = np.intersect1d(_contents(left), _contents(right))
        count += len(shared)
        examples += [
            f"{left.id_of(_row_of(left, number))} ({left.name}) is "
            f"{right.id_of(_row_of(right, number))} ({right.name})"
            for number in shared[:EXAMPLES]
        ]
    if not count:
        return None
    return Finding(
        "warning",
        "same_recording",
        f"{many(count, 'recording')} in two splits",
        "The same audio, sample by sample, is trained on and judged by: the figures will be too good.",
        "Leave them in one split only.",
        tuple(examples[:EXAMPLES]),
        count,
    )


def repeated_recordings(survey: Survey) -> Finding | None:
    """The same audio more than once in a split."""
    counts, examples = {}, []
    for split in survey.splits.values():
        numbers, first, times = np.unique(_contents(split), return_index=True, return_counts=True)
        repeated = np.flatnonzero(times > 1)
        if len(repeated):
            counts[split.name] = int((times[repeated] - 1).sum())
            rows = np.flatnonzero(split.clips.peak > 0)[first[repeated]]
            examples += [
                f"{split.id_of(int(row))} ({split.name}): {times[position]} times"
                for row, position in zip(rows[:EXAMPLES], repeated, strict=False)
            ]
    if not counts:
        return None
    where = ", ".join(f"{number:,} in {name}" for name, number in counts.items())
    return Finding(
        "note",
        "repeated_recordings",
        f"{many(sum(counts.values()), 'copy', 'copies')} of recordings within a split",
        f"The same audio, sample by sample, is there again: {where}.",
        "Nothing to do where multiply_train_data asks for it; else check their labels, which may differ.",
        tuple(examples[:EXAMPLES]),
        sum(counts.values()),
    )


def _contents(split: SplitSurvey) -> NDArray[np.uint64]:
    """Contents of the clips that hold anything; all silence of one length is alike."""
    return split.clips.content[split.clips.peak > 0]


def _row_of(split: SplitSurvey, number: np.uint64) -> int:
    return int(np.flatnonzero(split.clips.content == number)[0])


def same_speaker_in_two_splits(survey: Survey) -> Finding | None:
    """Voices that were trained on are easier."""
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
        "The figures tell how well these voices are recognised, not how well new ones are.",
        "Keep each speaker in one split, unless the model is meant for these speakers.",
        tuple(examples[:EXAMPLES]),
        len(shared),
    )


def _pairs(survey: Survey) -> Iterable[tuple[SplitSurvey, SplitSurvey]]:
    splits = list(survey.splits.values())
    return ((left, right) for number, left in enumerate(splits) for right in splits[number + 1 :])


def speakers_unknown(survey: Survey) -> Finding | None:
    """Without speakers, nobody can say whether the splits share any."""
    clips = sum(len(split) for split in survey.splits.values())
    unknown = sum(int((split.clips.speaker < 0).sum()) for split in survey.splits.values())
    if not unknown:
        return None
    return Finding(
        "note",
        "speakers_unknown",
        f"The speaker of {many(unknown, 'clip')} of {clips:,} is not known",
        "Whether a speaker is in two splits cannot be told for them.",
        "Name speakers in the data set (the column speaker of a manifest) where you can.",
        number=unknown,
    )


def nothing_to_judge_by(survey: Survey) -> Finding | None:
    """Without validation clips no checkpoint is better than another."""
    empty = [name for name, split in survey.splits.items() if name != "train" and not len(split)]
    if "val" not in empty:
        return None
    return Finding(
        "warning",
        "nothing_to_judge_by",
        "No clip to validate on",
        "The best checkpoint cannot be told, and a scheduler or an early stop that watches a figure fails.",
        "Set some aside, with validation_split or in the manifest.",
    )


def wasteful_padding(survey: Survey) -> Finding | None:
    """Time spent on nothing."""
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
    """What training would refuse here, though the data may be examined."""
    if survey.hardware_fault is None:
        return None
    return Finding(
        "warning",
        "hardware",
        "Training would not start on this machine",
        survey.hardware_fault,
        "Nothing to do where training runs elsewhere.",
    )
