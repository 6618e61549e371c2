"""``report``: pages of experiments, and what is said where there is none."""

import json

from cli.run import run


def test_pages_are_written_beside_what_they_tell_of(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.yaml").write_text("{}\n")
        (folder / "metrics.json").write_text(json.dumps({"test_per": 0.5}))
    assert run(["report", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert "50.00 %" in (tmp_path / "two" / "report.html").read_text()


def test_a_folder_without_an_experiment_is_a_mistake_of_the_command(tmp_path, capsys):
    assert run(["report", str(tmp_path)]) == 2
    assert "must be an experiment's folder" in capsys.readouterr().err
