"""Seeds of steps."""

import random

import numpy as np
import torch

from models.step_seeding import seed_step


def draws():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_the_same_place_gives_the_same_draws_in_all_three_libraries():
    seed_step(1, 2, 3, 0)
    first = draws()
    seed_step(1, 2, 3, 0)
    assert draws() == first


def test_seed_epoch_batch_and_rank_all_count():
    places = [(1, 2, 3, 0), (2, 2, 3, 0), (1, 3, 3, 0), (1, 2, 4, 0), (1, 2, 3, 1)]
    seen = set()
    for place in places:
        seed_step(*place)
        seen.add(draws())
    assert len(seen) == len(places)
