"""The report that compares groups of experiments: one configuration under several seeds each."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.comparison import over_common
from evaluation.seeds.conclusions import seeds_in_words
from evaluation.seeds.crossed import crossed_mean
from evaluation.seeds.differences import SeedDifference, SeedResults, SeedTest, compare_seeds
from evaluation.seeds.means import Ends, seed_mean
from experiment.contents import Experiment
from experiment.errors import ConfigError
from installation import PROGRAM
from reports import html
from reports.comparisons.comparison_page import differing_settings, settings_section
from reports.error_sections import in_points, percent
from reports.html import Html
from wording import number_of

Groups = Mapping[str, Mapping[int, Experiment]]  # name → seed → experiment
_OF_A_RUN = re.compile(
    r"seed_everything|custom_folder_name|data\.seed|model\.seed"
    r"|trainer\.callbacks\[\d+\]\.init_args\.path"  # a study's runs report into their own folders
)


class GroupsPage(NamedTuple):
    """The report as the text of one HTML file, and its conclusions."""

    text: str
    conclusions: list[str]


def groups_page(groups: Groups) -> GroupsPage:
    """Return the report; it compares every other group with the first."""
    split = _split(groups)
    results = _results(groups, split)
    differences = compare_seeds(results[0], results[1:])
    conclusions = [seeds_in_words(found) for found in differences]
    sections = [
        _conclusions(differences, conclusions) if differences else None,
        _means(results, split),
        _differences(results[0].name, differences) if differences else None,
        _experiments(groups, results),
        _settings(groups),
    ]
    arguments = " ".join(
        f"--group {name}={','.join(str(one.folder) for one in group.values())}"
        for name, group in groups.items()
    )
    text = html.page(
        f"Comparison of {', '.join(groups)}",
        sections,
        lead=f"Phoneme error rates of the {split} split, over the utterances that all experiments evaluated.",
        footer=f"Rebuild it with {PROGRAM} report {arguments}.",
    )
    return GroupsPage(text, conclusions)


def _split(groups: Groups) -> str:
    """Return the split that most experiments evaluated, the test split among equals."""
    counts = Counter(split for group in groups.values() for one in group.values() for split in one.analyses)
    if not counts:
        raise ConfigError("report: none of the groups' experiments has utterance records; test them first")
    return max(counts, key=lambda split: (counts[split], split == "test", split))


def _results(groups: Groups, split: str) -> list[SeedResults]:
    """Reduce all experiments to the common utterances; those that lack the split count as failed."""
    places = [
        (name, seed) for name, group in groups.items() for seed, one in group.items() if split in one.analyses
    ]
    shared = over_common([groups[name][seed].analyses[split] for name, seed in places])
    if not shared[0].phonemes:
        raise ConfigError(f"report: the groups' experiments have no utterance of the {split} split in common")
    analyses = dict(zip(places, shared, strict=True))
    lengths = shared[0].lengths.astype(np.float64)
    results = []
    for name, group in groups.items():
        found = {seed: analyses[name, seed] for seed in group if (name, seed) in analyses}
        rates = {seed: found[seed].phoneme_error_rate if seed in found else float("nan") for seed in group}
        errors = {seed: one.errors.astype(np.float64) for seed, one in found.items()}
        results.append(SeedResults(name, rates, errors, lengths))
    return results


def _conclusions(differences: Sequence[SeedDifference], sentences: Sequence[str]) -> html.Section:
    boxes = map(conclusion_box, differences, sentences)
    return html.section("What may be concluded", *boxes)


def conclusion_box(found: SeedDifference, sentence: str) -> Html:
    """Show a conclusion, marked as better, worse or open."""
    test = found.by_seeds
    if test is None or not test.corrected.excludes_zero:
        return html.callout("plain", "open", sentence)
    return (
        html.callout("good", "better", sentence) if test.mean < 0 else html.callout("bad", "worse", sentence)
    )


def _means(results: Sequence[SeedResults], split: str) -> html.Section:
    rows: list[list[object]] = []
    for one in results:
        found = seed_mean(one.values)
        crossed = crossed_mean([*one.errors.values()], one.lengths) if one.lengths is not None else None
        ends = [_rates(found.interval), _rates(crossed.ends() if crossed else None)]
        deviation = "–" if found.deviation is None else in_points(found.deviation).lstrip("+")
        failed = ", ".join(map(str, found.failed))
        rows.append([one.name, len(found.seeds), failed, percent(found.mean), deviation, *ends])
    headers = ["group", "seeds", "seeds without records", "mean PER", "standard deviation, points"]
    headers += ["95 % interval, other seeds", "95 % interval, other seeds and utterances"]
    utterances = 0 if results[0].lengths is None else len(results[0].lengths)
    return html.section(
        "Means over seeds",
        html.table(headers, rows),
        html.note(
            f"Over {number_of(utterances, 'common utterance')} of the {split} split. The first interval is "
            "Student's over the seeds. The second one also resamples utterances, the same for every seed."
        ),
    )


def _differences(baseline: str, differences: Sequence[SeedDifference]) -> html.Section:
    rows: list[list[object]] = [
        [found.name, scope, len(found.seeds), *_test_cells(test)]
        for found in differences
        for scope, test in (
            ("other seeds", found.by_seeds),
            ("other seeds and utterances", found.by_both),
        )
        if test is not None
    ]
    headers = ["group", "over", "pairs", "mean difference, points", "95 % interval", "p"]
    headers += ["corrected interval", "corrected p"]
    return html.section(
        f"Differences to {baseline}",
        html.table(headers, rows)
        if rows
        else html.paragraph("Fewer than two seeds are paired, or all differences are equal."),
        html.note(
            "Paired by seed, the group minus the first one. The corrected p values are Holm's for the number "
            "of groups; the corrected interval excludes zero exactly if the corrected p value is below 0.05."
        ),
    )


def _test_cells(test: SeedTest) -> list[object]:
    return [
        in_points(test.mean),
        _points(test.interval),
        f"{test.p_value:.3f}",
        _points(test.corrected),
        f"{test.corrected_p:.3f}",
    ]


def _points(ends: Ends) -> str:
    return f"{in_points(ends.low)} to {in_points(ends.high)}"


def _rates(ends: Ends | None) -> str:
    return f"{100 * max(0.0, ends.low):.2f} to {100 * ends.high:.2f}\u00a0%" if ends else "–"


def _experiments(groups: Groups, results: Sequence[SeedResults]) -> html.Section:
    rows: list[list[object]] = [
        [one.name, str(seed), groups[one.name][seed].name, percent(rate)]
        for one in results
        for seed, rate in sorted(one.values.items())
    ]
    table = html.table(["group", "seed", "experiment", "PER"], rows)
    return html.section("Experiments", html.details("Every experiment", table), _mixed(groups))


def _mixed(groups: Groups) -> list[Html]:
    """Warn of groups whose experiments differ in more than their seeds."""
    warnings = []
    for name, group in groups.items():
        settings = differing_settings([one.configuration for one in group.values()])
        if keys := [key for key in settings if not _OF_A_RUN.fullmatch(key)]:
            text = f"The experiments of {name} differ in more than the seed"
            warnings.append(html.callout("warn", "check", text, html.paragraph(", ".join(keys))))
    return warnings


def _settings(groups: Groups) -> html.Section:
    firsts = [next(iter(group.values())).configuration for group in groups.values()]
    differing = {key: row for key, row in differing_settings(firsts).items() if not _OF_A_RUN.fullmatch(key)}
    return settings_section(list(groups), differing)
