"""Reading an experiment's folder back."""

import json

import pytest

from experiment.contents import read_configuration, read_curves, read_experiment, read_metrics, read_versions


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "experiments" / "tried"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("model: {lr: 0.1}\n")
    return folder


def write_log(folder, version, text):
    log = folder / "logs" / "csv" / f"version_{version}" / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text(text)
    return log


def test_a_run_that_has_not_ended_is_read_with_what_it_has(folder):
    experiment = read_experiment(folder)
    assert (experiment.name, experiment.metrics, experiment.curves) == ("tried", {}, {})
    assert experiment.configuration == "model: {lr: 0.1}\n"


def test_a_resumed_run_is_described_by_its_last_start(folder):
    (folder / "config_2.yaml").write_text("model: {lr: 0.2}\n")
    for number in ("", "_2"):
        (folder / f"versions{number}.json").write_text(json.dumps({"revision": f"r{number}"}))
        (folder / f"data{number}.json").write_text(json.dumps({"train": {"clips": f"c{number}"}}))
        (folder / f"skipped_recordings{number}.tsv").write_text(
            f"split\tid\tpath\treason\ntrain\tu{number}\tp\tsilent\n"
        )
    experiment = read_experiment(folder)
    assert experiment.configuration == "model: {lr: 0.2}\n"
    assert experiment.versions == {"revision": "r_2"}
    assert experiment.data == {"train": {"clips": "c_2"}}
    assert [row.id for row in experiment.skipped] == ["u_2"]


def test_an_evaluation_has_the_configuration_and_the_versions_of_its_experiment(folder):
    (folder / "versions.json").write_text(json.dumps({"revision": "abc"}))
    evaluation = folder / "evaluations" / "test"
    evaluation.mkdir(parents=True)
    experiment = read_experiment(evaluation)
    assert experiment.configuration == "model: {lr: 0.1}\n"
    assert experiment.versions == {"revision": "abc"}


def test_metrics_and_utterances_are_separated(folder):
    metrics = {
        "test_per": 0.25,
        "utterances": {"test": 8},
        "definitions": {"per": "…"},
        "checkpoint": "a.ckpt",
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    experiment = read_experiment(folder)
    assert experiment.metrics == {"test_per": 0.25}
    assert experiment.utterances == {"test": 8}
    assert experiment.checkpoint == "a.ckpt"


def test_curves_leave_out_empty_cells_and_test_metrics(folder):
    log = write_log(folder, 0, "epoch,step,train_loss,val_per,test_per\n0,1,3.0,,\n0,2,,0.5,\n0,2,2.5,,0.4\n")
    assert read_curves([log]) == {"train_loss": {1: 3.0, 2: 2.5}, "val_per": {2: 0.5}}


@pytest.mark.parametrize(
    "cut", ["0", "0,3", "0,3,0.", "0,,0.4,", ",,,", "0,3,1e-,", "0,3,0.4,0.5,9,9", "x,y,1,1"]
)
def test_a_row_that_was_cut_is_skipped(folder, cut):
    log = write_log(folder, 0, f"epoch,step,train_loss,val_per\n0,1,3.0,\n{cut}\n0,4,2.5,\n")
    assert read_curves([log]) == {"train_loss": {1: 3.0, 4: 2.5}}


def test_a_resumed_runs_log_replaces_earlier_rows(folder):
    for version, value in ((2, 0.2), (10, 0.1)):
        write_log(folder, version, f"epoch,step,val_per\n0,{version},0.9\n0,20,{value}\n")
    assert read_experiment(folder).curves["val_per"] == {2: 0.9, 10: 0.9, 20: 0.1}


def test_single_files_are_read_as_the_last_start_left_them(folder):
    (folder / "metrics.json").write_text(json.dumps({"test_per": 0.5}))
    assert (read_metrics(folder), read_versions(folder)) == ({"test_per": 0.5}, {})
    assert read_configuration(folder) == {"model": {"lr": 0.1}}
    (folder / "config_2.yaml").write_text("model: {lr: 0.2}\n")
    (folder / "versions.json").write_text(json.dumps({"revision": "r1"}))
    (folder / "versions_2.json").write_text(json.dumps({"revision": "r2"}))
    assert (read_configuration(folder), read_versions(folder)) == ({"model": {"lr": 0.2}}, {"revision": "r2"})
    assert read_configuration(folder / "none") == {}
