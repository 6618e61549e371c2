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
