"""Breakdowns of a split by the properties of its utterances."""

import pytest

from evaluation.error_analysis import analyse
from evaluation.slices import breakdowns, quarters


def cut_of(records, column):
    return {own.column: own for own in breakdowns(analyse("test", records))}[column]


def test_slices_add_up_to_the_split(noisy_records):
    analysis = analyse("test", noisy_records())
    for cut in breakdowns(analysis):
        assert sum(own.utterances for own in cut.slices) == 60, cut.column
        assert sum(own.phonemes for own in cut.slices) == analysis.phonemes, cut.column
        assert sum(own.rate * own.phonemes for own in cut.slices) == pytest.approx(analysis.errors.sum())


def test_every_column_is_a_breakdown(noisy_records):
    columns = [cut.column for cut in breakdowns(analyse("test", noisy_records()))]
    assert columns == ["language", "speaker", "length", "signal to noise", "accent", "age"]


def test_a_column_with_one_value_is_no_breakdown(noisy_records):
    records = [own._replace(language="ru", speaker=None) for own in noisy_records()]
    assert not {"language", "speaker"} & {cut.column for cut in breakdowns(analyse("test", records))}


def test_many_numbers_are_cut_into_quarters(noisy_records):
    assert [own.value for own in cut_of(noisy_records(), "age").slices][0].startswith("below ")
    assert len(cut_of(noisy_records(), "age").slices) == 4


@pytest.mark.parametrize(("lowest", "step"), [(101.2, 1.1), (0.5, 0.0001), (1234567, 1), (1e9, 3.0)])
def test_close_numbers_are_cut_into_quarters(noisy_records, lowest, step):
    records = [
        own._replace(attributes={"f0": str(lowest + step * (place % 12))})
        for place, own in enumerate(noisy_records())
    ]
    slices = cut_of(records, "f0").slices
    assert len(slices) == 4
    assert min(own.utterances for own in slices) >= 10


def test_edges_stay_between_the_smallest_and_the_largest_number():
    parts, names = quarters([102.2, 102.31, *[102.67] * 5, 102.8], "")
    assert set(parts) == set(names)


def test_rare_values_form_one_slice(noisy_records):
    records = [own._replace(speaker=f"s{place}") for place, own in enumerate(noisy_records())]
    last = cut_of(records, "speaker").slices[-1]
    assert (last.value, last.utterances) == ("36 others", 36)


def test_a_slice_of_one_utterance_has_no_interval(noisy_records):
    records = [
        own._replace(speaker="alone" if not place else "many") for place, own in enumerate(noisy_records())
    ]
    assert [own.interval is None for own in cut_of(records, "speaker").slices] == [False, True]


def test_a_column_with_the_name_of_a_built_in_breakdown_is_kept(noisy_records):
    records = [
        own._replace(attributes={"length": "xl" if place % 2 else "s"})
        for place, own in enumerate(noisy_records())
    ]
    columns = [cut.column for cut in breakdowns(analyse("test", records))]
    assert {"length", "length (column)"} <= set(columns)


def test_equal_numbers_make_fewer_quarters():
    assert quarters([2.0, 2.0, 2.0], "s") == (["2 s and more"] * 3, ["below 2 s", "2 s and more"])
