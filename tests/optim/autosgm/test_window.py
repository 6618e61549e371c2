import pytest

from optim.autosgm.settings import WindowShape
from optim.autosgm.window import SHAPES, window_value


@pytest.mark.parametrize("rcm", [1, 2, 4, 5, 6])
def test_every_shape_falls_from_one_to_zero(rcm):
    values = [SHAPES[rcm](at / 50, 2.0) for at in range(51)]
    assert (values[0], values[-1]) == (pytest.approx(1.0), pytest.approx(0.0))
    assert values == sorted(values, reverse=True)


def test_window_off_is_one():
    assert {window_value(step, WindowShape()) for step in range(1, 3000, 7)} == {1.0}


def test_constant_within_an_epoch_and_counted_by_steps_per_epoch():
    shape = WindowShape(rcm=2, n=1.0, tau=4, spe=3, cfact=0)
    values = [window_value(step, shape) for step in range(1, 13)]
    assert values == [1.0] * 3 + [0.75] * 3 + [0.5] * 3 + [0.25] * 3


def test_restarting_each_epoch_ignores_tau():
    shape = WindowShape(rcm=2, n=1.0, tau=4, spe=2, cfact=2)
    assert [window_value(step, shape) for step in range(1, 5)] == [1.0, 0.5, 1.0, 0.5]


@pytest.mark.parametrize("e", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("m", [0, 1])
def test_sorted_values_stay_between_floor_and_one(m, e):
    shape = WindowShape(rcm=1, inseq=1, x=0.1, m=m, tau=2, spe=17, e=e)
    values = [window_value(step, shape) for step in range(1, 35)]
    assert all(0.1 <= value <= 1.0 for value in values)
    if m == 1:
        assert values == sorted(values, reverse=True)
