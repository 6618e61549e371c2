"""List all checks of the data and run them."""

from doctor.findings import clips as clip_findings
from doctor.findings import labels as label_findings
from doctor.findings import phonemes as phoneme_findings
from doctor.findings import splits as split_findings
from doctor.findings import texts as text_findings
from doctor.findings.finding import SEVERITIES, Check, Finding
from doctor.survey import Survey

CHECKS: tuple[Check, ...] = (
    split_findings.nothing_to_train_on,
    split_findings.plan_faults,
    split_findings.skipped_recordings,
    phoneme_findings.unknown_phonemes,
    clip_findings.cannot_hold_labels,
    clip_findings.without_labels,
    clip_findings.silent,
    clip_findings.clipped,
    clip_findings.longer_than_clip,
    clip_findings.odd_speed,
    text_findings.odd_texts,
    label_findings.clips_cover_the_same,
    split_findings.same_recording_in_two_splits,
    split_findings.same_speaker_in_two_splits,
    phoneme_findings.never_trained_on,
    phoneme_findings.rare_phonemes,
    split_findings.nothing_to_validate_on,
    split_findings.small_evaluation,
    split_findings.wasteful_padding,
    clip_findings.very_long,
    clip_findings.very_short,
    split_findings.repeated_recordings,
    split_findings.speakers_unknown,
    label_findings.labels_found,
    split_findings.hardware,
)


def findings_of(survey: Survey) -> list[Finding]:
    """Return all findings, the worst first."""
    found = [finding for check in CHECKS for finding in check(survey)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
