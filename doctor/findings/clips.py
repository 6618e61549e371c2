"""Checks of single clips."""

from collections.abc import Iterator

from doctor.clip_measures import decibels
from doctor.findings.finding import ClipCheck, Finding, many
from doctor.survey import Survey

SILENT_DB = -60.0  # of full scale, root mean square
SILENT_SHARE = 10 ** (SILENT_DB / 20)
CLIPPED_SHARE = 0.001
SHORT_SECONDS, LONG_SECONDS = 0.3, 20.0
SLOWEST, FASTEST = 1.0, 30.0  # phonemes a second; people speak 5 to 20
FLUENT = 25.0  # phonemes a second that fast speakers reach over a whole clip
FEWEST_LABELS = 8  # in shorter clips the cut at either end decides


cannot_hold_labels = ClipCheck(
    "warning",
    "cannot_hold_labels",
    "clip with more labels than frames",
    "clips with more labels than frames",
    "CTC needs more frames than the clip has, so training skips such a clip.",
    "Probably the labels are wrong or the audio is cut off: correct or remove these clips. Otherwise, "
    "choose a network with a smaller stride.",
    lambda split: split.room_for_labels < 1,
    lambda clip, seconds: (
        f"{clip['num_labels']} labels need {clip['frames_needed']} frames, "
        f"{seconds:.2f} s give {clip['frames']}"
    ),
    unused_too=True,
)
without_labels = ClipCheck(
    "warning",
    "without_labels",
    "clip without a single label",
    "clips without a single label",
    "The model learns to output nothing for them.",
    "Remove them, unless they are silent on purpose.",
    lambda split: split.clips["num_labels"] == 0,
    lambda clip, seconds: f"{seconds:.2f} s",
)
silent = ClipCheck(
    "warning",
    "silent",
    "silent clip",
    "silent clips",
    f"Their level lies below {SILENT_DB:.0f} dB of full scale.",
    "Remove them, or find out why their audio is missing.",
    lambda split: split.clips["rms"] < SILENT_SHARE,
    lambda clip, seconds: f"{decibels(clip['rms']):.0f} dB",
)
clipped = ClipCheck(
    "warning",
    "clipped",
    "clipped clip",
    "clipped clips",
    f"At least {CLIPPED_SHARE:.1%} of the samples are clipped.",
    "Record with less gain if you can; a few such clips do no harm.",
    lambda split: split.clips["clipped_share"] >= CLIPPED_SHARE,
    lambda clip, seconds: f"{clip['clipped_share']:.1%} of its samples",
)
odd_speed = ClipCheck(
    "warning",
    "odd_speed",
    f"clip with labels slower than {SLOWEST:g} or faster than {FASTEST:g} phonemes a second",
    f"clips with labels slower than {SLOWEST:g} or faster than {FASTEST:g} phonemes a second",
    "People speak 5 to 20: these labels probably belong to other audio.",
    "Compare audio and labels of the examples.",
    lambda split: (
        (split.clips["num_phonemes"] > 0)
        & ((split.phonemes_per_second < SLOWEST) | (split.phonemes_per_second > FASTEST))
    ),
    lambda clip, seconds: f"{many(int(clip['num_phonemes']), 'phoneme')} in {seconds:.2f} s",
)
longer_than_clip = ClipCheck(
    "warning",
    "longer_than_clip",
    "clip with a label that takes longer to say than the clip lasts",
    "clips with labels that take longer to say than the clips last",
    f"People say at most {FLUENT:g} phonemes a second.",
    "The label has words that the audio lacks: listen to the examples, then cut the label or leave them out.",
    lambda split: (
        (split.room_for_labels >= 1)
        & (split.phonemes_per_second > FLUENT)
        & (split.phonemes_per_second <= FASTEST)
        & (split.clips["num_phonemes"] >= FEWEST_LABELS)
    ),
    lambda clip, seconds: (
        f"{clip['num_phonemes']} phonemes take {clip['num_phonemes'] / FLUENT:.1f} s at least, "
        f"the clip lasts {seconds:.1f} s"
    ),
)
very_short = ClipCheck(
    "note",
    "very_short",
    f"clip shorter than {SHORT_SECONDS} s",
    f"clips shorter than {SHORT_SECONDS} s",
    "That is less than a word.",
    "Listen to a few: such clips are often cut off.",
    lambda split: split.seconds < SHORT_SECONDS,
    lambda clip, seconds: f"{seconds:.2f} s",
)


def very_long(survey: Survey) -> Iterator[Finding]:
    """Very long clips determine how much memory training needs."""
    limit = survey.max_batch_seconds or LONG_SECONDS
    check = ClipCheck(
        "warning" if survey.max_batch_seconds else "note",
        "very_long",
        f"clip longer than {limit:g} s",
        f"clips longer than {limit:g} s",
        "Memory grows with the longest clip of a batch, faster than linearly for a transformer.",
        "Raise data.max_batch_seconds, or cut them: each is a separate batch that exceeds the limit."
        if survey.max_batch_seconds
        else "If memory runs out, cut them, or set data.max_batch_seconds instead of data.batch_size.",
        lambda split: split.seconds > limit,
        lambda clip, seconds: f"{seconds:.1f} s",
    )
    return check(survey)
