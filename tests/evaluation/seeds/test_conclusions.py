"""What is concluded from seeds, in words."""

import numpy as np

from evaluation.seeds.conclusions import Quantity, seeds_in_words
from evaluation.seeds.differences import SeedResults, compare_seeds

FIRST = SeedResults("adamw", {1: 0.20, 2: 0.22, 3: 0.21})


def concluded(values, quantity=None, first=FIRST, **more):
    (found,) = compare_seeds(first, [SeedResults("fam", values, **more)])
    return seeds_in_words(found, quantity) if quantity else seeds_in_words(found)


def test_fewer_and_more_errors_are_named():
    less = concluded({1: 0.18, 2: 0.20, 3: 0.191})
    assert less.startswith(
        "fam has fewer errors than adamw: -1.97 points (95 % interval -2.11 to -1.82, p < 0.001; 3 seeds)."
    )
    assert concluded({1: 0.23, 2: 0.25, 3: 0.241}).startswith("fam has more errors than adamw: +3.03 points")


def test_no_difference_states_which_differences_are_unlikely():
    text = concluded({1: 0.205, 2: 0.215, 3: 0.21})
    assert text.startswith(
        "No difference shown between adamw and fam: +0.00 points (95 % interval -1.24 to 1.24"
    )
    assert text.endswith("Differences above 1.24 points on these utterances are unlikely.")


def test_one_seed_says_nothing_about_chance():
    text = concluded({1: 0.187})
    assert text.startswith(
        "One seed: nothing can be said about chance. From adamw to fam it is -1.30 points."
    )
    assert text.endswith("Left out, without a result of both: seeds 2, 3.")


def test_equal_seeds_and_no_common_seed_are_named():
    assert concluded(dict(FIRST.values)) == "adamw and fam have the same results for every seed."
    assert "show nothing about chance" in concluded(
        {seed: value - 0.01 for seed, value in FIRST.values.items()}
    )
    assert "no seed in common" in concluded({9: 0.1})


def test_another_metric_has_its_own_words():
    loss = Quantity("a lower val_loss", "a higher val_loss", "", 1.0)
    assert concluded({1: 0.18, 2: 0.20, 3: 0.191}, loss).startswith(
        "fam has a lower val_loss than adamw: -0.0197 ("
    )


def test_other_utterances_are_open_if_a_few_make_the_difference():
    lengths, before = np.full(40, 25.0), np.zeros((3, 40))
    before[:, 0] = [25, 24, 25]
    after = np.zeros((3, 40))
    first = SeedResults("adamw", dict(enumerate(before.sum(axis=1) / 1000)), dict(enumerate(before)), lengths)
    text = concluded(
        dict.fromkeys(range(3), 0.0), first=first, errors=dict(enumerate(after)), lengths=lengths
    )
    assert text.startswith("fam has fewer errors than adamw")
    assert "for others it is open" in text
    before[:, :30] = 3.0
    before[1, 0] = 4.0
    first = SeedResults("adamw", dict(enumerate(before.sum(axis=1) / 1000)), dict(enumerate(before)), lengths)
    text = concluded(
        dict.fromkeys(range(3), 0.0), first=first, errors=dict(enumerate(after)), lengths=lengths
    )
    assert "Other utterances would show it, too" in text
