"""Training on a folder with every kind of bad recording ends well and lists what it left out."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import yaml
from numpy.typing import NDArray

from cli.run import run
from dataset_modules.cache.clip_store import ClipStore
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import IpaNormaliser
from tests.journeys.configuration import configuration, written
from tests.journeys.experiments import metrics_of

TEXTS = distinct_sentences("ru", 24, seed=0)
Samples = NDArray[np.float32]


class Folder:
    """Recordings with transcripts beside them."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        self.path = path
        for number, text in enumerate(TEXTS):
            clip = speak(text, VoiceSettings("ru+m1"), IpaNormaliser())
            self.samples, self.rate = clip.waveform, clip.sampling_rate
            self.add(f"good-{number:02}.wav", clip.waveform, text=text)

    def add(
        self,
        name: str,
        content: bytes | Samples | None = None,
        text: str | bytes = TEXTS[-1],
        rate: int | None = None,
        suffix: str = ".txt",
    ) -> None:
        """Add a recording of bytes or samples, and the transcript beside it."""
        path = self.path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            subtype = "FLOAT" if name == "nan.wav" else None
            soundfile.write(path, content, rate or self.rate, subtype=subtype)
        path.with_suffix(suffix).write_bytes(text if isinstance(text, bytes) else text.encode())


def _spoil(folder: Folder) -> dict[str, str]:
    """Add one bad recording of each kind; return why each is to be skipped."""
    good, rate = folder.samples, folder.rate
    folder.add("zero.wav", b"")
    folder.add("page.wav", b"<html>not found</html>")
    folder.add("cut.mp3", good)
    whole = (folder.path / "cut.mp3").read_bytes()
    folder.add("cut.mp3", whole[: len(whole) // 2])
    folder.add("nan.wav", np.where(np.arange(len(good)) == 9, np.nan, good))
    folder.add("one.wav", good[:1])
    folder.add("long.wav", np.resize(good, 600 * rate))
    folder.add("silence.wav", np.zeros(rate, dtype=np.float32))
    folder.add("latin.wav", good, text="да".encode("cp1251"))
    folder.add("empty.wav", good, text="")
    folder.add("foreign.wav", good, text="ǃ a ʘ", suffix=".lab")
    folder.add("hasty.wav", good[: rate // 2], text=" ".join(TEXTS[:6]))
    outside = folder.path.parent.parent / "outside.wav"
    soundfile.write(outside, good, rate)
    (folder.path / "link.wav").symlink_to(outside)
    folder.add("link.wav")
    return {
        "zero.wav": "the file is empty",
        "page.wav": "cannot be decoded",
        "cut.mp3": "the file is cut",
        "nan.wav": "samples must be finite",
        "one.wav": "must last min_seconds=0.1 at least",
        "long.wav": "must last max_seconds=30.0 at most, lasts 600.000",
        "silence.wav": "it is silent",
        "latin.wav": "its labels cannot be read",
        "empty.wav": "neither phonemes nor a text",
        "foreign.wav": "phonemes must be in the vocabulary, these are not: ǃ, ʘ",
        "hasty.wav": "frames, the model makes 23 of this audio",
        "link.wav": "leads out of it",
    }


def _configuration(place: Path, **arguments: Any) -> Path:  # noqa: ANN401
    dataset = {
        "train_val_dir": str(place / "recordings"),
        "allowed_extensions": [".wav", ".mp3"],
        **arguments,
    }
    content = configuration(
        place,
        custom_folder_name="bad",
        data={
            "dataset_classes": [
                {"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": dataset}
            ]
        },
        trainer={"max_epochs": 1},
    )
    return written(place / "config.yaml", content)


def _listed(place: Path) -> dict[str, str]:
    with (place / "experiments" / "bad" / "skipped_recordings.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert all(Path(row["path"]).name == Path(row["id"]).name or ":" in row["id"] for row in rows)
    return {row["id"]: row["reason"] for row in rows}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "recordings" / "ru")


def test_every_bad_recording_is_skipped_and_listed_and_the_odd_ones_are_used(
    tmp_path: Path, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = _spoil(folder)
    folder.add("eight.wav", np.tile(folder.samples[:, None], (1, 8)))
    folder.add("studio.wav", soxr.resample(folder.samples, folder.rate, 96000), rate=96000)
    assert run(["fit", "--config", str(_configuration(tmp_path))]) == 0
    listed = _listed(tmp_path)
    assert listed.keys() == expected.keys()
    assert all(reason in listed[name] for name, reason in expected.items())
    log = capsys.readouterr().err
    assert "recordings skipped; why: " in log
    assert "skipped_recordings.tsv" in log
    clips = [ClipStore([path]) for path in (tmp_path / "cache").rglob("*.arrow")]
    lengths = {store[row].id: len(store[row].samples) for store in clips for row in range(len(store))}
    assert (
        lengths["eight.wav"]
        == pytest.approx(lengths["studio.wav"], abs=2)
        == len(folder.samples) * 16 // 22.05
    )
    assert np.isfinite(metrics_of(tmp_path / "experiments" / "bad")["val_loss"])


def test_a_manifest_that_leads_out_of_its_folder_ends_no_run(tmp_path: Path, folder: Folder) -> None:
    soundfile.write(tmp_path / "outside.wav", folder.samples, folder.rate)
    (folder.path / "inner.wav").symlink_to(tmp_path / "outside.wav")
    rows = [{"file_name": path.name, "text": TEXTS[0]} for path in sorted(folder.path.glob("good*.wav"))]
    rows += [
        {"file_name": name, "text": "да"} for name in ("../../outside.wav", "/etc/hosts.wav", "inner.wav")
    ]
    rows[3]["text"] = "half a character \udcff"
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder.path / "metadata.jsonl").write_text(lines, encoding="utf-8")
    assert run(["fit", "--config", str(_configuration(tmp_path))]) == 0
    listed = _listed(tmp_path)
    assert "its text must be UTF-8" in listed.pop("good-03.wav")
    assert listed.keys() == {"metadata.jsonl:25", "metadata.jsonl:26", "metadata.jsonl:27", "inner.wav"}
    assert all("leads out of it" in reason for reason in listed.values())


def test_more_than_may_be_skipped_stops_with_one_message(
    tmp_path: Path, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    _spoil(folder)
    assert run(["fit", "--config", str(_configuration(tmp_path, max_skipped_share=0.1))]) == 1
    log = capsys.readouterr().err
    assert "more than max_skipped_share=0.1 allows" in log
    assert "Traceback" not in log


def test_a_wrong_vocabulary_is_refused_with_its_unknown_phonemes(
    tmp_path: Path, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    english = ("--model.vocab_file", "dataset_modules/tokens/english_phones.json")
    assert run(["fit", "--config", str(_configuration(tmp_path)), *english]) == 1
    log = capsys.readouterr().err
    assert "are not in the vocabulary: " in log
    assert "rʲ (" in log
    assert "add them to model.vocab_file" in log


@pytest.mark.parametrize(
    ("speaker", "callbacks", "refused"),
    [
        ("speaker 2", [], "fit needs recordings in the train split, there are none; "),
        (
            "speaker 0",
            ["EarlyStopping"],
            "EarlyStopping must watch a metric that exists, but the val split ",
        ),
    ],
)
def test_a_single_speaker_is_refused_by_what_is_missing(
    tmp_path: Path,
    folder: Folder,
    capsys: pytest.CaptureFixture[str],
    speaker: str,
    callbacks: list[str],
    refused: str,
) -> None:
    rows = [{"file_name": path.name, "speaker": speaker} for path in sorted(folder.path.glob("good*.wav"))]
    (folder.path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = _configuration(tmp_path)
    content = yaml.safe_load(path.read_text())
    content["trainer"]["callbacks"] = [
        {"class_path": f"lightning.pytorch.callbacks.{name}", "init_args": {"monitor": "val_per"}}
        for name in callbacks
    ]
    path.write_text(yaml.safe_dump(content))
    assert run(["fit", "--config", str(path)]) == 2
    log = capsys.readouterr().err
    assert refused in log
    assert "it needs more speakers, or splits in the manifest" in log
