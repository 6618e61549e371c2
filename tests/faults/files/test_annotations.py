"""Label files and listings of strangers: what cannot be used is skipped and listed, and costs little time."""

import json
import os
import struct
import time

import numpy as np
import pytest
import soundfile

from cli.run import run
from dataset_modules.base_dataset import SPLITS
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.audio_part import AudioPart
from dataset_modules.sources.annotations.clip_cutting import cut
from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier, TimedLabel
from dataset_modules.sources.annotations.formats.textgrid import read_textgrid
from dataset_modules.sources.annotations.formats.timed_rows import read_timed_rows
from dataset_modules.sources.annotations.options import LabelOptions
from dataset_modules.sources.annotations.tier_choice import ChosenTiers, chosen_tiers, first_role
from dataset_modules.sources.audio import read_clip

MOST_SECONDS = 10
GRID = '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "phones" 0 1 1 {} 1 "t"'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recordings" / "ru"
    folder.mkdir(parents=True)
    for number in range(6):
        tone(folder / f"clip{number}.wav")
        (folder / f"clip{number}.ipa").write_text("t a")
    return folder


def tone(path, seconds=1, rate=16000):
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, seconds * 16000), rate)


def skipped(folder, **options):
    """List what a data set of the folder leaves out."""
    dataset = CustomAudioDataset(
        "ru", folder, cache_dir=folder.parents[1] / "cache", max_skipped_share=1.0, **options
    )
    dataset.load_data()
    parts = [dataset.prepare(split, AudioParams()) for split in SPLITS]
    return {row.id: row.reason for part in parts for row in part.skipped()}


@pytest.fixture
def in_time():
    start = time.process_time()
    yield
    assert time.process_time() - start < MOST_SECONDS


@pytest.mark.parametrize("content", [GRID.format("1" * 200_000 + "x"), GRID[:40] + '"' + "a" * 4_000_000])
def test_long_tokens_of_a_textgrid(tmp_path, in_time, content):
    (tmp_path / "a.TextGrid").write_text(content)
    with pytest.raises(AudioError, match=r"a\.TextGrid"):
        read_textgrid(tmp_path / "a.TextGrid")


def test_long_labels_of_rows_with_times(tmp_path, in_time):
    label = "-" * 200_000
    (tier,) = read_timed_rows(tmp_path / "a.lab", [f"0 1 {label}"], 1.0, 16000).tiers
    assert tier.labels[0].text == label


def test_as_many_tiers_as_nobody_writes(in_time):
    label = TimedLabel(0.0, 1.0, "t")
    file = AnnotatedFile(tuple(AnnotationTier(f"phones@{number}", (label,)) for number in range(20_000)))
    with pytest.raises(AudioError, match="at most 1000 tiers, it has 20000"):
        chosen_tiers(file, first_role([file]), LabelOptions())


MANY = range(20_000)
BACKWARD = [(0, 20), *((21, 20 - number * 1e-6) for number in MANY)]
NESTED = [(number * 1e-3, 200 - number * 1e-3) for number in MANY]
FAR_APART = [(1.3 ** min(number, 2500), 1.3 ** min(number, 2500) + 0.05) for number in MANY]


@pytest.mark.parametrize("times", [BACKWARD, NESTED, FAR_APART], ids=["backward", "nested", "far apart"])
def test_labels_with_bad_times(in_time, times):
    labels = tuple(TimedLabel(start, end, "t") for start, end in times)
    chosen = ChosenTiers(AnnotationTier("phones", labels), None)
    clips = cut(chosen, "phonemes", seconds=200.0, is_one_clip=False).clips
    assert sum(len(clip.labels) for clip in clips) == len(labels)


@pytest.mark.parametrize("interval", [(0, 200), (5, 5)], ids=["long", "points"])
def test_each_label_belongs_to_one_of_intervals_at_one_place(in_time, interval):
    labels = tuple(TimedLabel(*interval, "t") for _ in MANY)
    chosen = ChosenTiers(AnnotationTier("phones", labels), None, AnnotationTier("utterances", labels))
    done = cut(chosen, "phonemes", seconds=200.0, is_one_clip=False)
    assert (sum(len(clip.labels) for clip in done.clips), done.num_outside) == (len(labels), 0)


def test_a_pipe_with_labels_beside_it_is_skipped(folder):
    os.mkfifo(folder / "odd.wav")
    (folder / "odd.TextGrid").write_text(GRID.format(0))
    assert skipped(folder) == {"odd.wav": f"{folder}/odd.wav: no such file"}


def test_start_passes_over_a_pipe(folder, run_done):
    os.mkfifo(folder / "odd.wav")
    (folder / "odd.ipa").write_text("t a")
    assert "wrote" in run_done("start", folder, "--language", "ru", "--device", "cpu")


def test_a_part_of_a_file_with_an_impossible_rate(folder, tmp_path):
    content = bytearray((folder / "clip0.wav").read_bytes())
    content[24:28] = struct.pack("<I", 1)  # of which a second becomes 16000
    (tmp_path / "odd.wav").write_bytes(content)
    for end in (None, 0.5):
        with pytest.raises(AudioError, match="must have between 1000 and"):
            AudioPart(tmp_path / "odd.wav", 0.1, end).read()


def test_a_part_without_an_end_is_not_decoded_beyond_the_longest_clip(tmp_path):
    tone(tmp_path / "long.wav", seconds=20)
    part = AudioPart(tmp_path / "long.wav", 2.0)
    assert len(part.read(max_seconds=3.0).waveform) == 48_001
    with pytest.raises(AudioError, match="at most, lasts longer"):
        read_clip(part, max_seconds=3.0)
    assert len(read_clip(part, max_seconds=18.0).waveform) == 18 * 16_000


HUGE = 10**400  # no float
CUT = {
    "recording": {"sources": [{"type": "file", "source": "clip0.wav"}]},
    "supervisions": [{"start": HUGE, "duration": 1, "text": "a"}],
}
ROWS = [{"offset": HUGE, "duration": 1}, {"offset": 0, "duration": HUGE}, {"speaker": "\ud800"}]
ROWS += [{"audio_filepath": "\ud800.wav"}, {"audio_filepath": "a" * 5000 + ".wav"}, CUT]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_a_faulty_line_of_a_listing_is_skipped_and_listed(folder, row):
    row = row if row is CUT else {"audio_filepath": "clip0.wav", "text": "а", **row}
    good = {"audio_filepath": "clip1.wav", "text": "а"}
    (folder / "list.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(row)}\n")
    assert len(skipped(folder)) == 1
    assert run(["start", str(folder), "--language", "ru", "--device", "cpu"]) in (0, 2)


@pytest.mark.parametrize("field", ["file_name", "text", "speaker", "room"])
def test_a_table_with_half_a_character(folder, field):
    rows = [{"file_name": f"clip{number}.wav", "phonemes": "t a"} for number in range(6)]
    rows[0][field] = "\ud800"
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert len(skipped(folder)) == 1
    assert run(["start", str(folder), "--language", "ru", "--device", "cpu"]) == 0


def test_a_name_in_kaldis_list_that_is_too_long(folder):
    listing = folder / "kaldi"
    listing.mkdir()
    (listing / "wav.scp").write_text(f"a {'x' * 5000}\nb ../clip0.wav\n")
    (listing / "text").write_text("a да\nb да\n")
    assert list(skipped(listing, label_kind="text")) == ["a"]
