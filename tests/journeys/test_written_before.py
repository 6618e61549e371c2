"""Files that the version before the rooms has written are read, resumed, evaluated and reported."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import transformers
import yaml
from torch.torch_version import TorchVersion

from cli.run import run
from dataset_modules.cache.clip_preparation import PreparationSettings
from dataset_modules.recording import Recording
from dataset_modules.sources.recording_survey import survey
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, espeak_version
from dataset_modules.synthetic import SpokenSentence
from inference import Recognizer
from phonetics import EspeakPhonemes, IpaNormaliser, LexiconPhonemes
from tests.journeys.experiments import json_lines, last_checkpoint, metrics_of
from tests.journeys.main_program import run_main
from tuning.study.claims import this_process

WRITTEN = Path(__file__).parent / "written_before"
CHANGED_AT_S = 1_700_000_000  # of the recordings: the names of the cache's folders depend on it


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the old files, as the current folder: their paths are relative."""
    shutil.copytree(WRITTEN, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("recordings/ru/*.flac"):
        os.utime(path, (CHANGED_AT_S, CHANGED_AT_S))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def libraries_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept encoder states belong to the versions of the libraries that have computed them."""
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.13.0+cu130"))
    monkeypatch.setattr(transformers, "__version__", "5.23.0")


def _stamps(cache: Path) -> dict[Path, tuple[int, int]]:
    """Number and time of change of what is kept: a file that is built anew has others."""
    kept = (path for path in cache.rglob("*") if path.suffix in (".arrow", ".float32", ".json"))
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept}


@pytest.mark.parametrize("mode", ["test", "validate"])
def test_an_old_checkpoint_has_the_error_rates_that_were_written(place: Path, mode: str) -> None:
    split = {"validate": "val"}.get(mode, mode)
    assert run([mode, "--config", "train.yaml"]) == 0  # finds the best checkpoint of the experiment itself
    (folder,) = place.glob(f"experiments/tones/evaluations/{mode}*")
    written, now = metrics_of(place / "experiments/tones"), metrics_of(folder)
    assert 0 < written["test_per"] < 1
    for name in ("per", "cer", "wer", "blank_share", "feature_error_rate"):
        assert now[f"{split}_{name}"] == written[f"{split}_{name}"], name
    assert now["edits"][split] == written["edits"][split]
    assert now[f"{split}_loss"] == pytest.approx(written[f"{split}_loss"], rel=1e-5)
    assert now["checkpoint_digest"] == written["checkpoint_digest"]
    utterances = f"utterances_{split}.jsonl"
    old, new = (json_lines(path / utterances) for path in (place / "experiments/tones", folder))
    assert [line["hypothesis"] for line in new] == [line["hypothesis"] for line in old]
    assert [line.keys() for line in new] == [line.keys() for line in old]


@pytest.mark.parametrize(
    ("name", "last_epoch"),
    [("tones", 63), ("head_fam", 6), ("head_autosgm", 6)],
    ids=lambda value: str(value),
)
def test_an_old_run_is_resumed_as_the_version_before_resumed_it(
    place: Path, libraries_of_then: None, name: str, last_epoch: int
) -> None:
    """Optimizer, scheduler, order of the clips and augmentation; the caches are read, not built."""
    built = _stamps(place / "cache")
    own = ("--config", f"{name}.yaml", "--only_weights_load", "false") if name != "tones" else ()
    resume = ("--ckpt_path", "last", "--trainer.max_epochs", str(last_epoch))
    assert run(["fit", "--config", "train.yaml", *own, *resume]) == 0
    assert (place / f"experiments/{name}/config_2.yaml").is_file()
    resumed = last_checkpoint(place / "experiments" / name)["state_dict"]
    with np.load(WRITTEN / "continued.npz") as continued:
        expected = {key.partition("/")[2]: continued[key] for key in continued if key.startswith(f"{name}/")}
    assert expected
    for key, value in expected.items():
        np.testing.assert_allclose(resumed[key], value, atol=2e-4, rtol=0, err_msg=key)
    assert _stamps(place / "cache") == built


def test_old_experiments_are_reported_and_compared(place: Path) -> None:
    assert run(["report", "tones", "head_fam", "head_autosgm"]) == 0
    for name in ("tones", "head_fam", "head_autosgm"):
        page = (place / f"experiments/{name}/report.html").read_text(encoding="utf-8")
        for title in ("Results", "Confusions", "Worst utterances", "Learning", "Data", "Origin"):
            assert f"<h2>{title}</h2>" in page, (name, title)
        assert "52.63" in page or name != "tones"
    assert "head_autosgm" in (place / "experiments/tones/comparison.html").read_text(encoding="utf-8")


def test_an_old_checkpoint_transcribes_what_was_recorded(place: Path) -> None:
    recognize = Recognizer.from_checkpoint("experiments/tones/checkpoints/last.ckpt")
    for line in json_lines(place / "experiments/tones/utterances_test.jsonl"):
        waveform, rate = soundfile.read(line["path"], dtype="float32")
        symbols = [phoneme.symbol for phoneme in recognize(waveform, rate).phonemes]
        assert symbols == [symbol for symbol in line["hypothesis"] if symbol != "|"]


def test_an_old_experiment_is_exported_with_its_error_rates(place: Path) -> None:
    assert run(["export", "tones", "--to", "hf"]) == 0
    (card,) = place.glob("experiments/tones/**/README.md")
    assert "| per on test | 0.5263 |" in card.read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_old_search_is_continued_with_the_trial_that_a_kill_had_cut_off(place: Path) -> None:
    journal = place / "experiments/tones_search/journal.log"
    journal.write_text(journal.read_text().replace('"HOST"', json.dumps(this_process()["host"])))
    written = journal.read_text()
    done = run_main("fit", "--config", "train.yaml", "--config", "search.yaml", folder=place)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 done" in done.stderr
    assert journal.read_text().startswith(written)
    summary = json.loads((journal.parent / "summary.json").read_text())
    assert (summary["completed"], summary["failed"]) == (4, 0)
    reports = json_lines(journal.parent / "trials/0002/reports.jsonl")
    (before,) = json_lines(WRITTEN / "experiments/tones_search/trials/0002/reports.jsonl")
    assert len(reports) == 3
    assert reports[0]["figures"]["val_loss"] == pytest.approx(before["figures"]["val_loss"], rel=1e-4)
    best = yaml.safe_load((journal.parent / "best.yaml").read_text(encoding="utf-8"))
    assert best["model"]["optimizer"]["class_path"] == "torch.optim.AdamW"


@pytest.mark.parametrize("name", ["saved_sections", "saved_autosgm", "experiments/tones/config"])
def test_an_old_config_file_is_read_with_every_value(
    place: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit, match="0"):
        run(["fit", "--config", f"{name}.yaml", "--print_config"])
    read = yaml.safe_load(capsys.readouterr().out)
    written = yaml.safe_load((WRITTEN / f"{name}.yaml").read_text(encoding="utf-8"))
    assert list(_differences(written, read, "")) == []


def _differences(written: object, read: object, key: str) -> Iterator[str]:
    """Where the second lacks a value of the first, or has another; it may have more keys."""
    if isinstance(written, dict) and isinstance(read, dict):
        for name, value in written.items():
            if name not in read:
                yield f"{key}.{name} is missing"
            else:
                yield from _differences(value, read[name], f"{key}.{name}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, (value, other) in enumerate(zip(written, read, strict=True)):
            yield from _differences(value, other, f"{key}[{index}]")
    elif written != read:
        yield f"{key}: was {written!r}, is {read!r}"


def test_old_trials_configurations_are_read(place: Path) -> None:
    for trial in ("0000", "0002"):
        with pytest.raises(SystemExit, match="0"):
            run(["fit", "--config", f"experiments/tones_search/trials/{trial}/config.yaml", "--print_config"])


def test_what_names_the_folders_of_old_caches_is_spelled_as_before() -> None:
    """Another letter, and every user's audio is prepared again."""
    assert PreparationSettings().fingerprint() == (
        "16000 0.1 30.0 -60.0 pcm16 "
        "IpaNormaliser(keep_stress=False, keep_length=True, mapping={}, keep_ties=False) none"
    )
    lexicon = LexiconPhonemes(WRITTEN / "lexicon.txt", "espeak", "ru").fingerprint()
    content = hashlib.sha256((WRITTEN / "lexicon.txt").read_bytes()).hexdigest()
    assert lexicon == f"lexicon 2 i {content} {EspeakPhonemes('ru').fingerprint()}"
    version = espeak_version()
    assert EspeakPhonemes("ru").fingerprint().startswith(f"espeak-ng {version} phonemizer ")
    spoken = SpokenSentence("да", VoiceSettings("ru+m7", 183, 56), IpaNormaliser())
    assert spoken.fingerprint() == (
        f"espeak-ng {version} VoiceSettings(voice='ru+m7', words_per_minute=183, pitch=56) да"
    )
    recording = Recording("a", Path("/nonexistent/a.wav"), ("d", "a"), None, "m", "ru", {"x": "y"})
    digest = "1b9c60d02db10018ccc2ca770f65adf73a4c44f82fa5f712659557792a466d1e"
    assert survey([recording]).digest == digest
