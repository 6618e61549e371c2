"""What a trial does before it trains."""

import os
import sys

from experiment.ranks import launch_of
from tuning.trials.trial_run import train


def test_a_trial_is_a_run_of_its_own_where_the_search_is_one_of_several_tasks(monkeypatch):
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 2)
    monkeypatch.setattr(sys, "argv", ["main.py"])
    variables = {
        "SLURM_NTASKS": "4",
        "SLURM_PROCID": "2",
        "SLURM_JOB_ID": "7",
        "PHONEME_RUN_FOLDER": "elsewhere",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launch_of(os.environ) is not None
    seen = []
    monkeypatch.setattr("cli.run.run", lambda _: seen.append(set(variables) & set(os.environ)) or 0)
    assert train(["fit"]) == 0
    assert seen == [{"SLURM_JOB_ID"}]
    assert launch_of(os.environ) is None
    assert rank_zero_only.rank == 0
