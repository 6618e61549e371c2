"""State that a callback restores of a run that was killed or moved."""

import torch

from callbacks.kept_checkpoints import relocated


def state(folder, **files):
    scores = {str(folder / name): torch.tensor(score) for name, score in files.items()}
    best = min(scores, key=lambda path: float(scores[path])) if scores else ""
    worst = max(scores, key=lambda path: float(scores[path])) if scores else ""
    return {
        "dirpath": str(folder),
        "best_model_path": best,
        "best_model_score": scores.get(best),
        "kth_best_model_path": worst,
        "kth_value": scores.get(worst),
        "last_model_path": str(folder / "last.ckpt"),
        "best_k_models": scores,
    }


def test_files_that_have_moved_are_found(tmp_path):
    (tmp_path / "a").touch()
    moved = relocated(state(tmp_path / "elsewhere", a=0.5), tmp_path)
    assert moved["best_model_path"] == moved["kth_best_model_path"] == str(tmp_path / "a")
    assert list(moved["best_k_models"]) == [str(tmp_path / "a")]
    assert moved["dirpath"] == str(tmp_path)


def test_a_best_checkpoint_that_was_removed_is_dropped(tmp_path):
    (tmp_path / "b").touch()
    left = relocated(state(tmp_path, a=0.25, b=0.5), tmp_path)
    assert left["best_model_path"] == str(tmp_path / "b")
    assert float(left["best_model_score"]) == 0.5
    (tmp_path / "b").unlink()
    nothing = relocated(state(tmp_path, a=0.25, b=0.5), tmp_path)
    assert (nothing["best_model_path"], nothing["best_model_score"]) == ("", None)
    assert nothing["best_k_models"] == {}


def test_the_state_of_a_run_in_another_folder_stays_as_it_is(tmp_path):
    other = state(tmp_path / "other", a=0.25)
    assert relocated(other, tmp_path) is other
