import json
import pickle
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from optim import FAM, read_fam_records
from tests.optim.optimizer_table import TinyNetwork, train

ROOT = Path(__file__).resolve().parents[3]


def recorded_training(folder, steps, **settings):
    model = TinyNetwork()
    settings = {"fam_start_step": 5, "min_size": 16, "debug": True, "debug_interval": 20, **settings}
    optimizer = FAM(model.named_parameters(), debug_dir=str(folder), **settings)
    train(optimizer, list(model.parameters()), 1, steps)
    return model, optimizer


def test_record_holds_names_bands_and_momentum_of_every_tenth_step(tmp_path):
    model, optimizer = recorded_training(tmp_path, 40)
    records = read_fam_records(tmp_path / "fam_debug.jsonl")
    names = {name for name, param in model.named_parameters() if param.numel() > 16}
    assert {record["step"] for record in records} == {10, 20, 30, 40}
    assert {record["name"] for record in records} == names
    last = next(r for r in records if r["name"] == "feature_conv.weight" and r["step"] == 40)
    assert last["bands"] == optimizer.state[model.feature_conv.weight]["bands"].tolist()
    assert last["handler"] == "conv"
    assert 0.85 <= last["momentum"] <= 0.98


def test_record_is_on_disk_after_each_interval_and_complete_at_the_end(tmp_path):
    _, optimizer = recorded_training(tmp_path, 30)
    path = tmp_path / "fam_debug.jsonl"
    assert max(json.loads(line)["step"] for line in path.read_text().splitlines()) == 20
    del optimizer
    assert max(json.loads(line)["step"] for line in path.read_text().splitlines()) == 30


def test_killed_run_leaves_its_finished_intervals(tmp_path):
    code = (
        "import os, torch; from optim import FAM\n"
        "p = torch.nn.Parameter(torch.zeros(300)); p.grad = torch.randn(300)\n"
        f"o = FAM([p], fam_start_step=0, debug=True, debug_dir={str(tmp_path)!r}, debug_interval=20)\n"
        "for _ in range(35): o.step()\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    assert [record["step"] for record in read_fam_records(tmp_path / "fam_debug.jsonl")] == [10, 20]


def test_reader_skips_a_cut_line_and_keeps_the_last_of_repeated_steps(tmp_path, caplog):
    line = {"step": 10, "name": "w", "handler": "conv", "alpha": 0.9, "momentum": 0.9, "bands": [1.0]}
    path = tmp_path / "fam_debug.jsonl"
    path.write_text("\n".join([json.dumps(line), json.dumps({**line, "momentum": 0.95}), '{"step": 2']))
    assert [record["momentum"] for record in read_fam_records(path)] == [0.95]
    assert "1 broken lines skipped" in caplog.text


def test_debugging_changes_no_weight(tmp_path):
    torch.manual_seed(0)
    recorded, _ = recorded_training(tmp_path, 12)
    torch.manual_seed(0)
    plain, _ = recorded_training(tmp_path, 12, debug=False)
    for left, right in zip(recorded.parameters(), plain.parameters(), strict=True):
        assert torch.equal(left, right)


def test_unnamed_parameters_are_recorded_by_number(tmp_path):
    params = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(300))]
    optimizer = FAM(params, fam_start_step=0, debug=True, debug_dir=str(tmp_path), debug_interval=10)
    train(optimizer, params, 1, 10)
    assert {record["name"] for record in read_fam_records(tmp_path / "fam_debug.jsonl")} == {"parameter.1"}


def test_debugging_optimizer_can_be_pickled(tmp_path):
    _, optimizer = recorded_training(tmp_path, 12)
    twin = pickle.loads(pickle.dumps(optimizer))
    train(twin, twin.param_groups[0]["params"], 13, 20)
    assert (tmp_path / "fam_debug.jsonl").exists()


def test_state_dict_does_not_name_the_folder(tmp_path):
    _, optimizer = recorded_training(tmp_path, 2)
    assert str(tmp_path) not in str(optimizer.state_dict())


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(tmp_path):
    path = tmp_path / "fam_debug.jsonl"
    recorded_training(tmp_path, 20)
    whole = path.read_text()
    path.write_text(whole[:-20])
    recorded_training(tmp_path, 20)
    lines = len(whole.splitlines())
    assert sum(line.endswith("}") for line in path.read_text().splitlines()) == 2 * lines - 1


def test_unnamed_parameters_of_several_groups_are_told_apart(tmp_path):
    params = [nn.Parameter(torch.ones(40)) for _ in range(2)]
    groups = [{"params": [param]} for param in params]
    optimizer = FAM(
        groups, fam_start_step=0, min_size=16, debug=True, debug_dir=str(tmp_path), debug_interval=10
    )
    train(optimizer, params, 1, 10)
    names = {record["name"] for record in read_fam_records(tmp_path / "fam_debug.jsonl")}
    assert names == {"parameter.0", "parameter.1"}
