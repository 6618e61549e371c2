"""Every configuration mistake is one message and exit status 2, before any data is read."""

import json
import pickle
from pathlib import Path

import pytest
import torch
import yaml

from cli.run import run

RUSSIAN = "dataset_modules/tokens/russian_phones.json"


class Evil:
    """Unpickling it would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.fixture
def base(tmp_path):
    """A configuration that is right: tests break one thing in it."""
    return {
        "seed_everything": 1,
        "custom_folder_name": "t",
        "model": {
            "vocab_file": RUSSIAN,
            "network_config": {"num_hidden_layers": 1},
            "optimizer": "AdamW",
            "lr": 0.001,
        },
        "data": {
            "language": "ru",
            "dataset_classes": [
                {
                    "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                    "init_args": {"cache_dir": str(tmp_path / "cache")},
                }
            ],
        },
        "trainer": {"accelerator": "cpu", "default_root_dir": str(tmp_path), "max_steps": 1},
    }


@pytest.fixture
def attempt(tmp_path, capsys):
    """Run a configuration; return its exit status and what it said."""

    def attempt(config, *arguments, command="fit"):
        path = tmp_path / "config.yaml"
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(config), encoding="utf-8")
        try:
            status = run([command, "--config", str(path), *arguments])
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().err

    return attempt


def set_at(config, path, value):
    *parents, last = path
    for key in parents:
        config = config[key]
    config[last] = value


def one_of(*transforms, **arguments):
    return {"class_path": "audiomentations.OneOf", "init_args": {"transforms": list(transforms), **arguments}}


MISTAKES = {
    "misspelt key at the top": (("sed_everything",), 1, "sed_everything"),
    "misspelt key in the model": (("model", "vocab_fil"), "x", "vocab_fil"),
    "misspelt key in the data": (("data", "batchsize"), 4, "batchsize"),
    "misspelt key in the trainer": (("trainer", "max_epoch"), 4, "max_epoch"),
    "misspelt key in audio_params": (("audio_params",), {"sampling_rat": 16000}, "sampling_rat"),
    "misspelt key in optuna": (("optuna",), {"tuned": True}, "tuned"),
    "misspelt key in a search space": (
        ("optuna",),
        {"search_spaces": {"model.lr": {"distribution": "uniform", "lo": 1}}},
        "lo",
    ),
    "misspelt key in a data set": (
        ("data", "dataset_classes", 0, "init_args", "num_trian"),
        4,
        "num_trian",
    ),
    "unknown data set": (
        ("data", "dataset_classes", 0, "class_path"),
        "dataset_modules.synthetic.SynteticSpeechDataset",
        "data.dataset_classes[0].class_path (line 4); nearest: dataset_modules.synthetic.Synthetic",
    ),
    "unknown augmentation": (
        ("data", "augmentations"),
        [{"class_path": "audiomentations.AddGaussianNois"}],
        "it stands at data.augmentations[0].class_path (line 4); nearest: audiomentations.AddGaussianNoise",
    ),
    "unknown augmentation inside a composition": (
        ("data", "augmentations"),
        [{"class_path": "audiomentations.Gain"}, one_of({"class_path": "audiomentations.Gian"})],
        "data.augmentations[1].init_args.transforms[0].class_path (line 8); nearest: audiomentations.Gain",
    ),
    "an augmentation of a module that is not there": (
        ("data", "augmentations"),
        [{"class_path": "audiomentation.Gain"}],
        "data.augmentations[0].class_path (line 4); nearest: audiomentations.Gain",
    ),
    "an augmentation without a module": (
        ("data", "augmentations"),
        [{"class_path": "AddGaussianNois"}],
        "data.augmentations[0].class_path (line 4); nearest: audiomentations.AddGaussianNoise",
    ),
    "a callback for an augmentation": (
        ("data", "augmentations"),
        [{"class_path": "lightning.pytorch.callbacks.EarlyStopping"}],
        "it stands at data.augmentations[0].class_path (line 4)",
    ),
    "unknown callback": (
        ("trainer", "callbacks"),
        [{"class_path": "callbacks.CustomModelCheckpont"}],
        "nearest: callbacks.CustomModelCheckpoint",
    ),
    "removed augmentation argument": (
        ("data", "augmentations"),
        [{"class_path": "audiomentations.AddBackgroundNoise", "init_args": {"min_snr_in_db": 3}}],
        "min_snr_in_db",
    ),
    "missing noise folder": (
        ("data", "augmentations"),
        [
            {
                "class_path": "dataset_modules.augmentations.AddBackgroundNoiseWrapper",
                "init_args": {"sounds_path": "nowhere/at/all"},
            }
        ],
        "sounds_path",
    ),
    "misspelt argument inside a composition": (
        ("data", "augmentations"),
        [one_of({"class_path": "audiomentations.Gain", "init_args": {"min_gain_in_db": -3}})],
        "nearest: min_gain_db",
    ),
    "a composition with a weight too many": (
        ("data", "augmentations"),
        [one_of({"class_path": "audiomentations.Gain"}, weights=[1, 2])],
        "data.augmentations[0]: audiomentations.OneOf: Length of weights",
    ),
    "missing folder of rooms": (
        ("data", "augmentations"),
        [one_of({"class_path": "audiomentations.ApplyImpulseResponse", "init_args": {"ir_path": "nowhere"}})],
        "data.augmentations[0].init_args.transforms[0]: audiomentations.ApplyImpulseResponse: ir_path must",
    ),
    "a folder of noises without any": (
        ("data", "augmentations"),
        [{"class_path": "audiomentations.AddShortNoises", "init_args": {"sounds_path": "config"}}],
        "sounds_path must hold audio files, config holds none",
    ),
    "a probability above one": (
        ("data", "augmentations"),
        [{"class_path": "audiomentations.Gain", "init_args": {"p": 3}}],
        "data.augmentations[0]: audiomentations.Gain: must hold: 0 <= p <= 1",
    ),
    "a probability above one in a data set": (
        ("data", "dataset_classes", 0, "init_args", "augmentations"),
        [{"class_path": "audiomentations.Gain", "init_args": {"p": 3}}],
        "dataset_classes[0].init_args.augmentations[0]: audiomentations.Gain: must hold: 0 <= p <= 1",
    ),
    "misspelt argument of a data set's augmentation": (
        ("data", "dataset_classes", 0, "init_args", "augmentations"),
        [{"class_path": "audiomentations.Gain", "init_args": {"min_gain_in_db": -3}}],
        "nearest: min_gain_db",
    ),
    "an augmentation whose package is missing": (
        ("data", "augmentations"),
        [{"class_path": "audiomentations.Mp3Compression"}],
        "data.augmentations[0]: audiomentations.Mp3Compression needs the package fast-mp3-augment",
    ),
    "a composition of too few": (
        ("data", "augmentations"),
        [
            {
                "class_path": "audiomentations.SomeOf",
                "init_args": {"num_transforms": 2, "transforms": [{"class_path": "audiomentations.Gain"}]},
            }
        ],
        "audiomentations.SomeOf fails on 2 s of audio at 16000 Hz",
    ),
    "speeds nobody speaks at": (
        ("data", "augmentations"),
        [{"class_path": "dataset_modules.augmentations.SpeedPerturbation", "init_args": {"factors": [9]}}],
        "factors must be speeds",
    ),
    "a mask wider than the network": (
        ("model", "network_config"),
        {"hidden_size": 24, "mask_feature_prob": 0.1, "mask_feature_length": 64},
        "mask_feature_length must be at most hidden_size (24), got 64",
    ),
    "misspelt key in a callback": (
        ("trainer", "callbacks"),
        [{"class_path": "callbacks.LogMetricsCallback", "init_args": {"metrics": ["per"]}}],
        "metrics",
    ),
    "unknown figure in the table": (
        ("trainer", "callbacks"),
        [{"class_path": "callbacks.LogMetricsCallback", "init_args": {"metric_names": ["pre"]}}],
        "pre",
    ),
    "wrong type": (("data", "batch_size"), "many", "batch_size"),
    "impossible value": (("data", "batch_size"), 0, "batch_size"),
    "unknown optimizer": (("model", "optimizer"), "AdmaW", "AdmaW"),
    "unknown optimizer argument": (
        ("model", "optimizer"),
        {"class_path": "torch.optim.Adam", "init_args": {"learning_rate": 1}},
        "learning_rate",
    ),
    "a key the optimizer does not use": (("model", "momentum"), 0.9, "momentum"),
    "unknown scheduler": (("model", "scheduler"), "StepLRR", "StepLRR"),
    "a key without a scheduler": (("model", "gamma"), 0.1, "gamma"),
    "missing vocabulary": (("model", "vocab_file"), "nowhere.json", "nowhere.json"),
    "pretrained model out of reach": (
        ("model", "pretrained_name"),
        "no-such-owner/no-such-model",
        "pretrained_name",
    ),
    "unknown network": (("model", "network_name"), "Wav2Vec3", "Wav2Vec3"),
    "unknown network key": (("model", "network_config"), {"hiden_size": 4}, "hidden_size"),
    "GPU where there is none": (("trainer", "accelerator"), "cuda", "--trainer.accelerator auto"),
    "missing checkpoint": (("ckpt_path",), "nowhere.ckpt", "nowhere.ckpt"),
    "checkpoint from the web": (("ckpt_path",), "https://example.org/a.ckpt", "ckpt_path"),
    "share of batches above one": (("trainer", "limit_val_batches"), 1.5, "limit_val_batches"),
    "negative rate": (("model", "lr"), -1.0, "-1.0"),
    "no workers at all": (("data", "num_workers"), -1, "num_workers"),
    "weights from nowhere": (("only_weights_load",), True, "ckpt_path"),
    "a monitor that is never logged": (
        ("trainer", "callbacks"),
        [{"class_path": "callbacks.CustomModelCheckpoint", "init_args": {"monitor": "val_pre"}}],
        "val_pre",
    ),
    "a language without a voice": (("data", "language"), "en_US", "nearest: en-us"),
    "unknown backend for texts": (("data", "text_to_phonemes"), "festival", "text_to_phonemes"),
    "a dictionary that is not there": (
        ("data", "text_to_phonemes"),
        {"class_path": "phonetics.LexiconPhonemes", "init_args": {"path": "nowhere.dict"}},
        "nowhere.dict",
    ),
    "misspelt key in the normalisation": (("data", "normalisation"), {"keep_stres": True}, "keep_stres"),
    "a mapping of no phoneme": (("data", "normalisation"), {"mapping": {"a b": "c"}}, "'a b'"),
    "a mapping file that is not there": (
        ("data", "normalisation"),
        {"mapping": "nowhere.tsv"},
        "nowhere.tsv",
    ),
    "nothing to train on": (("data", "dataset_classes", 0, "init_args", "num_train"), 0, "train split"),
    "a search where none can be started": (("optuna",), {"tune": True}, "optuna.tune"),
    "a sampler that is none": (("optuna",), {"sampler": 3}, "sampler"),
    "conflicting audio facts": (
        ("data", "audio_params"),
        {"sampling_rate": 8000},
        "data.audio_params.sampling_rate",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message_with_status_2(name, base, attempt, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    path, value, named = MISTAKES[name]
    set_at(base, path, value)
    status, message = attempt(base)
    assert status == 2
    assert named in message
    assert "Traceback" not in message
    assert message.count("error:") == 1
    assert len(message.splitlines()) <= 12, message
    assert not (tmp_path / "cache").exists()
    assert not list(tmp_path.glob("experiments/*"))


@pytest.mark.parametrize(
    "watching",
    [
        {"model": {"scheduler": "ReduceLROnPlateau", "metric_scheduler": "val_per"}},
        {
            "trainer": {
                "callbacks": [
                    {
                        "class_path": "lightning.pytorch.callbacks.EarlyStopping",
                        "init_args": {"monitor": "val_per"},
                    }
                ]
            }
        },
    ],
    ids=["scheduler", "early stopping"],
)
def test_what_watches_validation_needs_recordings_there(base, attempt, watching):
    for section, keys in watching.items():
        base[section] |= keys
    base["data"]["dataset_classes"][0]["init_args"]["num_val"] = 0
    status, message = attempt(base)
    assert status == 2
    assert "the val split is empty" in message


def test_a_scheduler_key_of_another_scheduler_is_refused(base, attempt):
    base["model"] |= {"scheduler": "StepLR", "step_size": 1, "milestones": [1]}
    status, message = attempt(base)
    assert status == 2
    assert "milestones" in message


def test_a_repeated_key_is_refused(base, attempt):
    text = yaml.safe_dump(base).replace("  lr: 0.001", "  lr: 0.001\n  lr: 0.01")
    status, message = attempt(text)
    assert status == 2
    assert "model.lr" in message


def test_an_empty_file_is_refused(attempt):
    status, message = attempt("")
    assert status == 2
    assert "sections" in message


def test_a_missing_file_is_refused(capsys):
    assert run(["fit", "--config", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_repeated_ids_in_a_vocabulary_are_refused(base, attempt, tmp_path):
    vocabulary = tmp_path / "v.json"
    vocabulary.write_text(json.dumps({"[PAD]": 0, "a": 1, "b": 1}))
    base["model"]["vocab_file"] = str(vocabulary)
    status, message = attempt(base)
    assert status == 2
    assert "'a', 'b'" in message


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut short"])
def test_a_broken_checkpoint_is_refused(base, attempt, tmp_path, content):
    checkpoint = tmp_path / "broken.ckpt"
    checkpoint.write_bytes(content)
    status, message = attempt(base, "--ckpt_path", str(checkpoint))
    assert status == 2
    assert "broken.ckpt" in message


def test_a_malicious_checkpoint_runs_no_code(base, attempt, tmp_path):
    trace, checkpoint = tmp_path / "trace", tmp_path / "evil.ckpt"
    torch.save({"state_dict": {}, "evil": Evil(trace)}, checkpoint)
    status, message = attempt(base, "--ckpt_path", str(checkpoint))
    assert status == 2
    assert "evil.ckpt" in message
    checkpoint.write_bytes(pickle.dumps({"state_dict": {}, "evil": Evil(trace)}))
    assert attempt(base, "--ckpt_path", str(checkpoint))[0] == 2
    assert not trace.exists()


def test_a_checkpoint_of_another_vocabulary_is_refused(base, attempt, tmp_path):
    checkpoint = tmp_path / "other.ckpt"
    description = {"vocabulary": ["[PAD]", "[UNK]", "a"]}
    torch.save({"state_dict": {}, "loops": {}, "phoneme_recognizer": description}, checkpoint)
    status, message = attempt(base, "--ckpt_path", str(checkpoint))
    assert status == 2
    assert "map_vocabulary" in message


def test_a_checkpoint_does_not_change_the_configuration(base, attempt, tmp_path):
    """Lightning itself would take the model's settings, and classes to build, from its hyperparameters."""
    trace, checkpoint = tmp_path / "trace", tmp_path / "hparams.ckpt"
    hyperparameters = {
        "lr": 9.0,
        "optimizer": {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", str(trace)]}},
    }
    torch.save({"state_dict": {}, "hyper_parameters": hyperparameters}, checkpoint)
    status, message = attempt(base, "--ckpt_path", str(checkpoint))
    assert status == 2
    assert "only_weights_load" in message
    assert not trace.exists()


def test_evaluating_what_was_never_trained_is_refused(base, attempt):
    status, message = attempt(base, command="test")
    assert status == 2
    assert "train first" in message


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "nearest: en-us, en-gb"),
        ("fr", "nearest: fr-fr"),
        ("tlh", "such as ru"),
        (None, "language must be given"),
    ],
)
def test_a_language_of_texts_that_espeak_does_not_know_is_refused(
    base, attempt, tmp_path, write_tone, language, message
):
    for name in ("a", "b"):
        audio = write_tone(tmp_path / "speech" / f"{name}.wav")
        audio.with_suffix(".txt").write_text("hello", encoding="utf-8")
    base["data"]["language"] = language
    base["data"]["dataset_classes"] = [
        {
            "class_path": "dataset_modules.custom.CustomAudioDataset",
            "init_args": {"train_val_dir": str(tmp_path / "speech"), "cache_dir": str(tmp_path / "cache")},
        }
    ]
    status, said = attempt(base)
    assert status == 2
    assert message in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("experiments/*"))


def test_a_class_with_open_arguments_is_built_with_them(base, attempt, tmp_path, monkeypatch):
    """It gets as far as its own complaint."""
    (tmp_path / "open_augmentations.py").write_text(
        "from audiomentations.core.transforms_interface import BaseWaveformTransform\n"
        "class Open(BaseWaveformTransform):\n"
        "    def __init__(self, **others):\n"
        "        super().__init__(p=1.0)\n"
        "        raise ValueError(f'got {others}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    base["data"]["augmentations"] = [
        {"class_path": "open_augmentations.Open", "dict_kwargs": {"depth": 3}, "init_args": {}}
    ]
    status, message = attempt(base)
    assert status == 2
    assert "data.augmentations[0]: open_augmentations.Open: got {'depth': 3}" in message


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--model.cache_encoder=maybe", "model.cache_encoder: must be true or false or null, got maybe"),
        (
            "--data.max_batch_seconds=lots",
            "max_batch_seconds: must be a number or auto or null, got lots",
        ),
        ("--data.batch_size=eight", "data.batch_size: must be a whole number, got eight"),
        ("--trainer.batch_size=3", "nearest: data.batch_size"),
    ],
)
def test_a_wrong_value_is_described_in_words(base, attempt, option, expected):
    status, message = attempt(base, option)
    assert status == 2
    assert expected in message
    assert "class" not in message


def test_an_option_that_there_is_not_is_found_in_its_file(base, attempt, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("model:\n  seed: 3\n  learning_rate: 0.1\n")
    status, message = attempt(base, "--config", str(other))
    assert status == 2
    assert (
        "there is no option model.learning_rate; nearest: model.lr; "
        f"it stands at model.learning_rate ({other}, line 3)" in message
    )
