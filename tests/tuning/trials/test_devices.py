"""Each of the trials that run at once gets its share of the machine."""

import pytest

from experiment.errors import ConfigError
from tuning.trials.devices import trial_environments, visible_gpus

FOUR = ["0", "1", "2", "3"]


def gpus_of(found):
    return [slot.get("CUDA_VISIBLE_DEVICES") for slot in found]


@pytest.mark.parametrize(
    ("trainer", "n_jobs", "gpus", "shares"),
    [
        ({"accelerator": "gpu", "devices": 1}, None, FOUR, ["0", "1", "2", "3"]),
        ({"accelerator": "auto", "devices": "auto"}, None, FOUR, ["0", "1", "2", "3"]),
        ({"accelerator": "gpu", "devices": 2}, None, FOUR, ["0,1", "2,3"]),
        ({"accelerator": "gpu", "devices": 2}, None, ["0", "1"], [None]),
        ({"accelerator": "gpu", "devices": 1}, 6, FOUR, ["0", "1", "2", "3", "0", "1"]),
        ({"accelerator": "gpu", "devices": 2}, 1, FOUR, [None]),
        ({"accelerator": "cpu", "devices": "auto"}, None, FOUR, [None]),
        ({"accelerator": "auto", "devices": "auto"}, None, [], [None]),
    ],
)
def test_gpus_are_dealt_out(trainer, n_jobs, gpus, shares):
    assert gpus_of(trial_environments(trainer, n_jobs, gpus)) == shares


def test_processors_are_shared_unless_the_user_has_settled_it(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert trial_environments({"accelerator": "cpu"}, 2, []) == [{"OMP_NUM_THREADS": "4"}] * 2
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert trial_environments({"accelerator": "cpu"}, 2, []) == [{}, {}]


@pytest.mark.parametrize("devices", [8, [0, 3]])
def test_devices_that_no_trial_can_have_are_refused(devices):
    with pytest.raises(ConfigError, match="devices"):
        trial_environments({"accelerator": "gpu", "devices": devices}, 2, FOUR)


@pytest.mark.parametrize(("named", "gpus"), [("", []), ("-1", []), ("2, 5", ["2", "5"])])
def test_the_environment_names_the_gpus(monkeypatch, named, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == gpus
