import io
import math

import pytest
import torch
from torch.optim import AdamW

from optim import FAMEpochScheduler, FAMScheduler, FAMScheduler2
from tests.optim.optimizer_table import make_params


def new_optimizer(*rates):
    params = make_params()
    return AdamW([{"params": [param], "lr": rate} for param, rate in zip(params, rates, strict=False)])


def rates_over(scheduler, steps):
    rates = []
    for _ in range(steps):
        rates.append([group["lr"] for group in scheduler.optimizer.param_groups])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def test_step_schedule_warms_up_holds_anneals_and_stays_down():
    scheduler = FAMScheduler(
        new_optimizer(1.0),
        warmup_steps=2,
        total_steps=8,
        warmup_start_lr=0.0,
        decay_start_step=4,
        eta_min=0.2,
    )
    rates = [rate for (rate,) in rates_over(scheduler, 12)]
    halfway = 0.2 + 0.8 * (1 + math.cos(math.pi / 2)) / 2
    assert rates[:5] == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert rates[6] == pytest.approx(halfway)
    assert rates[8:] == [0.2] * 4


def test_epoch_schedule_has_no_hold():
    scheduler = FAMEpochScheduler(new_optimizer(1.0), warmup_epochs=2, max_epochs=6, eta_min=0.0)
    rates = [rate for (rate,) in rates_over(scheduler, 8)]
    expected = [
        1e-8,
        0.5,
        1.0,
        (1 + math.cos(math.pi / 4)) / 2,
        0.5,
        (1 + math.cos(3 * math.pi / 4)) / 2,
        0,
        0,
    ]
    assert rates == pytest.approx(expected, abs=1e-7)


def test_groups_keep_their_own_base_rate():
    scheduler = FAMScheduler(new_optimizer(1.0, 0.1), warmup_steps=0, total_steps=10, eta_min=0.0)
    for first, second in rates_over(scheduler, 10):
        assert second == pytest.approx(0.1 * first)


def test_schedule_without_warm_up_starts_at_the_base_rate():
    scheduler = FAMScheduler(new_optimizer(0.3), warmup_steps=0, total_steps=10)
    assert scheduler.get_last_lr() == [0.3]


@pytest.mark.parametrize("stop", [1, 3, 5, 9])
def test_reloaded_schedule_continues_bit_for_bit(stop):
    settings = {"warmup_steps": 2, "total_steps": 8, "decay_start_step": 4}
    straight = rates_over(FAMScheduler(new_optimizer(0.7, 0.1), **settings), 12)
    scheduler = FAMScheduler(new_optimizer(0.7, 0.1), **settings)
    rates_over(scheduler, stop)
    buffer = io.BytesIO()
    torch.save([scheduler.state_dict(), scheduler.optimizer.state_dict()], buffer)
    buffer.seek(0)
    schedule_state, optimizer_state = torch.load(buffer, weights_only=True)
    resumed = FAMScheduler(new_optimizer(0.7, 0.1), **settings)
    resumed.load_state_dict(schedule_state)
    resumed.optimizer.load_state_dict(optimizer_state)
    assert rates_over(resumed, 12 - stop) == straight[stop:]


def test_alias_is_the_same_class():
    assert FAMScheduler2 is FAMScheduler


def test_missing_length_is_refused_with_what_to_pass():
    with pytest.raises(
        ValueError, match=r"FAMScheduler: total_steps must be.*got None.*estimated_stepping_batches"
    ):
        FAMScheduler(new_optimizer(1.0), total_steps=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup_steps": -1}, "the warm-up must be at least 0 steps, got -1"),
        ({"warmup_steps": 100, "total_steps": 50}, "longer than the 100 steps before its decay.*got 50"),
        (
            {"warmup_steps": 100, "decay_start_step": 50},
            "must not start within the warm-up of 100 steps, got 50",
        ),
        ({"eta_min": -1.0}, "eta_min must be a finite number >= 0, got -1.0"),
    ],
)
def test_impossible_schedule_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FAMScheduler(new_optimizer(1.0), **settings)


def test_groups_below_floor_and_start_keep_their_rate():
    scheduler = FAMScheduler(
        new_optimizer(1.0, 1e-8), warmup_steps=2, total_steps=6, warmup_start_lr=1e-3, eta_min=1e-6
    )
    assert {low for _, low in rates_over(scheduler, 9)} == {1e-8}


@pytest.mark.parametrize(
    ("build", "name", "before", "now"),
    [
        (lambda o, n: FAMScheduler(o, warmup_steps=2, total_steps=n), "total_steps", 6, 12),
        (lambda o, n: FAMEpochScheduler(o, warmup_epochs=1, max_epochs=n), "max_epochs", 3, 6),
    ],
)
def test_a_run_that_is_made_longer_goes_on_by_its_new_length(build, name, before, now, caplog):
    first = build(new_optimizer(1.0), before)
    rates_over(first, before - 1)
    resumed, straight = build(new_optimizer(1.0), now), build(new_optimizer(1.0), now)
    resumed.load_state_dict(first.state_dict())
    rates_over(straight, before - 1)
    assert f"{name} was {before}, now it is {now}" in caplog.text
    assert rates_over(resumed, 5)[1:] == rates_over(straight, 5)[1:]


def test_a_warm_up_below_one_is_a_share_of_the_schedule() -> None:
    shared = FAMScheduler(new_optimizer(1.0), warmup_steps=0.25, total_steps=8)
    counted = FAMScheduler(new_optimizer(1.0), warmup_steps=2, total_steps=8)
    assert shared.warmup_steps == counted.warmup_steps == shared.decay_start_step == 2


def test_a_warm_up_of_broken_steps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"warmup_steps must be a number of steps.*got 2\.5"):
        FAMScheduler(new_optimizer(1.0), warmup_steps=2.5, total_steps=8)
