"""The report that compares experiments: metrics, paired differences, learning curves, slices, changes."""

from collections.abc import Mapping, Sequence
from itertools import chain

from evaluation.comparison import Comparison, compare_analyses, conclusion, over_common, phoneme_changes
from evaluation.error_analysis import SplitAnalysis
from evaluation.slices import breakdowns
from experiment.contents import Experiment
from installation import PROGRAM
from reports import html
from reports.error_sections import in_points, percent, span
from reports.html import Html
from reports.training_sections import learning_section
from untrusted.yaml_text import parse_yaml
from wording import number_of

_CHANGES = 12
_CURVES = (
    ("Validation loss", "CTC loss", "val_loss"),
    ("Phoneme error rate", "errors per reference phoneme", "val_per"),
)


def comparison_page(experiments: Sequence[Experiment]) -> str:
    """Return the report; it compares every other experiment with the first."""
    first, others = experiments[0], experiments[1:]
    sections = [
        _side_by_side(experiments),
        *(_against(first, other) for other in others),
        _slices(experiments),
        learning_section(
            [
                (title, unit, {run.name: run.curves[name] for run in experiments if name in run.curves})
                for title, unit, name in _CURVES
            ]
        ),
        _configurations(experiments),
    ]
    return html.page(
        f"Comparison of {', '.join(run.name for run in experiments)}",
        sections,
        lead=f"Every experiment is compared with {first.name}. Differences and slices are over the common "
        "utterances, metrics over all utterances of each experiment.",
        footer=f"Rebuild it with {PROGRAM} report {' '.join(str(run.folder) for run in experiments)}.",
    )


def _side_by_side(experiments: Sequence[Experiment]) -> html.Section:
    rows: list[list[object]] = [
        [
            experiment.name,
            split,
            len(analysis.records),
            percent(analysis.phoneme_error_rate),
            span(analysis.intervals.get("per")),
            percent(analysis.feature_error_rate),
            percent(analysis.pfer),
            percent(analysis.raw_per),
            *(percent(count / max(1, analysis.phonemes)) for count in analysis.edits.values()),
        ]
        for experiment in experiments
        for split, analysis in experiment.analyses.items()
    ]
    headers = ["experiment", "split", "utterances", "PER", "95 % interval", "feature error rate", "PFER"]
    headers += ["raw PER", "substitutions", "deletions", "insertions"]
    missing = ", ".join(run.name for run in experiments if not run.analyses)
    return html.section(
        "Metrics",
        html.table(headers, rows) if rows else "",
        html.note(f"Without utterance records, these cannot be compared: {missing}.") if missing else "",
    )


def _against(first: Experiment, other: Experiment) -> html.Section | None:
    split = next((split for split in first.analyses if split in other.analyses), None)
    if split is None:
        return None
    before, after = first.analyses[split], other.analyses[split]
    found = compare_analyses(before, after)
    return html.section(
        f"{other.name} against {first.name}",
        _conclusion(first.name, other.name, found),
        _differences(found),
        html.note(
            f"Over {number_of(found.common, 'common utterance')} of the {split} split; evaluated by one "
            f"experiment only, or with different references: {found.others:,}. Differences are in percentage "
            "points of reference phonemes; both experiments use the same resamples. The probability is the "
            "share of resamples in which the second experiment has fewer errors."
        ),
        _changed_phonemes(before, after, found),
        _changed_utterances(before, after, found),
    )


def _conclusion(first: str, second: str, found: Comparison) -> Html:
    difference, text = found.difference, conclusion(first, second, found)
    if difference is None or difference.low <= 0 <= difference.high:
        return html.callout("plain", "open", text)
    return html.callout("good", "better", text) if difference.high < 0 else html.callout("bad", "worse", text)


def _differences(found: Comparison) -> Html:
    named = {
        "phoneme error rate": found.difference,
        "phoneme error rate, by speaker": found.by_speaker,
        "feature error rate": found.feature_difference,
        "PFER": found.pfer_difference,
    }
    rows: list[list[object]] = [
        [
            name,
            in_points(difference.difference),
            f"{in_points(difference.low)} to {in_points(difference.high)}",
            percent(difference.probability_lower, 1),
            difference.units,
        ]
        for name, difference in named.items()
        if difference is not None
    ]
    headers = ["metric", "difference", "95 % interval", "probability of fewer errors", "units"]
    return html.table(headers, rows)


def _changed_phonemes(before: SplitAnalysis, after: SplitAnalysis, found: Comparison) -> Html:
    changes = phoneme_changes(before, after, found.rows)[:_CHANGES]
    if not changes:
        return Html("")
    headers = ["phoneme", "in references", "errors of the first", "errors of the second", "change"]
    rows = [[*change, change.change] for change in changes]
    return html.heading("Phonemes with the largest changes") + html.table(headers, rows)


def _changed_utterances(before: SplitAnalysis, after: SplitAnalysis, found: Comparison) -> Html:
    changes = sorted(
        (int(after.errors[theirs] - before.errors[ours]), ours, theirs) for ours, theirs in found.rows
    )
    better, worse = sum(change[0] < 0 for change in changes), sum(change[0] > 0 for change in changes)
    largest = [*changes[:_CHANGES], *changes[::-1][:_CHANGES]]
    rows: list[list[object]] = [
        [
            before.records[ours].id,
            change,
            " ".join(before.records[ours].reference_phonemes),
            " ".join(before.records[ours].hypothesis_phonemes),
            " ".join(after.records[theirs].hypothesis_phonemes),
        ]
        for change, ours, theirs in dict.fromkeys(largest)
        if change
    ]
    headers = ["utterance", "change in errors", "reference", "first hypothesis", "second hypothesis"]
    text = f"Utterances with fewer errors: {better:,}; with more: {worse:,}. The others have as many."
    listed = html.details("Utterances with the largest changes", html.table(headers, rows)) if rows else ""
    return html.paragraph(text) + listed


def _slices(experiments: Sequence[Experiment]) -> html.Section | None:
    """Show the slices of the first common split, over the utterances that all experiments evaluated."""
    shared = [split for split in experiments[0].analyses if all(split in run.analyses for run in experiments)]
    if not shared:
        return None
    analyses = over_common([run.analyses[shared[0]] for run in experiments])
    slices_by_column = [
        {made.column: {one.value: one for one in made.slices} for made in breakdowns(analysis)}
        for analysis in analyses
    ]
    headers = [cell for run in experiments for cell in (f"PER, {run.name}", "95 % interval")]
    blocks = []
    for column, first in slices_by_column[0].items():
        if not all(column in slices for slices in slices_by_column):
            continue
        rows = []
        for value, one in first.items():
            others = [slices[column].get(value) for slices in slices_by_column]
            cells = [(percent(other.rate), span(other.interval)) if other else ("–", "–") for other in others]
            rows.append([value, one.utterances, *chain.from_iterable(cells)])
        title = column.replace("_", " ")
        blocks.append(html.heading(f"By {title}") + html.table([title, "utterances", *headers], rows))
    if not blocks:
        return None
    size = number_of(len(analyses[0].records), "utterance")
    text = f"Over {size} of the {shared[0]} split that all evaluated."
    return html.section("Slices", html.note(text), blocks)


def _configurations(experiments: Sequence[Experiment]) -> html.Section:
    """List the settings that differ."""
    differing = differing_settings([run.configuration for run in experiments])
    return settings_section([run.name for run in experiments], differing)


def settings_section(names: Sequence[str], differing: Mapping[str, Sequence[str | None]]) -> html.Section:
    """Show the settings that differ, a column for each name."""
    if not differing:
        return html.section("Configuration", html.paragraph("The configurations are equal."))
    rows: list[list[object]] = [
        [html.code(key), *("–" if value is None else value for value in values)]
        for key, values in differing.items()
    ]
    return html.section("Configuration", html.table(["setting", *names], rows))


def differing_settings(configurations: Sequence[str]) -> dict[str, list[str | None]]:
    """Map the settings in which YAML texts differ to the value in each; None where it is missing.

    >>> differing_settings(["model: {lr: 0.1, size: 3}", "model: {size: 3}"])
    {'model.lr': ['0.1', None]}
    """
    settings = [flat_settings(text) for text in configurations]
    values = {key: [flat.get(key) for flat in settings] for key in chain.from_iterable(settings)}
    return {key: found for key, found in values.items() if len(set(found)) > 1}


def flat_settings(text: str) -> dict[str, str]:
    """Flatten a YAML text into dotted paths and values.

    >>> flat_settings("model: {lr: 0.1, layers: [{size: 3}]}")
    {'model.lr': '0.1', 'model.layers[0].size': '3'}
    """
    found: dict[str, str] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict) and value:
            for name, child in value.items():
                walk(child, f"{path}.{name}" if path else str(name))
        elif isinstance(value, list) and value:
            for place, child in enumerate(value):
                walk(child, f"{path}[{place}]")
        elif path:
            found[path] = str(value)

    walk(parse_yaml(text, "the configuration"), "")
    return found
