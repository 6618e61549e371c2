"""Checks of single clips; each check takes the survey and returns one finding or none."""

import numpy as np
from numpy.typing import NDArray

from doctor.clip_measures import decibels
from doctor.findings.finding import Finding, clips_finding, many
from doctor.survey import SplitSurvey, Survey

SILENT_DB = -60.0  # of full scale, root mean square
SILENT_SHARE = 10 ** (SILENT_DB / 20)
CLIPPED_SHARE = 0.001
SHORT_SECONDS, LONG_SECONDS = 0.3, 20.0
SLOWEST, FASTEST = 1.0, 30.0  # phonemes a second; people speak 5 to 20


def cannot_hold_labels(survey: Survey) -> Finding | None:
    """CTC needs a frame for each label, and one more between equal neighbours."""
    return clips_finding(
        survey,
        lambda split: split.clips.frames < np.maximum(split.clips.frames_needed, 1),
        "warning",
        "cannot_hold_labels",
        "clip with more labels than frames",
        "CTC needs more frames than the clip has, so training skips such a clip.",
        "Probably the labels are wrong or the audio is cut off: correct or remove these clips. Otherwise, "
        "choose a network with a smaller stride.",
        lambda split, row: (
            f"{split.clips.num_labels[row]} labels need {split.clips.frames_needed[row]} frames, "
            f"{split.seconds[row]:.2f} s give {split.clips.frames[row]}"
        ),
        unused_too=True,
    )


def without_labels(survey: Survey) -> Finding | None:
    """Clips without labels train the model to output nothing."""
    return clips_finding(
        survey,
        lambda split: split.clips.num_labels == 0,
        "warning",
        "without_labels",
        "clip without a single label",
        "The model learns to output nothing for them.",
        "Remove them, unless they are silent on purpose.",
        lambda split, row: f"{split.seconds[row]:.2f} s",
    )


def silent(survey: Survey) -> Finding | None:
    """Silent clips have labels but no speech."""
    return clips_finding(
        survey,
        lambda split: split.clips.rms < SILENT_SHARE,
        "warning",
        "silent",
        "silent clip",
        f"Their level lies below {SILENT_DB:.0f} dB of full scale.",
        "Remove them, or find out why their audio is missing.",
        lambda split, row: f"{decibels(float(split.clips.rms[row])):.0f} dB",
    )


def clipped_clips(survey: Survey) -> Finding | None:
    """Clipped clips come from an overloaded recording."""
    return clips_finding(
        survey,
        lambda split: split.clips.clipped_share >= CLIPPED_SHARE,
        "warning",
        "clipped",
        "clipped clip",
        f"At least {CLIPPED_SHARE:.1%} of the samples are clipped.",
        "Record with less gain if you can; a few such clips do no harm.",
        lambda split, row: f"{split.clips.clipped_share[row]:.1%} of its samples",
    )


def very_short(survey: Survey) -> Finding | None:
    """Very short clips are shorter than a word."""
    return clips_finding(
        survey,
        lambda split: split.seconds < SHORT_SECONDS,
        "note",
        "very_short",
        f"clip shorter than {SHORT_SECONDS} s",
        "That is less than a word.",
        "Listen to a few: such clips are often cut off.",
        lambda split, row: f"{split.seconds[row]:.2f} s",
    )


def very_long(survey: Survey) -> Finding | None:
    """Very long clips determine how much memory training needs."""
    limit = survey.max_batch_seconds or LONG_SECONDS
    advice = (
        "Raise data.max_batch_seconds, or cut them: each is a separate batch that exceeds the limit."
        if survey.max_batch_seconds
        else "If memory runs out, cut them, or set data.max_batch_seconds instead of data.batch_size."
    )
    return clips_finding(
        survey,
        lambda split: split.seconds > limit,
        "warning" if survey.max_batch_seconds else "note",
        "very_long",
        f"clip longer than {limit:g} s",
        "Memory grows with the longest clip of a batch, faster than linearly for a transformer.",
        advice,
        lambda split, row: f"{split.seconds[row]:.1f} s",
    )


def odd_speed(survey: Survey) -> Finding | None:
    """Clips with an odd speed have labels that cannot be spoken in that time."""
    return clips_finding(
        survey,
        _odd_speed,
        "warning",
        "odd_speed",
        f"clip with labels slower than {SLOWEST:g} or faster than {FASTEST:g} phonemes a second",
        "People speak 5 to 20: these labels probably belong to other audio.",
        "Compare audio and labels of the examples.",
        lambda split, row: f"{many(int(split.clips.num_labels[row]), 'label')} in {split.seconds[row]:.2f} s",
    )


def _odd_speed(split: SplitSurvey) -> NDArray[np.bool_]:
    speed = split.clips.num_labels / np.maximum(split.seconds, 1e-9)
    return ((speed < SLOWEST) | (speed > FASTEST)) & (split.clips.num_labels > 0)
