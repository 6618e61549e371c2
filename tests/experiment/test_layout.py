"""The names in an experiment's folder."""

from pathlib import Path

from experiment.layout import (
    CONFIGURATION_FILE,
    FAM_RECORD_FILE,
    experiment_of,
    recorded_splits,
    records_file,
    trained_folder,
)
from optim.fam.recorder import FILE_NAME


def test_numbered_files_are_named_in_order_and_the_newest_is_found(tmp_path: Path) -> None:
    assert CONFIGURATION_FILE.newest_in(tmp_path) == tmp_path / "config.yaml"
    for number in range(1, 12):
        path = CONFIGURATION_FILE.next_in(tmp_path)
        assert path.name == ("config.yaml" if number == 1 else f"config_{number}.yaml")
        path.touch()
        assert CONFIGURATION_FILE.newest_in(tmp_path) == path
    (tmp_path / "config_mine.yaml").touch()
    assert CONFIGURATION_FILE.newest_in(tmp_path) == tmp_path / "config_11.yaml"


def test_the_test_split_comes_first(tmp_path: Path) -> None:
    for split in ("val", "test"):
        records_file(tmp_path, split).touch()
    assert list(recorded_splits(tmp_path)) == ["test", "val"]


def test_an_evaluation_and_a_checkpoint_lie_in_their_experiment(tmp_path: Path) -> None:
    assert trained_folder(tmp_path) == tmp_path
    assert trained_folder(tmp_path / "evaluations" / "test_2") == tmp_path
    assert experiment_of(tmp_path / "checkpoints" / "last.ckpt") == tmp_path.resolve()
    assert experiment_of(tmp_path / "last.ckpt") is None


def test_the_fam_record_has_the_name_that_the_optimizer_gives_it() -> None:
    assert FAM_RECORD_FILE == FILE_NAME
