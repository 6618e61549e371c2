"""How far a share reaches where few things happened: from the exact distribution of their number.

What happened a few times (one error, two changed utterances) says little when it is drawn anew, so it is
counted. A count reaches as far as Clopper and Pearson say: to the shares with which so few, or so many, come
in as few cases as the tail allows. Of a difference of two counts, Zou and Donner's MOVER joins the reaches.
"""

import math

from scipy.special import betaincinv

Reach = tuple[float, float]  # below and above what was observed


def share_reach(count: float, of: float, tail: float) -> Reach:
    """How far count / of reaches; counts need not be whole, and all leave no room above.

    >>> [round(1 / 200 + reach, 4) for reach in share_reach(1, 200, 0.025)]
    [0.0099, 0.0275]
    """
    share = count / of
    if count >= of:
        return share * (1.0 - tail ** (1.0 / of)), 0.0
    low = float(betaincinv(count, of - count + 1.0, tail)) if count > 0 else 0.0
    return share - low, float(betaincinv(count + 1.0, of - count, 1.0 - tail)) - share


def difference_reach(gained: float, lost: float, of: float, tail: float) -> Reach:
    """How far (gained - lost) / of reaches.

    Five against none in 200 are a difference, four are not.

    >>> [-lost / 200 + difference_reach(0, lost, 200, 0.025)[1] < 0 for lost in (4, 5)]
    [False, True]
    """
    (up_below, up_above), (down_below, down_above) = (
        share_reach(count, of, tail) for count in (gained, lost)
    )
    return math.hypot(up_below, down_above), math.hypot(up_above, down_below)
