"""One of two processes in the distributed tests: ``distributed_worker.py NAMES RANK FOLDER``."""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.optim.optimizer_table import OPTIMIZERS, TinyNetwork

WORLD_SIZE = 2


def batch(step, rank=None):
    """The joined batch of a step, or one process's half of it."""
    generator = torch.Generator().manual_seed(step)
    sound, target = torch.randn(8, 3, 12, generator=generator), torch.randn(8, 5, generator=generator)
    half = slice(None) if rank is None else slice(4 * rank, 4 * rank + 4)
    return sound[half], target[half]


def train(model, optimizer, first, last, rank=None):
    for step in range(first, last + 1):
        sound, target = batch(step, rank)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(sound), target).backward()
        optimizer.step()


def new_network():
    torch.manual_seed(0)
    return TinyNetwork()


def sharded():
    return fully_shard(new_network(), mesh=init_device_mesh("cpu", (WORLD_SIZE,)))


def whole_parameters(model):
    return {
        name: param.full_tensor() if hasattr(param, "full_tensor") else param.detach()
        for name, param in model.named_parameters()
    }


def run_ddp(name, rank):
    model = DistributedDataParallel(new_network())
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 1, 5, rank)
    return {"trained": whole_parameters(model.module)}


def run_fsdp(name, rank):
    model = sharded()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 1, 3, rank)
    saved_weights = {key: value.clone() for key, value in model.state_dict().items()}
    saved = get_optimizer_state_dict(model, optimizer)
    torch.save(saved, f"state{rank}.pt")
    train(model, optimizer, 4, 5, rank)

    resumed = sharded()
    resumed.load_state_dict(saved_weights)
    resumed_optimizer = OPTIMIZERS[name](resumed.parameters())
    loaded = torch.load(f"state{rank}.pt", weights_only=False)
    set_optimizer_state_dict(resumed, resumed_optimizer, loaded)
    train(resumed, resumed_optimizer, 4, 5, rank)
    return {"trained": whole_parameters(model), "resumed": whole_parameters(resumed)}


def main():
    names, rank, folder = sys.argv[1].split(","), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), WORLD_SIZE)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=WORLD_SIZE)
    os.chdir(folder)
    results = {name: {"ddp": run_ddp(name, rank), "fsdp": run_fsdp(name, rank)} for name in names}
    if rank == 0:
        torch.save(results, folder / "results.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
