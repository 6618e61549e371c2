"""A survey as rows and as JSON; report, terminal and file show the same numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dataset_modules.labels.skipping import copies_and_synthesis
from doctor.clip_measures import decibels
from doctor.findings.finding import Finding
from doctor.survey import NO_SPEAKER, SplitSurvey, Survey

SPLIT_HEADERS = ("split", "clips", "hours", "speakers", "shortest s", "median s", "longest s", "skipped")


def split_rows(survey: Survey) -> list[list[object]]:
    """Return one row for each split, with the columns of ``SPLIT_HEADERS``."""
    return [
        [
            split.name,
            len(split),
            round(split.hours, 3),
            len(split.speakers) or None,
            *(value if value is None else round(value, 2) for value in _durations(split)),
            split.num_skipped,
        ]
        for split in survey.splits.values()
    ]


def copies_and_synthesis_of(survey: Survey) -> list[str]:
    """Describe for each split how often its recordings are used and how much synthetic speech is mixed in."""
    origins = {name: "; ".join(copies_and_synthesis(split.parts)) for name, split in survey.splits.items()}
    return [f"{name}: {origin}" for name, origin in origins.items() if origin]


def _durations(split: SplitSurvey) -> list[float | None]:
    """Return the shortest, the median and the longest duration in seconds; None if there is no clip."""
    return np.quantile(split.used_seconds, [0.0, 0.5, 1.0]).tolist() if len(split) else [None] * 3


BATCH_HEADERS = ("split", "batches", "most clips", "heaviest, padded s", "padding %", "steps")


def batch_rows(survey: Survey) -> list[list[object]]:
    """Return one row for each split with its batches per device and epoch."""
    return [
        [
            split.name,
            batching.num_batches,
            batching.largest_clips,
            round(batching.largest_seconds, 1),
            round(100 * batching.padding_share, 2),
            batching.optimizer_steps or None,
        ]
        for split in survey.splits.values()
        if (batching := split.batching) is not None
    ]


def phoneme_rows(survey: Survey) -> list[list[object]]:
    """Return every phoneme with its count in each split and whether the vocabulary has it."""
    splits = list(survey.splits.values())
    known = set(survey.vocabulary)
    names = known.union(*(split.phonemes.keys() | split.unknown.keys() for split in splits))
    rows: list[list[object]] = [
        [
            name,
            *(split.phonemes[name] or split.unknown[name] for split in splits),
            "yes" if name in known else "no",
        ]
        for name in names
    ]
    return sorted(rows, key=lambda row: (-int(str(row[1])), str(row[0])))


def every_skipped(survey: Survey) -> list[dict[str, str]]:
    """Return every skipped recording with the reason."""
    return [
        {
            "split": split.name,
            "dataset": part.dataset_name,
            "id": skipped.id,
            "path": skipped.path,
            "reason": skipped.reason,
        }
        for split in survey.splits.values()
        for part in split.parts
        for skipped in part.skipped()
    ]


def steps_in_all(survey: Survey) -> int | None:
    """Return the optimizer steps of the whole run; None if the configuration sets no limit."""
    batching = survey.trained_on.batching
    max_epochs, max_steps = survey.plan.max_epochs, survey.plan.max_steps
    epochs = batching.optimizer_steps * max_epochs if batching and max_epochs else None
    return min((bound for bound in (epochs, max_steps) if bound is not None), default=None)


def as_json(survey: Survey, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return everything as JSON, for programs."""
    return {
        "training_would_fail": any(finding.severity == "fatal" for finding in findings),
        "findings": [finding._asdict() for finding in findings],
        "sampling_rate": survey.trained_on.sampling_rate,
        "unknown_phonemes": survey.unknown_policy,
        "devices": survey.plan.world_size,
        "steps_in_all": steps_in_all(survey),
        "splits": {name: _split_json(survey, split) for name, split in survey.splits.items()},
        "phonemes": {
            str(row[0]): {
                **dict(zip(survey.splits, row[1:-1], strict=True)),
                "in_vocabulary": row[-1] == "yes",
            }
            for row in phoneme_rows(survey)
        },
        "skipped": every_skipped(survey),
    }


def _split_json(survey: Survey, split: SplitSurvey) -> dict[str, Any]:
    used = split.clips[split.clips["used"]]
    shortest, median, longest = _durations(split)
    return {
        "clips": len(split),
        "hours": split.hours,
        "speakers": [survey.speakers[number] for number in split.speakers.tolist()],
        "clips_without_known_speaker": int((used["speaker"] == NO_SPEAKER).sum()),
        "shortest_seconds": shortest,
        "median_seconds": median,
        "longest_seconds": longest,
        "labels": int(used["num_labels"].sum()),
        "frames": int(used["frames"].sum()),
        "clips_that_cannot_hold_their_labels": int((split.room_for_labels < 1).sum()),
        "loudest_peak": float(used["peak"].max()) if len(used) else None,
        "quietest_rms_db": float(decibels(used["rms"].min())) if len(used) else None,
        "unknown_phonemes": dict(split.unknown.most_common()),
        "unknown_examples": split.unknown_examples,
        "recordings": sum(part.num_recordings for part in split.parts),
        "skipped": sum(part.num_skipped for part in split.parts),
        "copies": sum(part.num_copies for part in split.parts),
        "synthetic": sum(part.num_recordings for part in split.parts if part.is_synthetic),
        "batching": split.batching._asdict() if split.batching else None,
    }
