"""``doctor`` end to end: its findings in a folder of recordings, its files, its exit status."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from cli.run import run

PHONEMES = ["a", "e", "i", "o", "u", "p", "t", "k", "s", "m"]
RUSSIAN = "dataset_modules/tokens/russian_phones.json"


def speech(seed, seconds=1.5):
    """Noise with a varying level, different for every seed."""
    generator = np.random.default_rng(seed)
    times = np.arange(int(seconds * 16000)) / 16000
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * generator.uniform(2, 5) * times)
    return (0.2 * swell * generator.normal(size=len(times)) / 3).astype(np.float32)


OWN_TRANSFORM = """
from audiomentations.core.transforms_interface import BaseWaveformTransform

class CustomHalf(BaseWaveformTransform):
    def apply(self, samples, sample_rate):
        return samples / 2
"""


class Corpus:
    """A folder of recordings with a manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[tuple[str, str, str, str]] = []
        folder.mkdir(parents=True)

    def add(self, name, wave=None, phonemes=PHONEMES, speaker="anna", split="train"):
        if wave is not None:
            soundfile.write(self.folder / name, wave, 16000)
        self.rows.append((name, " ".join(phonemes), speaker, split))
        with (self.folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("file_name", "phonemes", "speaker", "split"), *self.rows])

    def add_good(self):
        for number in range(12):
            self.add(f"good{number:02d}.wav", speech(number), speaker=f"anna{number % 3}")
        self.add("val.wav", speech(20), speaker="bert", split="val")
        self.add("test.wav", speech(21), speaker="carl", split="test")


@pytest.fixture
def corpus(tmp_path):
    corpus = Corpus(tmp_path / "corpus")
    corpus.add_good()
    return corpus


@pytest.fixture
def config(tmp_path, corpus):
    return {
        "seed_everything": 1,
        "custom_folder_name": "t",
        "model": {"vocab_file": RUSSIAN, "optimizer": "AdamW", "lr": 0.001},
        "data": {
            "batch_size": 4,
            "dataset_classes": [
                {
                    "class_path": "dataset_modules.custom.CustomAudioDataset",
                    "init_args": {
                        "train_val_dir": str(corpus.folder),
                        "allowed_extensions": [".wav", ".flac", ".mp3"],
                        "text_to_phonemes": "none",
                        "cache_dir": str(tmp_path / "cache"),
                    },
                }
            ],
        },
        "trainer": {"accelerator": "cpu", "default_root_dir": str(tmp_path), "max_epochs": 3},
    }


@pytest.fixture
def examine(tmp_path, config, capsys):
    """Run doctor; return exit status, standard output, standard error."""

    def examine(*arguments):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        status = run(["doctor", "--config", str(path), *arguments])
        return status, *capsys.readouterr()

    return examine


@pytest.fixture
def numbers(tmp_path):
    """The JSON that the run wrote."""
    return lambda folder="t_doctor": json.loads(
        (tmp_path / "experiments" / folder / "doctor.json").read_text()
    )


def keys(numbers, severity):
    return {finding["key"] for finding in numbers["findings"] if finding["severity"] == severity}


def test_good_data_ends_with_status_0_and_correct_numbers(examine, numbers, tmp_path):
    status, out, _ = examine("--trainer.accumulate_grad_batches", "2")
    assert status == 0
    found = numbers()
    assert not keys(found, "fatal")
    assert found["training_would_fail"] is False
    train = found["splits"]["train"]
    assert (train["clips"], train["labels"], train["frames"]) == (12, 120, 12 * 74)
    assert train["hours"] == pytest.approx(12 * 1.5 / 3600)
    assert sorted(train["speakers"]) == ["anna0", "anna1", "anna2"]
    assert train["batching"]["num_batches"] == 3
    assert train["batching"]["optimizer_steps"] == 2
    assert found["steps_in_all"] == 6
    assert found["phonemes"]["a"] == {"train": 12, "val": 1, "test": 1, "in_vocabulary": True}
    assert "Training would run" in out
    assert str(tmp_path / "experiments/t_doctor/doctor.html") in out


def test_the_data_of_a_search_is_examined_like_any(config, examine, numbers):
    space = {"model.lr": {"distribution": "uniform", "low": 0.001, "high": 0.01}}
    config["optuna"] = {"tune": True, "search_spaces": space}
    assert examine()[0] == 0
    assert numbers()["training_would_fail"] is False


def test_every_fault_of_a_folder_is_found(corpus, config, examine, numbers, tmp_path):
    corpus.add("copy.flac", speech(3), speaker="bert", split="val")
    corpus.add("again.wav", speech(30), speaker="anna1", split="test")
    corpus.add("silent.wav", np.zeros(24000))
    corpus.add("cut off.wav", np.clip(30 * speech(31), -1, 1))
    corpus.add("crowded.wav", speech(32, 0.5), ["a", "a"] * 20)
    corpus.add("slow <b>.wav", speech(33, 6.0), ["a", "e"])
    corpus.add("alien.wav", speech(34), ["a", "ʘ"])
    corpus.add("endless.wav", speech(35, 31.0))
    corpus.add("corrupt.mp3")
    (corpus.folder / "corrupt.mp3").write_bytes(b"\xff\xfb no audio")
    config["data"]["unknown_phonemes"] = "refuse"
    config["data"]["dataset_classes"][0]["init_args"]["max_skipped_share"] = 0.3
    status, out, _ = examine()
    found = numbers()
    assert status == 1
    assert keys(found, "fatal") == {"unknown_phonemes"}
    assert keys(found, "warning") >= {
        *("skipped_recordings", "cannot_hold_labels", "clipped", "odd_speed"),
        *("same_recording", "same_speaker"),
    }
    assert {row["id"] for row in found["skipped"]} == {
        "endless.wav",
        "corrupt.mp3",
        "silent.wav",
        "crowded.wav",
    }
    for words in (
        "FATAL",
        "ʘ (1×), such as in alien.wav",
        "anna1: train and test",
        "good03.wav (train) is copy",
    ):
        assert words in out
    page = (tmp_path / "experiments/t_doctor/doctor.html").read_text(encoding="utf-8")
    assert "slow &lt;b&gt;.wav" in page
    assert "slow <b>" not in page
    assert "Training would fail" in page


def test_the_policy_decides_whether_unknown_phonemes_are_fatal(corpus, examine, numbers):
    corpus.add("alien.wav", speech(34), ["a", "ʘ"])
    assert examine("--data.unknown_phonemes", "drop")[0] == 0
    assert "unknown_phonemes" in keys(numbers(), "warning")
    assert numbers()["splits"]["train"]["clips"] == 13
    assert examine("--data.unknown_phonemes", "skip")[0] == 0
    assert numbers("t_doctor_2")["splits"]["train"]["clips"] == 12


def test_too_many_unusable_recordings_are_fatal_and_listed(corpus, examine, numbers):
    for number in range(20):
        corpus.add(f"empty{number}.wav")
        (corpus.folder / f"empty{number}.wav").touch()
    status, out, _ = examine()
    assert status == 1
    assert "skipped_recordings" in keys(numbers(), "fatal")
    assert "max_skipped_share" in out
    assert len(numbers()["skipped"]) == 20


STOPPING = "[{class_path: lightning.pytorch.callbacks.EarlyStopping, init_args: {monitor: val_per}}]"
# Of three batches of training and one of validation.
NEEDS_MORE_BATCHES = {
    "validations too far apart": (["--trainer.val_check_interval", "4"], "val_check_interval"),
    "a share of no training batch": (["--trainer.limit_train_batches", "0.2"], "limit_train_batches"),
    "a share of no validation batch": (["--trainer.limit_val_batches", "0.2"], "limit_val_batches"),
    "a stop by a metric without validation": (
        ["--trainer.limit_val_batches", "0", "--trainer.callbacks", STOPPING],
        "EarlyStopping",
    ),
}


@pytest.mark.parametrize("name", NEEDS_MORE_BATCHES)
def test_a_run_that_needs_more_batches_than_there_are_would_fail(name, examine, numbers):
    arguments, named = NEEDS_MORE_BATCHES[name]
    status, out, _ = examine(*arguments)
    assert status == 1
    assert keys(numbers(), "fatal") == {"plan_faults"}
    assert named in out


def test_stopping_by_an_empty_validation_split_would_fail(corpus, examine, numbers):
    (corpus.folder / "val.wav").write_bytes(b"no audio")
    assert examine("--trainer.callbacks", STOPPING)[0] == 1
    assert "plan_faults" in keys(numbers(), "fatal")
    assert examine()[0] == 0  # nothing monitors a metric


def test_a_missing_gpu_is_a_warning(config, examine, numbers, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    config["trainer"] |= {"accelerator": "gpu", "devices": 2, "precision": "bf16-mixed", "strategy": "ddp"}
    status, out, _ = examine()
    assert status == 0
    assert "hardware" in keys(numbers(), "warning")
    assert "this machine has none" in out
    assert numbers()["devices"] == 2
    assert numbers()["splits"]["train"]["batching"]["num_batches"] == 2  # 12 clips, 2 × 4 at once


def test_pretrained_weights_are_not_read(config, examine, numbers, tmp_path):
    from transformers import Wav2Vec2Config

    folder = tmp_path / "pretrained"
    stride = {"conv_dim": [8, 8], "conv_kernel": [400, 2], "conv_stride": [320, 2]}
    Wav2Vec2Config(num_feat_extract_layers=2, **stride).save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    config["model"]["pretrained_name"] = str(folder)
    assert examine()[0] == 0
    assert numbers()["splits"]["train"]["frames"] == 12 * 37  # half of Wav2Vec2's own 74


def test_examples_are_written_as_audio(config, examine, tmp_path):
    config["data"]["augmentations"] = [
        {"class_path": "audiomentations.AddGaussianNoise", "init_args": {"p": 1.0, "min_amplitude": 0.01}}
    ]
    assert examine("--audio", "2")[0] == 0
    files = sorted(path.name for path in (tmp_path / "experiments/t_doctor/examples").iterdir())
    assert files == [f"{number:03d}_{side}.wav" for number in (1, 2) for side in ("after", "before")]
    before, after = (
        soundfile.read(
            io.BytesIO((tmp_path / "experiments/t_doctor/examples" / f"001_{side}.wav").read_bytes())
        )
        for side in ("before", "after")
    )
    assert before[1] == after[1] == 16000
    assert 0.001 < np.std(after[0] - before[0]) < 0.1
    page = (tmp_path / "experiments/t_doctor/doctor.html").read_text(encoding="utf-8")
    assert page.count('<audio src="data:audio/wav;base64,') == 4


def test_nothing_is_overwritten_and_no_experiment_is_created(examine, tmp_path):
    examine()
    first = (tmp_path / "experiments/t_doctor/doctor.html").read_bytes()
    _, out, _ = examine("--data.batch_size", "3")
    assert "t_doctor_2" in out
    assert (tmp_path / "experiments/t_doctor/doctor.html").read_bytes() == first
    assert sorted(path.name for path in (tmp_path / "experiments").iterdir()) == ["t_doctor", "t_doctor_2"]


def test_examples_use_compositions_noises_and_the_users_classes(examine, config, tmp_path, monkeypatch):
    (tmp_path / "own_augmentations.py").write_text(OWN_TRANSFORM, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "noises").mkdir()
    soundfile.write(tmp_path / "noises" / "rain.flac", speech(30), 22050)
    noise = {
        "class_path": "dataset_modules.augmentations.AddBackgroundNoiseWrapper",
        "init_args": {"sounds_path": str(tmp_path / "noises"), "p": 1.0},
    }
    own = {"class_path": "own_augmentations.CustomHalf", "init_args": {"p": 1.0}}
    config["data"]["augmentations"] = [
        {"class_path": "audiomentations.Compose", "init_args": {"transforms": [noise, own]}}
    ]
    status, _, _ = examine("--audio", "2")
    assert status == 0
    folder = tmp_path / "experiments" / "t_doctor"
    for number in (1, 2):
        before, _ = soundfile.read(folder / "examples" / f"{number:03d}_before.wav")
        after, _ = soundfile.read(folder / "examples" / f"{number:03d}_after.wav")
        added = 2 * after - before
        snr_db = 10 * np.log10(np.mean(before**2) / np.mean(added**2))
        assert 2.9 < snr_db < 30.5
    assert (folder / "doctor.html").read_text(encoding="utf-8").count("Spectrogram") >= 4
    assert len(list((tmp_path / "cache" / "sounds" / "16000").glob("*.wav"))) == 1


MISTAKES = {
    "misspelt option": (["--data.batchsize", "4"], "batchsize"),
    "impossible value": (["--data.batch_size", "0"], "batch_size"),
    "missing vocabulary": (["--model.vocab_file", "nowhere.json"], "nowhere.json"),
    "share of batches above one": (["--trainer.limit_val_batches", "1.5"], "limit_val_batches"),
    "negative number of examples": (["--audio", "-1"], "--audio"),
    "a key the optimizer does not use": (["--model.momentum", "0.9"], "momentum"),
    "a monitor that is never logged": (
        [
            "--trainer.callbacks",
            "[{class_path: callbacks.CustomModelCheckpoint, init_args: {monitor: val_x}}]",
        ],
        "val_x",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_configuration_mistake_gives_one_message_and_status_2(name, examine, tmp_path):
    arguments, named = MISTAKES[name]
    status, _, message = examine(*arguments)
    assert status == 2
    assert named in message
    assert "Traceback" not in message
    assert message.count("error:") == 1
    assert not (tmp_path / "experiments").exists()
    assert not (tmp_path / "cache").exists()


def test_texts_without_a_language_are_a_configuration_mistake(corpus, config, examine):
    (corpus.folder / "metadata.csv").write_text("file_name,text\ngood00.wav,one\ngood01.wav,two\n")
    del config["data"]["dataset_classes"][0]["init_args"]["text_to_phonemes"]
    status, _, message = examine()
    assert status == 2
    assert "language" in message


def test_its_help_shows_its_own_option_first(capsys):
    assert run(["doctor", "--help"]) == 0
    text = capsys.readouterr().out
    assert text.index("Of doctor alone") < text.index("--audio") < text.index("--seed_everything")
