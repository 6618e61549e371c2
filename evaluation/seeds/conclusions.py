"""What may be concluded about a variant and the baseline, in words."""

import math
from typing import NamedTuple

from evaluation.seeds.differences import SeedDifference, SeedTest
from wording import number_of


class Quantity(NamedTuple):
    """How differences of a metric are written."""

    less: str = "fewer errors"
    more: str = "more errors"
    unit: str = " points"
    scale: float = 100.0  # of a share


ERRORS = Quantity()


def seeds_in_words(found: SeedDifference, quantity: Quantity = ERRORS) -> str:
    """State what may and may not be concluded.

    >>> from evaluation.seeds.means import Ends
    >>> test = SeedTest(-0.01, Ends(-0.02, 0.004), 0.1, Ends(-0.022, 0.006), 0.2, 2)
    >>> found = SeedDifference("fam", "adamw", (1, 2, 3), (4,), -0.01, 0.01, test, None)
    >>> print(seeds_in_words(found))
    No difference shown between adamw and fam: -1.00 points (interval -2.20 to 0.60, p = 0.20, \
corrected for 2 comparisons; 3 seeds). Differences above 2.20 points on \
these utterances are unlikely. \
Left out, without a result of both: seed 4.
    """
    seeds = ", ".join(map(str, found.left_out))
    noun = "seed" if len(found.left_out) == 1 else "seeds"
    return _finding(found, quantity) + (
        f" Left out, without a result of both: {noun} {seeds}." if seeds else ""
    )


def _finding(found: SeedDifference, quantity: Quantity) -> str:
    if found.mean is None:
        return f"{found.baseline} and {found.name} have no seed in common: nothing can be concluded."
    size = _size(found.mean, quantity)
    if len(found.seeds) == 1:
        return (
            f"One seed: nothing can be said about chance. From {found.baseline} to {found.name} it is {size}."
        )
    if found.by_seeds is None:
        return _all_equal(found, size)
    evidence = f"{size} ({_evidence(found.by_seeds, quantity)}; {number_of(len(found.seeds), 'seed')})"
    if not found.by_seeds.corrected.excludes_zero:
        return (
            f"No difference shown between {found.baseline} and {found.name}: {evidence}. "
            f"Differences above {_largest(found, quantity)} are unlikely."
        )
    word = quantity.less if found.mean < 0 else quantity.more
    return f"{found.name} has {word} than {found.baseline}: {evidence}.{_scope(found, quantity)}"


def _all_equal(found: SeedDifference, size: str) -> str:
    if found.mean == 0:
        return f"{found.baseline} and {found.name} have the same results for every seed."
    return (
        f"From {found.baseline} to {found.name} it is {size} for every seed: seeds that do not differ show "
        "nothing about chance."
    )


def _scope(found: SeedDifference, quantity: Quantity) -> str:
    """State whether the difference is also shown for other utterances than those of the split."""
    if found.by_both is None:
        return ""
    evidence = _evidence(found.by_both, quantity)
    if found.by_both.corrected.excludes_zero:
        return f" Other utterances would show it, too ({evidence})."
    return f" This is shown for these utterances; for others it is open ({evidence})."


def _evidence(test: SeedTest, quantity: Quantity) -> str:
    low, high = (_number(end, quantity) for end in test.corrected)
    if test.comparisons < 2:
        return f"95 % interval {low} to {high}, {_p(test.p_value)}"
    return f"interval {low} to {high}, {_p(test.corrected_p)}, corrected for {test.comparisons:,} comparisons"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def _size(value: float, quantity: Quantity) -> str:
    number = _number(value, quantity)
    return f"{'' if number.startswith('-') else '+'}{number}{quantity.unit}"


def _largest(found: SeedDifference, quantity: Quantity) -> str:
    """Return the largest size in an interval: for other utterances where that is known, else for these."""
    test = found.by_both or found.by_seeds
    largest = max(map(abs, test.corrected)) if test else math.inf
    return f"{_number(largest, quantity)}{quantity.unit}{'' if found.by_both else ' on these utterances'}"


def _number(value: float, quantity: Quantity) -> str:
    """Format a share in points, and a loss with its significant digits.

    >>> _number(0.01234, ERRORS), _number(0.00123, Quantity(scale=1.0))
    ('1.23', '0.00123')
    """
    return f"{quantity.scale * value:z.2f}" if quantity.scale > 1 else f"{value:z.3g}"
