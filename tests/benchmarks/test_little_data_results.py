import pytest

from benchmarks.little_data_results import RunResult, keep, kept, missing_runs, result_file, table
from benchmarks.little_data_variants import VARIANTS

UTTERANCES = [f"clip{number:02}" for number in range(12)]


def result(variant="base", seed=1, greedy=3, searched=2, language="ru"):
    """A run with the same errors in each of twelve utterances of ten phonemes."""
    return RunResult(
        language=language,
        variant=variant,
        seed=seed,
        minutes=2.0,
        description=VARIANTS[variant].description(),
        step_seconds=0.4,
        steps=300,
        trained_seconds=120.0,
        process_seconds=180.0,
        utterances=UTTERANCES,
        lengths=[10] * 12,
        greedy=[greedy] * 12,
        searched=[searched] * 12,
        metrics={"test_per": searched / 10},
    )


def cells(text, variant):
    (row,) = [line for line in text.splitlines() if line.startswith(f"| ru | {variant} |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_what_is_kept_reads_back(tmp_path):
    keep(tmp_path, result())
    assert kept(tmp_path, "ru", "base", 1) == result()
    assert kept(tmp_path, "ru", "base", 2) is None


def test_only_runs_without_a_result_are_missing(tmp_path):
    keep(tmp_path, result(seed=1))
    keep(tmp_path, result("consistency", seed=2))
    languages = {"ru": ["base", "consistency"]}
    assert list(missing_runs(tmp_path, languages, 2)) == [("ru", "consistency", 1), ("ru", "base", 2)]


def test_a_result_of_a_variant_that_has_changed_is_missing(tmp_path):
    keep(tmp_path, result("consistency")._replace(description={"overrides": {}}))
    assert list(missing_runs(tmp_path, {"ru": ["consistency"]}, 1)) == [("ru", "consistency", 1)]


def test_an_unfinished_file_is_no_result(tmp_path):
    path = result_file(tmp_path, "ru", "base", 1)
    path.with_name(f"{path.name}.12.tmp").write_text("{")  # as write_durably leaves it when it is killed
    assert list(missing_runs(tmp_path, {"ru": ["base"]}, 1)) == [("ru", "base", 1)]


def test_the_table_has_the_mean_over_seeds_its_spread_and_the_paired_difference(tmp_path):
    for seed, before, after in ((1, 3, 2), (2, 5, 3)):
        keep(tmp_path, result(seed=seed, greedy=before, searched=before - 1))
        keep(tmp_path, result("consistency", seed=seed, greedy=after, searched=before - 1))
    text = table(tmp_path, {"ru": ["base", "consistency", "lora"]}, 3)
    assert cells(text, "base")[:6] == ["ru", "base", "2", "300", "2.0, 3.0 min", "40.0 % (30.0 to 50.0)"]
    found = cells(text, "consistency")
    assert found[5:7] == ["25.0 % (20.0 to 30.0)", "base"]
    assert found[7].startswith("−15.0 (−")
    assert found[9].startswith("+0.0 (−")  # a null result stays in the table
    assert "lora" not in text  # nothing was measured
    assert cells(text, "language model")[6:9] == ["base, greedy", "–", "30.0 % (20.0 to 40.0)"]
    assert cells(text, "language model")[9].startswith("−10.0 (−")


def test_differences_are_taken_over_the_seeds_that_both_have(tmp_path):
    keep(tmp_path, result(seed=1, greedy=3))
    keep(tmp_path, result(seed=2, greedy=9))
    keep(tmp_path, result("consistency", seed=1, greedy=2))
    text = table(tmp_path, {"ru": ["base", "consistency"]}, 3)
    assert cells(text, "consistency")[7].startswith("−10.0 ")


def test_a_variant_from_the_demo_is_compared_with_the_demo_adapted_whole(tmp_path):
    keep(tmp_path, result(greedy=9))
    keep(tmp_path, result("from_demo", greedy=3))
    keep(tmp_path, result("lora", greedy=4))
    assert cells(table(tmp_path, {"ru": ["lora"]}, 1), "lora")[6] == "from demo"
    assert cells(table(tmp_path, {"ru": ["lora"]}, 1), "lora")[7].startswith("+10.0 (")


def test_without_its_reference_a_variant_has_no_difference(tmp_path):
    keep(tmp_path, result("lora"))
    assert cells(table(tmp_path, {"ru": ["lora"]}, 1), "lora")[7] == "–"


def test_runs_over_other_utterances_are_refused(tmp_path):
    keep(tmp_path, result())
    keep(tmp_path, result("consistency")._replace(utterances=UTTERANCES[::-1]))
    with pytest.raises(ValueError, match="same test utterances"):
        table(tmp_path, {"ru": ["base", "consistency"]}, 1)
