"""Data sets whose labels are in the files of other programs: which labels, which clips, which faults."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from praatio import textgrid as praatio

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.labels.encoder import LabelEncoder
from dataset_modules.labels.reading import read_labels
from dataset_modules.labels.usable_clips import usable_clips
from phonetics import Vocabulary

RATE = 16000


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def record(path: Path, seconds: float = 4.0) -> np.ndarray:
    samples = np.random.default_rng(len(path.name)).normal(0, 0.1, round(RATE * seconds)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return soundfile.read(path, dtype="float32")[0]


def grid(path: Path, seconds: float = 4.0, **tiers: list) -> None:
    """A TextGrid by praatio; ``_`` in a name stands for `` - ``."""
    made = praatio.Textgrid(0, seconds)
    for name, entries in tiers.items():
        made.addTier(praatio.IntervalTier(name.replace("_", " - "), entries, 0, seconds))
    made.save(str(path), format="long_textgrid", includeBlankSpaces=True)


def dataset(folder: Path, **arguments) -> CustomAudioDataset:
    arguments = {"validation_split": 0.0, "max_skipped_share": 1.0} | arguments
    made = CustomAudioDataset("ru", folder, cache_dir=folder.parent / "cache", **arguments)
    made.load_data()
    return made


def prepared(folder: Path, **arguments):
    return dataset(folder, **arguments).prepare("train", AudioParams())


def labels(folder: Path, **arguments) -> dict[str, str]:
    clips = prepared(folder, **arguments).clips
    return {clip.id: " ".join(clip.phonemes) for clip in map(clips.__getitem__, range(len(clips)))}


def reasons(folder: Path, **arguments) -> dict[str, str]:
    return {key: reason for key, _, reason in prepared(folder, **arguments).skipped()}


PHONES = [(0.5, 0.75, "d"), (0.75, 1.0, "a"), (2.0, 2.5, "n"), (2.5, 2.75, "e"), (2.75, 3.0, "t")]
WORDS = [(0.5, 1.0, "да"), (2.0, 3.0, "нет")]


def test_an_aligners_phones_and_words_are_one_label_with_word_boundaries(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", words=WORDS, phones=PHONES)
    assert labels(folder) == {"a.wav": "d a | n e t"}


UNKNOWN = [(0.5, 0.75, "d"), (0.75, 1.0, "a"), (1.0, 2.0, "spn"), (2.0, 3.0, "n"), (3.0, 4.0, "sil")]


def spans_of(folder, **arguments) -> dict[str, tuple[float, float | None, str]]:
    found = dataset(folder, **arguments).get_train_data()
    return {
        one.id: (getattr(one.audio, "start", 0), getattr(one.audio, "end", None), " ".join(one.phonemes))
        for one in found
    }


def test_unknown_speech_is_cut_out_of_a_recording(folder):
    samples = record(folder / "a.wav")
    grid(folder / "a.TextGrid", words=[(0.5, 1, "да"), (1, 2, "<unk>"), (2, 3, "н")], phones=UNKNOWN)
    assert spans_of(folder) == {"a.wav#0001": (0, 1, "d a"), "a.wav#0002": (2, None, "n")}
    assert dataset(folder).label_summary.num_unknown == 1
    clip = prepared(folder).clips[1]
    assert np.array_equal(clip.samples, np.rint(samples[2 * RATE :] * np.float32(32767)).astype(np.int16))


def test_unknown_speech_may_count_as_a_pause_or_leave_its_clip_out(folder):
    record(folder / "a.wav")
    spans = [(0.4, 3.1, "x"), (3.1, 4.0, "y")]
    grid(folder / "a.TextGrid", utterances=spans, phones=[*UNKNOWN[:4], (3.2, 3.9, "t")])
    whole = {"a.wav#0002": (3.1, 4.0, "t")}
    parts = {"a.wav#0001": (0.4, 1.0, "d a"), "a.wav#0002": (2.0, 3.1, "n"), "a.wav#0003": (3.1, 4.0, "t")}
    assert spans_of(folder, unknown_speech="cut") == parts
    assert spans_of(folder, unknown_speech="pause") == {"a.wav#0001": (0.4, 3.1, "d a n"), **whole}
    assert labels(folder, unknown_speech="skip") == {"a.wav#0002": "t"}
    assert reasons(folder, unknown_speech="skip") == {
        "a.wav#0001": "label 'spn': it marks speech whose phonemes are not known"
    }


def test_an_utterance_of_unknown_speech_alone_gives_no_clip(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", utterances=[(0, 1, "да нет"), (1, 2, "<unk>"), (2, 3, "[noise]")])
    made = dataset(folder)
    assert [one.text for one in made.get_train_data()] == ["да нет"]
    assert (made.label_summary.num_unknown, made.label_summary.num_empty) == (1, 2)
    assert "labels of unknown speech (spn, <unk>, …), left out: 1" in made.label_summary.notes()


def test_a_long_recording_with_unknown_speech_loses_that_alone(folder):
    record(folder / "a.wav", 40)
    phones = [
        (start + place / 10, start + (place + 1) / 10, "spn" if (start, place) == (14, 50) else "a")
        for start in (1, 14, 27)
        for place in range(99)
    ]
    grid(folder / "a.TextGrid", 40, phones=phones)
    clips = prepared(folder).clips
    assert [len(clips[index].phonemes) for index in range(len(clips))] == [99, 50, 48, 99]


def test_labels_of_skipped_clips_make_no_vocabulary(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", utterances=[(0.4, 3.1, "x"), (3.1, 4.0, "y")], phones=UNKNOWN)
    made = dataset(folder, unknown_speech="skip")
    assert {name for label in read_labels(made, "train") for name in label.phonemes} == set()


@pytest.mark.parametrize(
    ("name", "content"), [("a.lab", "d ɑ spn ʃ ə"), ("a.txt", "да <unk> нет"), ("a.txt", "да [laughter]")]
)
def test_unknown_speech_without_times_leaves_the_recording_out(folder, name, content):
    record(folder / "a.wav")
    (folder / name).write_text(content, encoding="utf-8")
    assert "marks speech whose phonemes are not known" in reasons(folder)["a.wav"]
    (kept,) = dataset(folder, unknown_speech="pause").get_train_data()
    assert (" ".join(kept.phonemes or ()) or kept.text) in ("d ɑ ʃ ə", "да нет", "да")


def test_times_in_a_text_are_not_read_out(folder):
    record(folder / "a.wav")
    (folder / "a.txt").write_text("0.5\t1.5\tда нет\n2.0\t3.0\tда\n", encoding="utf-8")
    assert "rows of start, end and label" in reasons(folder)["a.wav"]


def test_utterances_cut_clips_out_of_a_long_recording_to_the_sample(folder):
    samples = record(folder / "a.wav")
    spans = [(0.4, 1.1, "first"), (1.9, 3.05, "second")]
    grid(folder / "a.TextGrid", utterances=spans, phones=PHONES)
    clips = prepared(folder).clips
    assert [(clip.id, " ".join(clip.phonemes), clip.text) for clip in (clips[0], clips[1])] == [
        ("a.wav#0001", "d a", "first"),
        ("a.wav#0002", "n e t", "second"),
    ]
    for clip, (start, end, _) in zip((clips[0], clips[1]), spans, strict=True):
        cut = samples[round(start * RATE) : round(end * RATE)]
        assert np.array_equal(clip.samples, np.rint(cut * np.float32(32767)).astype(np.int16))
        assert clip.path == str(folder / "a.wav")


def test_intervals_of_sentences_become_text_of_their_speakers(folder):
    record(folder / "a.wav")
    grid(
        folder / "a.TextGrid",
        **{"anna_utterances": [(0, 1, "да нет")], "boris_utterances": [(0.5, 2, "мама да")]},
    )
    made = dataset(folder)
    assert [(one.id, one.speaker, one.text) for one in made.get_train_data()] == [
        ("a.wav#0001", "anna", "да нет"),
        ("a.wav#0002", "boris", "мама да"),
    ]
    assert made.label_summary.num_overlapping == 1


def test_tiers_named_by_speakers_need_a_pattern(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", Mary=[(0, 1, "да нет")], John=[(1, 2, "мама да")])
    assert "label_tier must say which tier holds the labels" in reasons(folder)["a.wav"]
    assert [one.speaker for one in dataset(folder, label_tier="*").get_train_data()] == ["Mary", "John"]
    assert [one.text for one in dataset(folder, label_tier="john").get_train_data()] == ["мама да"]


def test_a_tier_of_words_divides_phonemes_of_a_tier_with_any_name(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", fonemas=PHONES, words=WORDS, notas=[(0, 1, "ruido")])
    assert labels(folder, label_tier="fonemas") == {"a.wav": "d a | n e t"}
    grid(folder / "a.TextGrid", fonemas=PHONES, palabras=WORDS, notas=[(0, 1, "ruido")])
    assert labels(folder, label_tier="fonemas") == {"a.wav": "d a n e t"}
    named = {"label_tier": "fonemas", "word_tier": "palabras"}
    assert labels(folder, **named) == {"a.wav": "d a | n e t"}
    used = dataset(folder, **named).label_summary.tiers_in_words()
    assert used == "phonemes: fonemas; words: palabras; not used: notas"
    wrong = reasons(folder, **named | {"word_tier": "parole"})["a.wav"]
    assert "word_tier='parole' must fit one tier" in wrong


def test_a_long_recording_of_phones_alone_is_cut_at_its_pauses(folder):
    record(folder / "a.wav", 40)
    phones = [
        (start + place / 10, start + (place + 1) / 10, "a") for start in (1, 14, 27) for place in range(99)
    ]
    grid(folder / "a.TextGrid", 40, phones=phones)
    clips = prepared(folder).clips
    assert [clips[index].id for index in range(len(clips))] == ["a.wav#0001", "a.wav#0002", "a.wav#0003"]
    assert {len(clips[index].phonemes) for index in range(3)} == {99}
    assert all(len(clips[index].samples) == round(10.3 * RATE) for index in range(3))


def test_each_word_of_a_list_with_pauses_is_a_clip_whatever_its_share_of_single_words(folder):
    record(folder / "a.wav", 40.0)
    record(folder / "b.wav", 40.0)
    words = [
        (3.0 * n, 3.0 * n + 1, f"{word} по" if n % 3 == 0 else word)
        for n, word in enumerate(("да", "нет") * 6)
    ]
    grid(folder / "a.TextGrid", 40.0, слова=words)
    running = [(start, start + 3.0, text) for start, _, text in words]
    grid(folder / "b.TextGrid", 40.0, слова=running)
    read = dataset(folder, label_kind="text").splits["train"]
    lasting = {one.id: round(one.audio.end - one.audio.start, 3) for one in read}
    assert [seconds for key, seconds in lasting.items() if key.startswith("a.wav")] == [1.0] * 12
    assert 0 < sum(key.startswith("b.wav") for key in lasting) < 12


def test_a_long_recording_without_a_label_is_skipped_for_that(folder):
    record(folder / "a.wav", 4.0)
    record(folder / "b.wav", 4.0)
    grid(folder / "b.TextGrid", phones=PHONES)
    (reason,) = reasons(folder, max_seconds=3.0).values()
    assert "neither phonemes nor a text" in reason


def test_label_files_may_lie_in_another_folder(folder, tmp_path):
    record(folder / "anna" / "a.wav")
    (tmp_path / "aligned" / "anna").mkdir(parents=True)
    grid(tmp_path / "aligned" / "anna" / "a.TextGrid", phones=PHONES)
    assert labels(folder, label_dir=tmp_path / "aligned") == {"anna/a.wav": "d a n e t"}
    (tmp_path / "aligned").rename(tmp_path / "recordings_aligned")
    (tmp_path / "aligned").mkdir()
    (tmp_path / "recordings_aligned").rename(tmp_path / "aligned" / "recordings")
    assert labels(folder, label_dir=tmp_path / "aligned") == {"anna/a.wav": "d a n e t"}
    with pytest.raises(ValueError, match="label_dir must be a folder of label files, /nowhere is not"):
        dataset(folder, label_dir="/nowhere")


def test_two_tiers_of_one_name_are_a_question_unless_one_is_empty(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", phones=PHONES, other=[])
    path = folder / "a.TextGrid"
    path.write_text(path.read_text().replace('"other"', '"phones"'))
    assert set(labels(folder).values()) == set(labels(folder, label_tier="phones").values()) == {"d a n e t"}
    grid(path, phones=PHONES, other=PHONES[:2])
    path.write_text(path.read_text().replace('"other"', '"phones"'))
    assert "phones, phones; rename those of one name" in reasons(folder)["a.wav"]


def test_a_file_without_the_tier_is_skipped_and_named(folder):
    for name in ("a", "b", "c"):
        record(folder / f"{name}.wav")
        grid(folder / f"{name}.TextGrid", **{"words" if name == "c" else "phones": PHONES})
    assert reasons(folder) == {"c.wav": "its label file must have a tier of phones, it has 'words'"}
    assert (
        "must have label_tier='Phonemes', it has 'phones'" in reasons(folder, label_tier="Phonemes")["a.wav"]
    )


def test_bad_times_are_skipped_and_named(folder):
    record(folder / "a.wav")
    rows = [
        "0.0 0.5 да нет",
        "0.4 1.0 да да",
        "1.5 1.2 мама да",
        "2.0 3.0 ",
        "3.0 9.0 да мама",
        "3.0 4.0 нет нет",
    ]
    (folder / "a.eaf").write_text(eaf(rows), encoding="utf-8")
    assert reasons(folder) == {
        "a.wav#0002": "it begins at 0.400 s, before the label before it ends at 0.500 s",
        "a.wav#0003": "its times run backwards, from 1.500 to 1.200 s",
        "a.wav#0005": "it ends at 9.000 s, outside the recording, which lasts 4.000 s",
    }
    made = dataset(folder)
    assert made.label_summary.num_empty == 1
    assert [one.text for one in made.get_train_data() if not hasattr(one.audio, "reason")] == [
        "да нет",
        "нет нет",
    ]


def test_elans_annotations_without_times_are_skipped_and_named(folder):
    record(folder / "a.wav")
    content = eaf(["0.0 0.5 да нет", "1.0 1.5 мама да", "2.0 2.5 нет нет"])
    for time in (2000, 2500):
        content = content.replace(f' TIME_VALUE="{time}"', "")
    (folder / "a.eaf").write_text(content, encoding="utf-8")
    assert reasons(folder) == {"a.wav#0003": "its label file states no time for it"}
    assert len(list(dataset(folder).get_train_data())) == 3


def eaf(rows: list[str]) -> str:
    """An ELAN file with one tier, ``utterances``."""
    slots, annotations = "", ""
    for number, row in enumerate(rows):
        start, end, text = row.split(" ", 2)
        for name, time in (("s", start), ("e", end)):
            slots += f'<TIME_SLOT TIME_SLOT_ID="{name}{number}" TIME_VALUE="{round(float(time) * 1000)}"/>'
        annotations += (
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="s{number}" '
            f'TIME_SLOT_REF2="e{number}"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>'
            "</ALIGNABLE_ANNOTATION></ANNOTATION>"
        )
    return (
        f"<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>"
        f'<TIER TIER_ID="utterances" PARTICIPANT="Anna" LINGUISTIC_TYPE_REF="speech">{annotations}</TIER>'
        '<TIER TIER_ID="notes" LINGUISTIC_TYPE_REF="comment"></TIER></ANNOTATION_DOCUMENT>'
    )


def test_elans_participants_are_speakers_and_types_choose_tiers(folder):
    record(folder / "a.wav")
    (folder / "a.eaf").write_text(eaf(["0.0 1.0 да нет", "1.5 2.0 мама"]), encoding="utf-8")
    assert [(one.id, one.speaker) for one in dataset(folder).get_train_data()] == [
        ("a.wav#0001", "Anna"),
        ("a.wav#0002", "Anna"),
    ]
    assert len(list(dataset(folder, label_tier="Speech").get_train_data())) == 2
    assert (
        "must have label_tier='gloss', it has 'utterances', 'notes'"
        in (reasons(folder, label_tier="gloss")["a.wav"])
    )


def test_damaged_label_files_are_skipped_and_named(folder):
    for name, content in {"a": b"", "b": b"\xff\xfeabc", "c": b"File type"}.items():
        record(folder / f"{name}.wav")
        (folder / f"{name}.TextGrid").write_bytes(content)
    assert set(reasons(folder)) == {"a.wav", "b.wav", "c.wav"}


# .lab: a text, phonemes, or rows


def test_words_of_a_lab_file_never_become_phonemes(folder):
    record(folder / "a.wav")
    (folder / "a.lab").write_text("Attivato.", encoding="utf-8")
    made = dataset(folder)
    assert [(one.phonemes, one.text) for one in made.get_train_data()] == [(None, "Attivato.")]
    assert "Attivato." not in {name for label in read_labels(made, "train") for name in label.phonemes}


def test_phonemes_and_rows_of_lab_files_are_phonemes(folder):
    for name, content in {"a": "d ɑ", "b": "0 5000000 sil\n5000000 40000000 ɑ\n", "c": "0.0 4.0 ʃ"}.items():
        record(folder / f"{name}.wav")
        (folder / f"{name}.lab").write_text(content, encoding="utf-8")
    assert labels(folder) == {"a.wav": "d ɑ", "b.wav": "ɑ", "c.wav": "ʃ"}


@pytest.mark.parametrize("contents", [("Attivato ora.", "d ɑ ʃ a"), ("I do",), ("no", "a")])
def test_lab_files_that_disagree_or_do_not_decide_are_a_question(folder, contents):
    for name, content in zip("ab", contents, strict=False):
        record(folder / f"{name}.wav")
        (folder / f"{name}.lab").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="label_kind must be given, phonemes or text") as error:
        dataset(folder)
    assert contents[0] in str(error.value)
    assert all(one.phonemes is None for one in dataset(folder, label_kind="text").get_train_data())
    assert all(one.text is None for one in dataset(folder, label_kind="phonemes").get_train_data())


def test_a_tier_without_labels_is_named(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", transcripción=[(0, 1, "да нет")], notas=[(0, 1, " ")])
    with pytest.raises(
        ValueError, match="label_tier must be a tier with labels, notas has none in the 1 label file"
    ):
        dataset(folder, label_tier="notas")


# Tables with times


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata.csv", "file_name|start|end|phonemes\na.wav|1.5|2.5|n e\na.wav|0|1.25|d a\nb.wav|||t\n"),
        ("metadata.csv", "file_name,start,end,phonemes\na.wav,1.5,2.5,n e\na.wav,0,1.25,d a\nb.wav,,,t\n"),
        ("metadata.csv", "file_name;start;end;phonemes\na.wav;1,5;2,5;n e\na.wav;0;1,25;d a\nb.wav;;;t\n"),
        ("metadata.csv", "File_Name; start; End ;phonemes\na.wav;1,5;2,5;n e\na.wav;0;1,25;d a\nb.wav;;;t\n"),
        (
            "metadata.tsv",
            "file_name\tstart\tend\tphonemes\na.wav\t1.5\t2.5\tn e\na.wav\t0\t1.25\td a\nb.wav\t\t\tt\n",
        ),
        (
            "metadata.tsv",
            "FILE_NAME\tStart\tEnd \tPhonemes\na.wav\t1.5\t2.5\tn e\na.wav\t0\t1.25\td a\nb.wav\t\t\tt\n",
        ),
        (
            "metadata.jsonl",
            '{"file_name": "a.wav", "start": 1.5, "end": 2.5, "phonemes": "n e"}\n'
            '{"file_name": "a.wav", "end": 1.25, "phonemes": "d a"}\n'
            '{"file_name": "b.wav", "phonemes": "t"}\n',
        ),
    ],
)
def test_rows_of_a_table_cut_clips_out_of_a_file(folder, name, table):
    samples = record(folder / "a.wav")
    record(folder / "b.wav")
    (folder / name).write_text(table, encoding="utf-8")
    assert labels(folder) == {"a.wav#0001": "d a", "a.wav#0002": "n e", "b.wav": "t"}
    assert len(prepared(folder).clips[0].samples) == 1.25 * RATE
    assert prepared(folder).clips[1].samples[0] == round(float(samples[int(1.5 * RATE)]) * 32767)


def test_impossible_times_of_a_table_are_skipped_and_named(folder):
    record(folder / "a.wav")
    rows = ["0,1,d", "2,1,d", "nan,1,d", "-1,1,d", "3,9,d", "5,,d", "x,1,d"]
    table = "file_name,start,end,phonemes\n" + "".join(f"a.wav,{row}\n" for row in rows)
    (folder / "metadata.csv").write_text(table, encoding="utf-8")
    found = reasons(folder)
    assert len(found) == 6
    assert sum("start and end must be seconds" in reason for reason in found.values()) == 4
    assert (
        sum("must lie inside the recording, which lasts 4.000 s" in reason for reason in found.values()) == 2
    )


def test_clips_of_a_file_stay_in_one_split_if_the_speaker_is_unknown(folder):
    for number in range(20):
        record(folder / f"{number}.wav", 2)
        grid(folder / f"{number}.TextGrid", 2, utterances=[(0, 0.5, "да"), (0.5, 1, "нет"), (1, 2, "мама")])
    made = dataset(folder, validation_split=0.3)
    files = [
        {one.id.split("#")[0] for one in getter()} for getter in (made.get_train_data, made.get_val_data)
    ]
    assert all(files)
    assert not files[0] & files[1]


def test_speakers_may_be_files_or_folders(folder):
    record(folder / "anna" / "1.wav")
    grid(folder / "anna" / "1.TextGrid", utterances=[(0, 1, "да")])
    speakers = {
        source: next(iter(dataset(folder, speaker_from=source).get_train_data())).speaker
        for source in ("labels", "file", "folder")
    }
    assert speakers == {"labels": None, "file": "1", "folder": "anna"}


def test_a_table_may_state_speakers_and_splits_of_files_with_annotations(folder):
    for name in ("a", "b"):
        record(folder / f"{name}.wav")
        grid(folder / f"{name}.TextGrid", utterances=[(0, 1, "да"), (1, 2, "нет")])
    table = "file_name,speaker,split\na.wav,anna,train\nb.wav,boris,test\n"
    (folder / "metadata.csv").write_text(table, encoding="utf-8")
    made = dataset(folder)
    assert [one.id for one in made.get_test_data()] == ["b.wav#0001", "b.wav#0002"]
    assert {one.speaker for one in made.get_train_data()} == {"anna"}


def test_the_cache_notices_changed_times(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", utterances=[(0, 1, "да")])
    assert len(prepared(folder).clips[0].samples) == RATE
    grid(folder / "a.TextGrid", utterances=[(0, 1.5, "да")])
    assert len(prepared(folder).clips[0].samples) == 1.5 * RATE
    shutil.rmtree(folder)


def test_one_of_several_sources_of_labels_may_be_chosen(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", phones=PHONES)
    (folder / "a.lab").write_text("Attivato ora.", encoding="utf-8")
    (folder / "a.ipa").write_text("x y", encoding="utf-8")
    (folder / "metadata.csv").write_text("file_name,text\na.wav,нет\n", encoding="utf-8")
    found = {}
    for source in (None, "table", "textgrid", "lab", "ipa"):
        (recording,) = dataset(folder, label_format=source).get_train_data()
        found[source] = recording.phonemes or recording.text
    assert found == {
        **{None: "нет", "table": "нет", "textgrid": ("d", "a", "n", "e", "t")},
        **{"lab": "Attivato ora.", "ipa": ("x", "y")},
    }


def test_digraphs_and_diacritics_outside_the_vocabulary_are_counted_and_named(folder):
    record(folder / "a.wav")
    grid(folder / "a.TextGrid", phones=[(0.5, 1, "tsh"), (1, 1.5, "ɫ"), (1.5, 2, "tsh"), (2, 3, "a")])
    store = prepared(folder).clips
    found = usable_clips(store, LabelEncoder(Vocabulary(("[PAD]", "a")), "skip"), None)
    assert found.unknown == {"tsh": 2, "ɫ": 1}
    assert found.faults[0].id == "a.wav"
    assert "these are not: tsh, ɫ" in found.faults[0].reason


def test_points_between_borders_are_labels_in_their_order(folder):
    record(folder / "a.wav")
    made = praatio.Textgrid(0, 4)
    made.addTier(praatio.PointTier("phones", [(0.5, "d"), (0.75, "a")], 0, 4))
    made.save(str(folder / "a.TextGrid"), format="short_textgrid", includeBlankSpaces=True)
    assert labels(folder) == {"a.wav": "d a"}


def test_a_textgrid_that_keeps_the_times_of_a_longer_recording_is_shifted(folder):
    record(folder / "a.wav")
    made = praatio.Textgrid(100, 104)
    made.addTier(praatio.IntervalTier("utterances", [(101, 102, "да")], 100, 104))
    made.save(str(folder / "a.TextGrid"), format="long_textgrid", includeBlankSpaces=True)
    (recording,) = dataset(folder).get_train_data()
    assert (recording.audio.start, recording.audio.end) == (1, 2)


def test_a_clip_that_is_too_long_is_refused_before_it_is_decoded(folder):
    record(folder / "a.wav", 40)
    grid(folder / "a.TextGrid", 40, utterances=[(1, 39, "да")])
    assert reasons(folder) == {"a.wav#0001": "must last max_seconds=30.0 at most, lasts 38.000"}


def test_cuts_at_equal_pauses_give_clips_of_similar_length(folder):
    record(folder / "a.wav", 60)
    phones = [
        (start + place / 10, start + (place + 1) / 10, "a") for start in range(1, 59) for place in range(8)
    ]
    grid(folder / "a.TextGrid", 60, phones=phones)
    clips = prepared(folder).clips
    seconds = [len(clips[index].samples) / RATE for index in range(len(clips))]
    assert sum(len(clips[index].phonemes) for index in range(len(clips))) == len(phones)
    assert max(seconds) < 16
    assert min(seconds) > 5


def test_label_files_that_a_table_makes_unnecessary_are_no_question(folder):
    record(folder / "a.wav")
    (folder / "a.lab").write_text("I do", encoding="utf-8")
    (folder / "metadata.csv").write_text("file_name,text\na.wav,нет\n", encoding="utf-8")
    assert [one.text for one in dataset(folder).get_train_data()] == ["нет"]


def test_rows_with_times_lie_beside_textgrids(folder):
    record(folder / "a.wav")
    record(folder / "b.wav")
    grid(folder / "a.TextGrid", phones=PHONES)
    (folder / "b.lab").write_text("0.0 1.0 ʃ\n1.0 2.0 ɑ\n", encoding="utf-8")
    assert labels(folder) == {"a.wav": "d a n e t", "b.wav": "ʃ ɑ"}
