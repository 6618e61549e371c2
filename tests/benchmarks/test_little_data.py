import subprocess

from benchmarks import little_data, little_data_runs
from benchmarks.little_data_results import RunResult, keep
from benchmarks.little_data_variants import VARIANTS


def test_a_second_call_repeats_what_failed_and_nothing_else(tmp_path, monkeypatch, capsys):
    tried, broken = [], {"consistency"}

    def finish_run(folder, language, variant, seed, minutes):
        tried.append((language, variant, seed))
        if variant in broken:
            raise subprocess.CalledProcessError(-9, ["main.py"])
        description = VARIANTS[variant].description()
        times = {"minutes": minutes, "step_seconds": 1.0, "trained_seconds": 60.0, "process_seconds": 70.0}
        errors = {"utterances": ["a"], "lengths": [4], "greedy": [1], "searched": [0], "metrics": {}}
        keep(folder, RunResult(language, variant, seed, description=description, steps=60, **times, **errors))

    monkeypatch.setattr(little_data_runs, "finish_run", finish_run)
    monkeypatch.setattr(little_data, "RESULTS", tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(
        "sys.argv", ["little_data", "--languages", "ru", "--variants", "consistency", "--seeds", "2"]
    )
    assert little_data.main() == 1
    assert tried == [("ru", name, seed) for seed in (1, 2) for name in ("base", "consistency")]
    assert "| ru | base | 2 |" in capsys.readouterr().out

    tried.clear()
    broken.clear()
    assert little_data.main() == 0
    assert tried == [("ru", "consistency", 1), ("ru", "consistency", 2)]

    tried.clear()
    assert little_data.main() == 0
    assert tried == []
