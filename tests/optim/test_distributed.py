"""Two gloo processes against one process on the joined batch, for every optimizer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.optim.distributed_worker import new_network, train, whole_parameters
from tests.optim.optimizer_table import OPTIMIZERS

WORKER = Path(__file__).with_name("distributed_worker.py")
pytestmark = pytest.mark.skipif(
    not torch.distributed.is_gloo_available(), reason="torch is built without gloo"
)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """What two processes trained: ``name -> "ddp" or "fsdp" -> parameters``."""
    folder = tmp_path_factory.mktemp("two_processes")
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), ",".join(OPTIMIZERS), str(rank), str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(outputs)
    return torch.load(folder / "results.pt", weights_only=True)


@pytest.fixture(scope="module")
def one_process():
    def trained(name):
        network = new_network()
        train(network, OPTIMIZERS[name](network.parameters()), 1, 5)
        return whole_parameters(network)

    return {name: trained(name) for name in OPTIMIZERS}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_ddp_processes_equal_one_on_the_joined_batch(name, two_processes, one_process):
    torch.testing.assert_close(two_processes[name]["ddp"]["trained"], one_process[name], rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_fsdp_processes_equal_one_on_the_joined_batch(name, two_processes, one_process):
    torch.testing.assert_close(two_processes[name]["fsdp"]["trained"], one_process[name], rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_gathered_from_fsdp_continues_bit_for_bit(name, two_processes):
    trained, resumed = two_processes[name]["fsdp"]["trained"], two_processes[name]["fsdp"]["resumed"]
    torch.testing.assert_close(resumed, trained, rtol=0, atol=0)
