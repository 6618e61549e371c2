"""``report``: pages of experiments, and what is said where there is none."""

import json

from cli.run import run
from evaluation.utterance_record import UtteranceRecord, write_records
from experiment.layout import records_file


def test_pages_are_written_beside_what_they_tell_of(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.yaml").write_text("{}\n")
        (folder / "metrics.json").write_text(json.dumps({"test_per": 0.5}))
    assert run(["report", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert "50.00\u00a0%" in (tmp_path / "two" / "report.html").read_text()


def test_several_experiments_are_compared_in_the_folder_of_the_first(tmp_path):
    for name, recognised in (("one", ("d", "a")), ("two", ("t", "a"))):
        folder = tmp_path / name / "evaluations" / "test"  # evaluations have no configuration
        folder.mkdir(parents=True)
        records = [UtteranceRecord(f"u{n}", "test", ("t", "a"), recognised, 1.0, 50, 0.5) for n in range(12)]
        write_records(records_file(folder, "test"), records)
    assert run(["report", *(str(tmp_path / name / "evaluations" / "test") for name in ("one", "two"))]) == 0
    text = (tmp_path / "one" / "evaluations" / "test" / "comparison.html").read_text()
    assert "two/test makes fewer errors than one/test: -50.00 points" in text
    assert (tmp_path / "two" / "evaluations" / "test" / "report.html").is_file()
    assert not (tmp_path / "two" / "evaluations" / "test" / "comparison.html").exists()


def test_a_folder_without_an_experiment_is_a_mistake_of_the_command(tmp_path, capsys):
    assert run(["report", str(tmp_path)]) == 2
    assert "must be an experiment's folder" in capsys.readouterr().err


def test_a_page_tells_how_it_is_rebuilt(tmp_path):
    folder = tmp_path / "one" / "evaluations" / "test"
    folder.mkdir(parents=True)
    write_records(records_file(folder, "test"), [UtteranceRecord("u", "test", ("t",), ("d",), 1.0, 50, 0.5)])
    assert run(["report", str(folder)]) == 0
    assert f"./run.sh report {folder}." in (folder / "report.html").read_text()


def test_a_damaged_file_is_one_line(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("{}\n")
    records_file(tmp_path, "test").write_text('{"id": "half')
    assert run(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"report: {records_file(tmp_path, 'test')}, line 1" in error
    assert "Traceback" not in error


def test_no_experiment_is_one_line(capsys):
    assert run(["report"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_experiments_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for parent, recognised in (("old", "d"), ("new", "t")):
        folder = tmp_path / parent / "demo"
        folder.mkdir(parents=True)
        spoken = ("t", "a")
        records = [
            UtteranceRecord(f"u{n}", "test", spoken, (recognised, "a"), 1.0, 50, 0.5) for n in range(12)
        ]
        write_records(records_file(folder, "test"), records)
    assert run(["report", str(tmp_path / "old" / "demo"), str(tmp_path / "new" / "demo")]) == 0
    text = (tmp_path / "old" / "demo" / "comparison.html").read_text()
    assert f"{tmp_path}/new/demo makes fewer errors than {tmp_path}/old/demo" in text


def _seeds_of(parent, name, recognised_by_seed):
    for seed, recognised in recognised_by_seed.items():
        folder = parent / f"{name}_{seed}"
        folder.mkdir()
        (folder / "config.yaml").write_text(f"seed_everything: {seed}\n")
        spoken = ("t", "a")
        records = [
            UtteranceRecord(f"u{n}", "test", spoken, ("d" if n < recognised else "t", "a"), 1.0, 50, 0.5)
            for n in range(12)
        ]
        write_records(records_file(folder, "test"), records)


def test_groups_of_seeds_are_compared_by_patterns_and_names(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "experiments"
    place.mkdir()
    _seeds_of(place, "adamw", {1: 8, 2: 9, 3: 10})
    _seeds_of(place, "fam", {1: 2, 2: 3, 3: 5})
    (place / "adamw_search").mkdir()  # no experiment
    (place / "adamw_list.txt").write_text("")
    groups = ["--group", "adamw=adamw_*", "--group", "fam=fam_1,fam_3,experiments/fam_2"]
    assert run(["report", *groups]) == 0
    text = (place / "adamw_1" / "comparison_of_groups.html").read_text()
    # Of 24 phonemes, 6, 6 and 5 errors fewer.
    assert "fam has fewer errors than adamw: -23.61 points" in text
    assert "fam has fewer errors than adamw: -23.61 points" in capsys.readouterr().err
    assert not (place / "adamw_1" / "report.html").exists()


def test_wrong_groups_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _seeds_of(tmp_path, "adamw", {1: 8, 2: 9})
    (tmp_path / "unseeded").mkdir()
    (tmp_path / "unseeded" / "config.yaml").write_text("seed_everything: true\n")
    for options, error in [
        (["--group", "adamw"], "--group must be NAME=EXPERIMENT,EXPERIMENT"),
        (["--group", "a=adamw_1", "--group", "a=adamw_2"], "with a new name"),
        (["--group", "a=adam_*"], "adam_* must match folders of experiments"),
        (["--group", "a=unseeded"], "unseeded has no seed_everything"),
        (["adamw_1", "--group", "a=adamw_2"], "name experiments, or groups"),
    ]:
        assert run(["report", *options]) == 2
        shown = capsys.readouterr().err
        assert error in shown
        assert shown.count("\n") == 1


def test_two_runs_of_one_seed_are_no_group(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _seeds_of(tmp_path, "adamw", {1: 8})
    _seeds_of(tmp_path, "again", {1: 8})
    assert run(["report", "--group", "a=adamw_1,again_1"]) == 2
    assert "again_1 has seed 1 like adamw_1" in capsys.readouterr().err


def test_groups_without_records_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("seed_everything: 1\n")
    assert run(["report", "--group", "a=."]) == 2
    assert capsys.readouterr().err.startswith(
        "error: report: none of the groups' experiments has utterance records"
    )
