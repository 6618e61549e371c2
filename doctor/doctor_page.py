"""The doctor's report: verdict, findings, numbers, pictures, skipped recordings, and examples."""

from collections.abc import Mapping, Sequence

from doctor import plots
from doctor.augmentation_examples import AugmentationExample, spectrogram
from doctor.findings.clips import CLIPPED_SHARE, FASTEST, LONG_SECONDS, SHORT_SECONDS, SILENT_DB, SLOWEST
from doctor.findings.finding import Finding, Severity, many
from doctor.findings.phonemes import RARE_COUNT
from doctor.survey import Survey
from doctor.tables import (
    BATCH_HEADERS,
    SPLIT_HEADERS,
    batch_rows,
    copies_and_synthesis_of,
    every_skipped,
    phoneme_rows,
    split_rows,
    steps_in_all,
)
from reports import html
from reports.html import Html, element

_TONES: dict[Severity, html.Tone] = {"fatal": "bad", "warning": "warn", "note": "plain"}
_ROWS_SHOWN = 200  # of skipped recordings; doctor.json has all


def doctor_page(
    title: str, survey: Survey, findings: Sequence[Finding], examples: Sequence[AugmentationExample] = ()
) -> str:
    """Return the report as the text of one HTML file."""
    sections = [_findings(findings), _splits(survey)]
    if any(len(split) for split in survey.splits.values()):
        sections += [
            html.section("Clips", plots.clip_histograms(survey)),
            _phonemes(survey),
            _batches(survey),
        ]
    if skipped := every_skipped(survey):
        sections.append(_skipped(skipped))
    if examples:
        sections.append(_examples(examples))
    sections.append(_definitions(survey.trained_on.sampling_rate))
    return html.page(title, sections, lead=verdict(findings))


def verdict(findings: Sequence[Finding]) -> str:
    """Summarise the findings in a sentence.

    >>> verdict([])
    'The data are ready for training.'
    """
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in _TONES}
    if counts["fatal"]:
        return f"Training would fail: {counts['fatal']} fatal, {many(counts['warning'], 'warning')}."
    if counts["warning"]:
        return f"Training would run, with {many(counts['warning'], 'warning')}."
    return "The data are ready for training."


def _findings(findings: Sequence[Finding]) -> html.Section:
    if not findings:
        return html.section("Findings", html.callout("good", "fine", "No problem was found"))
    return html.section("Findings", [_finding(finding) for finding in findings])


def _finding(finding: Finding) -> Html:
    is_open = finding.severity == "fatal"
    return html.callout(
        _TONES[finding.severity],
        finding.severity,
        finding.title,
        html.paragraph(finding.text),
        html.paragraph(Html("<strong>What to do:</strong> "), finding.advice),
        html.details("Examples", html.bullets(finding.examples), is_open=is_open) if finding.examples else "",
    )


def _splits(survey: Survey) -> html.Section:
    splits = survey.splits.values()
    clips, hours = sum(len(split) for split in splits), sum(split.hours for split in splits)
    speakers = len(survey.speakers)
    metrics = [
        html.KeyMetric("clips", f"{clips:,}"),
        html.KeyMetric("hours", f"{hours:.2f}"),
        html.KeyMetric("speakers", f"{speakers:,}" if speakers else "unknown"),
        html.KeyMetric("left out", f"{sum(split.num_skipped for split in splits):,}", "recordings"),
    ]
    return html.section(
        "Splits",
        html.key_metrics(*metrics),
        html.table(SPLIT_HEADERS, split_rows(survey)),
        [html.note(origin) for origin in copies_and_synthesis_of(survey)],
    )


def _phonemes(survey: Survey) -> html.Section:
    counts = survey.trained_on.phonemes
    present = sum(counts[phoneme] > 0 for phoneme in survey.vocabulary)
    outside = {phoneme for split in survey.splits.values() for phoneme in split.unknown}
    headers = ["phoneme", *survey.splits, "in vocabulary"]
    return html.section(
        "Phonemes",
        html.key_metrics(
            html.KeyMetric(
                "in the vocabulary", f"{len(survey.vocabulary)}", f"recordings of train: {present}"
            ),
            html.KeyMetric("outside it", f"{len(outside)}", "kinds in the labels"),
            html.KeyMetric("labels in train", f"{sum(counts.values()):,}"),
        ),
        plots.phoneme_counts(survey),
        html.details("All counts", html.table(headers, phoneme_rows(survey))),
        _unknown(survey),
    )


def _unknown(survey: Survey) -> Html:
    rows = [
        [phoneme, split.name, count, ", ".join(split.unknown_examples.get(phoneme, []))]
        for split in survey.splits.values()
        for phoneme, count in split.unknown.most_common()
    ]
    if not rows:
        return Html("")
    return Html(
        html.heading("Outside the vocabulary")
        + html.table(["phoneme", "split", "count", "clips, such as"], rows)
    )


def _batches(survey: Survey) -> html.Section:
    batching = survey.trained_on.batching
    total = steps_in_all(survey)
    metrics = [
        html.KeyMetric(
            "steps per epoch", f"{batching.optimizer_steps:,}" if batching else "–", "of the optimizer"
        ),
        html.KeyMetric("steps in all", f"{total:,}" if total is not None else "open"),
        html.KeyMetric("padding in train", f"{batching.padding_share:.1%}" if batching else "–"),
    ]
    return html.section(
        "Batches",
        html.key_metrics(*metrics),
        html.table(BATCH_HEADERS, batch_rows(survey)),
        html.note(f"Per device and epoch, on {many(survey.plan.world_size, 'device')}."),
    )


def _skipped(skipped: Sequence[Mapping[str, str]]) -> html.Section:
    columns = ("split", "id", "reason", "path", "dataset")
    rows = [[recording[column] for column in columns] for recording in skipped[:_ROWS_SHOWN]]
    rest = len(skipped) - _ROWS_SHOWN
    return html.section(
        "Left out",
        html.table(["split", "recording", "reason", "file", "data set"], rows),
        html.note(f"And {rest:,} more, see doctor.json.") if rest > 0 else "",
    )


def _examples(examples: Sequence[AugmentationExample]) -> html.Section:
    return html.section(
        "Augmentation",
        html.paragraph("Training clips before augmentation, and as they enter the first epoch."),
        [_example(number, example) for number, example in enumerate(examples, start=1)],
    )


def _example(number: int, example: AugmentationExample) -> Html:
    sides = [
        Html(
            spectrogram(side, example.sampling_rate, label)
            + html.audio_player(wav, label=f"{label}, {example.id}")
        )
        for side, wav, label in (
            (example.before, example.before_wav, "before"),
            (example.after, example.after_wav, "after"),
        )
    ]
    return Html(
        html.heading(f"{number}. {example.id}")
        + html.paragraph(" ".join(example.phonemes))
        + (html.note(example.remark) if example.remark else "")
        + html.side_by_side(*(element("div", side) for side in sides))
    )


def _definitions(rate: int) -> html.Section:
    return html.section(
        "How it was measured",
        html.bullets(
            [
                f"Audio: the input of training, one channel, {rate:,} Hz, from the cache.",
                f"Silent: a root mean square below {SILENT_DB:.0f} dB of full scale.",
                f"Clipped: at least {CLIPPED_SHARE:.1%} of the samples in runs of three or more at full "
                "scale, or of equal samples at the clip's peak.",
                f"Very short: below {SHORT_SECONDS} s. Very long: above {LONG_SECONDS:g} s, or above "
                "max_batch_seconds.",
                f"Odd speed: below {SLOWEST:g} or above {FASTEST:g} labels a second.",
                f"Rare: fewer than {RARE_COUNT} times in train.",
                "Room for labels: CTC needs a frame for each label and one more between equal neighbours; "
                "frames are counted by the strides of the configured network.",
                "The same recording: the same length and the same levels over time, to 0.2 dB. "
                "Names do not matter. Copies that were cut, made louder or encoded with loss are not found.",
                "Copies of recordings, and synthetic speech beside recordings, count in the batches only.",
                "Padding: the share of the first epoch's batches that is not audio.",
            ]
        ),
    )
