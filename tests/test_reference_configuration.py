"""The configuration as users write it trains: only its paths point to what a test can make."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from cli.run import run
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import IpaNormaliser

REFERENCE = Path(__file__).parent / "reference.yaml"
SPLITS = {"train.tsv": 10, "dev.tsv": 5, "test.tsv": 4}


def spoken(text):
    clip = speak(text, VoiceSettings("ru"), IpaNormaliser())
    return clip.waveform, clip.sampling_rate


def make_release(folder):
    """A small Common Voice release with real mp3."""
    (folder / "clips").mkdir(parents=True)
    sentences = iter(distinct_sentences("ru", sum(SPLITS.values()), seed=5))
    for table, count in SPLITS.items():
        rows = ["client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale"]
        for index in range(count):
            text, name = next(sentences), f"{table[:-4]}_{index}.mp3"
            stream = io.BytesIO()
            soundfile.write(stream, *spoken(text), format="MP3")
            (folder / "clips" / name).write_bytes(stream.getvalue())
            rows.append(f"speaker{index}\t{name}\t{text}\t2\t0\t\t\t\tru")
        (folder / table).write_text("\n".join(rows) + "\n", encoding="utf-8")


def make_recordings(folder):
    """Recordings of a user, with transcripts beside them."""
    folder.mkdir(parents=True)
    for index, text in enumerate(distinct_sentences("ru", 10, seed=6)):
        soundfile.write(folder / f"{index}.wav", *spoken(text))
        (folder / f"{index}.txt").write_text(text, encoding="utf-8")


def make_noises(folder):
    """Three noises in ESC-50's layout."""
    (folder / "meta").mkdir(parents=True)
    (folder / "audio").mkdir()
    with (folder / "meta" / "esc50.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, ["filename", "fold", "target", "category"])
        table.writeheader()
        for name, category in (("a.wav", "rain"), ("b.wav", "wind"), ("c.wav", "coughing")):
            noise = 0.1 * np.random.default_rng(0).standard_normal(44100)
            soundfile.write(folder / "audio" / name, noise, 44100)
            table.writerow({"filename": name, "fold": 1, "target": 1, "category": category})


def make_rooms(folder):
    """One impulse response."""
    folder.mkdir()
    soundfile.write(folder / "room.wav", np.exp(-np.arange(1600) / 200.0), 16000)


def make_pretrained(folder):
    """A folder as ``save_pretrained`` leaves it, over another vocabulary."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=38,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[16, 16, 16],
        conv_kernel=[20, 8, 8],
        conv_stride=[10, 8, 4],
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)


@pytest.mark.slow
def test_the_reference_configuration_trains(tmp_path, monkeypatch):
    make_release(tmp_path / "release" / "ru")
    make_recordings(tmp_path / "recordings" / "ru")
    make_noises(tmp_path / "noises")
    make_rooms(tmp_path / "rooms")
    make_pretrained(tmp_path / "pretrained")
    text = REFERENCE.read_text(encoding="utf-8")
    for written, made in (
        ("mozilla-foundation/common_voice_13_0", "release"),
        ("jonatasgrosman/wav2vec2-large-xlsr-53-russian", "pretrained"),
        ("data/my_recordings", "recordings"),
        ("data/ESC-50-master", "noises"),
        ("data/impulse_responses", "rooms"),
        ("./data/cache", "cache"),
        ('default_root_dir: "./"', f'default_root_dir: "{tmp_path}"'),
    ):
        assert written in text
        text = text.replace(written, made if "default" in made else str(tmp_path / made))
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="utf-8")
    assert yaml.safe_load(text)["trainer"]["max_epochs"] == 200
    overrides = ("--trainer.max_epochs", "1", "--data.num_workers", "2")
    whole = ("--trainer.limit_train_batches", "1.0", "--trainer.limit_val_batches", "1.0")
    assert run(["fit", "--config", str(config), *overrides, *whole]) == 0
    experiment = tmp_path / "experiments" / "test"
    metrics = json.loads((experiment / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["utterances"]["test"] == SPLITS["test.tsv"]
    assert np.isfinite(metrics["test_loss"])
    (best,) = (experiment / "checkpoints").glob("epoch=0-val_cer=*.ckpt")
    trained = torch.load(best, weights_only=True)["state_dict"]
    original = Wav2Vec2ForCTC.from_pretrained(tmp_path / "pretrained").base_model.state_dict()
    for name, value in original.items():  # both parts are frozen in this configuration
        assert torch.equal(trained[f"network.wav2vec2.{name}"], value), name
