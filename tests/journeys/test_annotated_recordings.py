"""Long recordings with annotations give the clips, and the error rates, of the same data as single files."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from praatio import textgrid as praatio

from cli.run import run
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import IpaNormaliser
from tests.journeys.configuration import configuration, written
from tests.journeys.experiments import metrics_of

RATE = 22050
GRID = 441  # samples in 20 ms: every border lies on a sample and on a whole millisecond
SPEAKERS = ("anna", "boris", "carla")
CLASS = "dataset_modules.custom.CustomAudioDataset"


class Said(NamedTuple):
    """A sentence of a long recording, with its borders in samples."""

    text: str
    phonemes: tuple[str, ...]
    first: int
    last: int

    @property
    def span(self) -> tuple[float, float]:
        return self.first / RATE, self.last / RATE


class Talk(NamedTuple):
    """A long recording of one speaker."""

    speaker: str
    samples: NDArray[np.float32]
    said: list[Said]


def _talk(speaker: str, texts: list[str]) -> Talk:
    """Join sentences with pauses between them."""
    pause = np.zeros(GRID * 25, dtype=np.float32)
    parts, said, length = [pause], [], len(pause)
    for text in texts:
        clip = speak(text, VoiceSettings("ru+m1"), IpaNormaliser())
        assert clip.sampling_rate == RATE
        spoken = np.pad(clip.waveform, (0, -len(clip.waveform) % GRID))
        said.append(Said(text, clip.phonemes, length, length + len(spoken)))
        parts += [spoken, pause]
        length += len(spoken) + len(pause)
    return Talk(speaker, np.concatenate(parts), said)


@pytest.fixture(scope="module")
def talks() -> list[Talk]:
    texts = distinct_sentences("ru", 12, seed=1)
    return [_talk(speaker, texts[place::3]) for place, speaker in enumerate(SPEAKERS)]


def _recorded(folder: Path, talks: list[Talk]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for talk in talks:
        soundfile.write(folder / f"{talk.speaker}.wav", talk.samples, RATE, subtype="PCM_16")


def _table(folder: Path, rows: list[str]) -> None:
    content = "file_name,start,end,text,speaker\n" + "".join(f"{row}\n" for row in rows)
    (folder / "metadata.csv").write_text(content, encoding="utf-8")


def single_files(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    folder.mkdir(parents=True)
    rows = []
    for talk in talks:
        _recorded(folder, [talk])
        whole, _ = soundfile.read(folder / f"{talk.speaker}.wav", dtype="int16")
        (folder / f"{talk.speaker}.wav").unlink()
        for number, said in enumerate(talk.said):
            name = f"{talk.speaker}-{number}.wav"
            soundfile.write(folder / name, whole[said.first : said.last], RATE)
            rows.append(f"{name},,,{said.text},{talk.speaker}")
    _table(folder, rows)
    return {}


def table_of_times(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    _recorded(folder, talks)
    _table(
        folder,
        [
            f"{talk.speaker}.wav,{said.span[0]:.6f},{said.span[1]:.6f},{said.text},{talk.speaker}"
            for talk in talks
            for said in talk.said
        ],
    )
    return {}


def textgrids(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    _recorded(folder, talks)
    for number, talk in enumerate(talks):
        seconds = len(talk.samples) / RATE
        grid = praatio.Textgrid(0, seconds)
        entries = [(*said.span, said.text) for said in talk.said]
        grid.addTier(praatio.IntervalTier(f"{talk.speaker} - utterances", entries, 0, seconds))
        form = ("long_textgrid", "short_textgrid")[number % 2]
        grid.save(str(folder / f"{talk.speaker}.TextGrid"), form, includeBlankSpaces=True)
    return {}


def textgrids_of_phonemes(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    """Phonemes of equal lengths inside the utterances, and words of the same."""
    _recorded(folder, talks)
    for talk in talks:
        phones, words = [], []
        for said in talk.said:
            borders = np.linspace(*said.span, len(said.phonemes) + 1).round(6).tolist()
            start = borders[0]
            for name, left, right in zip(said.phonemes, borders, borders[1:], strict=False):
                if name == "|":
                    words.append((start, left, "word"))
                    start = right
                else:
                    phones.append((left, right, name))
            words.append((start, borders[-1], "word"))
        seconds = len(talk.samples) / RATE
        grid = praatio.Textgrid(0, seconds)
        spans = [(*said.span, said.text) for said in talk.said]
        for name, entries in {"utterances": spans, "words": words, "phones": phones}.items():
            grid.addTier(praatio.IntervalTier(f"{talk.speaker} - {name}", entries, 0, seconds))
        grid.save(str(folder / f"{talk.speaker}.TextGrid"), "long_textgrid", includeBlankSpaces=True)
    return {}


def elan(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    _recorded(folder, talks)
    for talk in talks:
        slots, annotations = [], []
        for number, said in enumerate(talk.said):
            for side, seconds in zip("se", said.span, strict=True):
                time = round(seconds * 1000)
                slots.append(f'<TIME_SLOT TIME_SLOT_ID="{side}{number}" TIME_VALUE="{time}"/>')
            annotations.append(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="s{number}" '
                f'TIME_SLOT_REF2="e{number}"><ANNOTATION_VALUE>{said.text}</ANNOTATION_VALUE>'
                "</ALIGNABLE_ANNOTATION></ANNOTATION>"
            )
        (folder / f"{talk.speaker}.eaf").write_text(
            f"<ANNOTATION_DOCUMENT><TIME_ORDER>{''.join(slots)}</TIME_ORDER>"
            f'<TIER TIER_ID="speech" PARTICIPANT="{talk.speaker}">{"".join(annotations)}</TIER>'
            "</ANNOTATION_DOCUMENT>",
            encoding="utf-8",
        )
    return {}


def kaldi(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    _recorded(folder.with_name("kaldi_audio"), talks)
    folder.mkdir(parents=True)
    files: dict[str, list[str]] = {"wav.scp": [], "segments": [], "text": [], "utt2spk": []}
    for talk in talks:
        files["wav.scp"].append(f"{talk.speaker} {folder.with_name('kaldi_audio') / talk.speaker}.wav")
        for number, said in enumerate(talk.said):
            key = f"{talk.speaker}-{number}"
            files["segments"].append(f"{key} {talk.speaker} {said.span[0]:.4f} {said.span[1]:.4f}")
            files["text"].append(f"{key} {said.text}")
            files["utt2spk"].append(f"{key} {talk.speaker}")
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {}


def json_lines(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    _recorded(folder, talks)
    rows = [
        {
            "audio_filepath": f"{talk.speaker}.wav",
            "offset": said.span[0],
            "duration": said.span[1] - said.span[0],
            "text": said.text,
            "lang": "ru",
            "speaker": talk.speaker,
        }
        for talk in talks
        for said in talk.said
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {}


FORMATS = (table_of_times, textgrids, textgrids_of_phonemes, elan, kaldi, json_lines)


def _clips(folder: Path) -> list[tuple[Any, ...]]:
    dataset = CustomAudioDataset("ru", folder, cache_dir=folder.parent / "cache", validation_split=0.0)
    dataset.load_data()
    prepared = dataset.prepare("train", AudioParams())
    assert prepared.num_skipped == 0
    clips = map(prepared.clips.__getitem__, range(len(prepared.clips)))
    return [(clip.speaker, clip.text, clip.phonemes, clip.samples.tobytes()) for clip in clips]


@pytest.mark.parametrize("make", FORMATS, ids=lambda make: make.__name__)
def test_every_format_gives_the_clips_of_single_files_to_the_sample(tmp_path, talks, make):
    make(tmp_path / make.__name__, talks)
    single_files(tmp_path / "single", talks)
    assert _clips(tmp_path / make.__name__) == _clips(tmp_path / "single")


@pytest.mark.slow
def test_every_format_has_the_test_error_rate_of_single_files(tmp_path, talks):
    single_files(tmp_path / "train", talks)
    for make in (single_files, *FORMATS):
        make(tmp_path / make.__name__, talks)
    rates = {}
    for make in (single_files, *FORMATS):
        dataset = {
            "train_val_dir": str(tmp_path / "train"),
            "test_dir": str(tmp_path / make.__name__),
            "validation_split": 0.5,
        }
        content = configuration(
            tmp_path,
            custom_folder_name=make.__name__,
            data={"dataset_classes": [{"class_path": CLASS, "init_args": dataset}]},
            trainer={"max_epochs": 1},
        )
        assert run(["fit", "--config", str(written(tmp_path / f"{make.__name__}.yaml", content))]) == 0
        rates[make.__name__] = metrics_of(tmp_path / "experiments" / make.__name__)["test_per"]
    assert len(set(rates.values())) == 1, rates
