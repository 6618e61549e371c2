"""Experiments side by side: figures, paired differences, learning curves, slices, what changed."""

from collections.abc import Sequence

from evaluation.comparison import Comparison, compare_analyses, conclusion, over_common, phoneme_changes
from evaluation.error_analysis import SplitAnalysis
from evaluation.slices import breakdowns
from experiment.contents import Experiment
from reports import html
from reports.error_sections import percent, span
from reports.experiment_page import curves_picture
from reports.html import Html

_CHANGES = 12
_CURVES = (("Validation loss", "CTC loss", "val_loss"), ("Phoneme error rate", "share", "val_per"))


def comparison_page(experiments: Sequence[Experiment]) -> str:
    """The page; the first experiment is what the others are compared with."""
    first, others = experiments[0], experiments[1:]
    sections = [
        _side_by_side(experiments),
        *(_against(first, other) for other in others),
        _slices(experiments),
        _learning(experiments),
        _configurations(experiments),
    ]
    return html.page(
        f"Comparison of {', '.join(experiment.name for experiment in experiments)}",
        [part for part in sections if part is not None],
        lead=f"Everything is compared with {first.name}: differences and slices over the utterances in "
        "common, figures over all that each has judged.",
        footer=f"Rebuild it with ./run.sh report {' '.join(str(own.folder) for own in experiments)}.",
    )


def _side_by_side(experiments: Sequence[Experiment]) -> html.Section:
    rows: list[list[object]] = []
    for experiment in experiments:
        for split, analysis in experiment.analyses.items():
            intervals, total = analysis.intervals, max(1, analysis.phonemes)
            rows.append(
                [
                    experiment.name,
                    split,
                    len(analysis.records),
                    percent(float(analysis.errors.sum()) / total),
                    span(intervals.get("per")),
                    percent(analysis.feature_error_rate),
                    *(percent(count / total) for count in analysis.edits.values()),
                ]
            )
    headers = ["experiment", "split", "utterances", "PER", "95 % interval", "feature error rate"]
    missing = [own.name for own in experiments if not own.analyses]
    return html.section(
        "Figures",
        html.table([*headers, "substitutions", "deletions", "insertions"], rows) if rows else "",
        html.note(f"Without records of utterances, so that they cannot be compared: {', '.join(missing)}.")
        if missing
        else "",
    )


def _against(first: Experiment, other: Experiment) -> html.Section | None:
    shared = [split for split in first.analyses if split in other.analyses]
    if not shared:
        return None
    split = shared[0]
    before, after = first.analyses[split], other.analyses[split]
    found = compare_analyses(before, after)
    return html.section(
        f"{other.name} against {first.name}",
        _verdict(first.name, other.name, found),
        _differences(found),
        html.note(
            f"Over {found.common:,} utterances of the {split} split; {found.others:,} were judged by one "
            "alone or have another reference. Differences are in percentage points of reference phonemes; "
            "the same utterances are drawn for both. The probability is the share of draws in which the "
            "second has fewer errors."
        ),
        _changed_phonemes(before, after, found),
        _changed_utterances(before, after, found),
    )


def _verdict(first: str, second: str, found: Comparison) -> Html:
    difference = found.difference
    if difference is None or difference.low <= 0 <= difference.high:
        return html.callout("plain", "open", conclusion(first, second, difference))
    better = difference.high < 0
    return html.callout(
        "good" if better else "bad", "better" if better else "worse", conclusion(first, second, difference)
    )


def _differences(found: Comparison) -> Html:
    named = {
        "phoneme error rate": found.difference,
        "phoneme error rate, by speaker": found.by_speaker,
        "feature error rate": found.feature_difference,
    }
    rows: list[list[object]] = [
        [
            name,
            f"{100 * own.difference:+.2f}",
            f"{100 * own.low:+.2f} to {100 * own.high:+.2f}",
            percent(own.probability_lower, 1),
            own.units,
        ]
        for name, own in named.items()
        if own is not None
    ]
    return html.table(["figure", "difference", "95 % interval", "probability of fewer errors", "units"], rows)


def _changed_phonemes(before: SplitAnalysis, after: SplitAnalysis, found: Comparison) -> Html:
    changes = phoneme_changes(before, after, found.rows)[:_CHANGES]
    if not changes:
        return Html("")
    rows: list[list[object]] = [
        [own.phoneme, own.spoken, own.first_errors, own.second_errors, own.second_errors - own.first_errors]
        for own in changes
    ]
    headers = ["phoneme", "spoken", "errors in the first", "in the second", "change"]
    return Html(html.heading("Phonemes that changed most") + html.table(headers, rows))


def _changed_utterances(before: SplitAnalysis, after: SplitAnalysis, found: Comparison) -> Html:
    changes = sorted(
        ((int(after.errors[theirs] - before.errors[ours]), ours, theirs) for ours, theirs in found.rows),
    )
    better = sum(change < 0 for change, _, _ in changes)
    worse = sum(change > 0 for change, _, _ in changes)
    chosen = [own for own in [*changes[:_CHANGES], *changes[::-1][:_CHANGES]] if own[0]]
    rows: list[list[object]] = [
        [
            before.records[ours].id,
            change,
            " ".join(before.records[ours].reference_phonemes),
            " ".join(before.records[ours].hypothesis_phonemes),
            " ".join(after.records[theirs].hypothesis_phonemes),
        ]
        for change, ours, theirs in dict.fromkeys(chosen)
    ]
    headers = ["utterance", "change in errors", "reference", "heard by the first", "heard by the second"]
    return Html(
        html.paragraph(f"{better:,} utterances have fewer errors, {worse:,} more, the others as many.")
        + (html.details("Utterances that changed most", html.table(headers, rows)) if rows else "")
    )


def _slices(experiments: Sequence[Experiment]) -> html.Section | None:
    """Slices of the first split that all have, over the utterances that all judged."""
    shared = [split for split in experiments[0].analyses if all(split in own.analyses for own in experiments)]
    if not shared:
        return None
    analyses = over_common([own.analyses[shared[0]] for own in experiments])
    made = [{one.column: one for one in breakdowns(own)} for own in analyses]
    blocks = []
    for column, one in made[0].items():
        values = [{own.value: own for own in cut[column].slices} for cut in made if column in cut]
        rows: list[list[object]] = []
        for own in one.slices:
            found = [other.get(own.value) for other in values]
            rates = [
                cell
                for other in found
                for cell in ((percent(other.rate), span(other.interval)) if other else ("–", "–"))
            ]
            rows.append([own.value, own.utterances, *rates])
        if len(values) < len(experiments):
            continue
        headers = [
            cell for experiment in experiments for cell in (f"PER, {experiment.name}", "95 % interval")
        ]
        blocks.append(
            Html(
                html.heading(f"By {column.replace('_', ' ')}")
                + html.table([column.replace("_", " "), "utterances", *headers], rows)
            )
        )
    if not blocks:
        return None
    told = f"Over {len(analyses[0].records):,} utterances of the {shared[0]} split that all have judged."
    return html.section("Slices", html.note(told), blocks)


def _learning(experiments: Sequence[Experiment]) -> html.Section | None:
    drawn = []
    for title, unit, name in _CURVES:
        curves = {own.name: own.curves[name] for own in experiments if name in own.curves}
        if curves:
            drawn.append(curves_picture(title, unit, curves))
    return html.section("Learning", html.side_by_side(*drawn)) if drawn else None


def _configurations(experiments: Sequence[Experiment]) -> html.Section | None:
    """The lines of the configurations that are not the same."""
    lines = [flat_settings(own.configuration) for own in experiments]
    keys = list(dict.fromkeys(key for own in lines for key in own))
    rows: list[list[object]] = [
        [html.code(key), *(own.get(key, "–") for own in lines)]
        for key in keys
        if len({own.get(key) for own in lines}) > 1
    ]
    if not rows:
        return html.section("Configuration", html.paragraph("The configurations are the same."))
    return html.section("Configuration", html.table(["setting", *(own.name for own in experiments)], rows))


def flat_settings(text: str) -> dict[str, str]:
    """A YAML text as dotted paths and values.

    >>> flat_settings("model: {lr: 0.1, layers: [{size: 3}]}")
    {'model.lr': '0.1', 'model.layers[0].size': '3'}
    """
    import yaml

    found: dict[str, str] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict) and value:
            for name, own in value.items():
                walk(own, f"{path}.{name}" if path else str(name))
        elif isinstance(value, list) and value:
            for place, own in enumerate(value):
                walk(own, f"{path}[{place}]")
        elif path:
            found[path] = str(value)

    walk(yaml.safe_load(text), "")
    return found
