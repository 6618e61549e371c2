"""``start``: from a folder of recordings to a configuration."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from praatio import textgrid

from cli.commands.data.start import run_start
from cli.configuration.configured_datasets import located_datasets
from cli.run import run
from cli.starting.folder_survey import FolderSurvey, survey_folder
from cli.starting.recipe import recipe_for
from evaluation.intervals import FEWEST_UNITS
from phonetics import EspeakPhonemes, IpaNormaliser, Vocabulary

TEXTS = ("ciao a tutti", "buona sera", "la lettera", "il gatto nero", "una casa", "gli amici")


def write_folder(folder, rows, suffix=".wav", seconds=0.5):
    for row in rows:
        path = folder / row["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).normal(0, 0.1, int(16000 * seconds))
        soundfile.write(path, noise, 16000)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return folder


def italian(suffix=".flac", count=60, **more):
    return [
        {"file_name": f"a{n}{suffix}", "text": f"{TEXTS[n % 6]} {TEXTS[n // 6 % 6]}", **more}
        for n in range(count)
    ]


def started(folder, tmp_path, *arguments):
    assert run(["start", str(folder), "--output", str(tmp_path / "starts"), *arguments]) == 0
    (path,) = (tmp_path / "starts").glob("*/config.yaml")
    text = path.read_text(encoding="utf-8")
    assert "&" not in text  # an anchor, which few readers know
    return yaml.safe_load(text)


def test_a_folder_gets_vocabulary_extensions_and_splits(tmp_path, capsys):
    folder = write_folder(tmp_path / "prompts", italian(), ".flac")
    config = started(folder, tmp_path, "--language", "it", "--device", "cpu")
    assert config["model"]["vocab_file"].endswith("dataset_modules/tokens/italian_phones.json")
    recorded, synthetic, frequent = config["data"]["dataset_classes"]
    assert recorded["init_args"]["allowed_extensions"] == [".flac"]
    assert recorded["init_args"]["split_by"] == "recording"
    assert synthetic["class_path"] == "dataset_modules.synthetic.SyntheticSpeechDataset"
    sets = located_datasets(config["data"])
    assert all(len(sets[0].splits[split]) for split in ("train", "val", "test"))
    assert "words_file" in synthetic["init_args"]
    assert "words_file" not in frequent["init_args"]
    assert config["decoding"] == {"beam": 16, "language_model": "labels", "order": 6}
    assert len(sets[1].splits["train"]) == synthetic["init_args"]["num_train"] == 1900
    output = capsys.readouterr().out
    assert "./run.sh doctor" in output
    assert "./run.sh train" in output
    steps = -(-3800 // config["data"]["batch_size"]) + 500
    assert f"config.yaml --trainer.max_steps {steps} --custom_folder_name prompts_trial\n" in output


def test_synthetic_speech_repeats_no_held_out_text(tmp_path):
    rows = italian(count=40)
    rows[3] |= {"text": "zanzara"}
    rows = [row | {"split": "test" if n == 3 else "val" if n == 4 else "train"} for n, row in enumerate(rows)]
    config = started(write_folder(tmp_path / "p", rows), tmp_path, "--language", "it", "--device", "cpu")
    words = Path(config["data"]["dataset_classes"][1]["init_args"]["words_file"])
    assert "zanzara" not in words.read_text(encoding="utf-8")
    shares = config["data"]["dataset_classes"][0]["init_args"]
    assert (shares["validation_split"], shares["test_split"]) == (0.0, 0.0)


def test_a_language_without_vocabulary_gets_one_of_its_texts(tmp_path):
    rows = [{"file_name": f"{n}.wav", "text": f"Jambo dunia {n * 'a'}"} for n in range(1, 31)]
    config = started(write_folder(tmp_path / "p", rows), tmp_path, "--language", "sw", "--device", "cpu")
    assert Vocabulary.from_file(config["model"]["vocab_file"]).phonemes
    _, synthetic = config["data"]["dataset_classes"]  # there are no word lists of Swahili
    assert synthetic["init_args"]["num_train"] == 3800


def test_labels_in_another_notation_get_no_synthetic_speech(tmp_path):
    rows = [{"file_name": f"{n}.wav", "phonemes": "HH AH0 L OW1 W ER1 L D"} for n in range(30)]
    config = started(write_folder(tmp_path / "p", rows), tmp_path, "--language", "en-us", "--device", "cpu")
    assert len(config["data"]["dataset_classes"]) == 1
    (written,) = (tmp_path / "starts").glob("*/config.yaml")
    assert "synthetic" not in written.read_text(encoding="utf-8")
    assert set(Vocabulary.from_file(config["model"]["vocab_file"]).phonemes) >= {"HH", "W", "D"}


def test_labels_without_length_marks_get_no_synthetic_speech_with_them(tmp_path):
    texts = ("these blue shoes", "farm birds see more", "a new tree")
    words = [" ".join(IpaNormaliser()(EspeakPhonemes("en-us")(text))) for text in texts]
    for mark, datasets in (("ː", 1), ("", 2)):
        rows = [
            {"file_name": f"{n}.wav", "phonemes": words[n % 3].replace(mark, "") if mark else words[n % 3]}
            for n in range(60)
        ]
        folder = write_folder(tmp_path / f"p{datasets}", rows)
        config = started(folder, tmp_path / str(datasets), "--language", "en-us", "--device", "cpu")
        assert len(config["data"]["dataset_classes"]) == datasets


def test_few_words_get_no_synthetic_speech_of_other_phonemes(tmp_path):
    rows = [{"file_name": f"{n}.wav", "text": ("ndiyo", "hapana")[n % 2]} for n in range(30)]
    config = started(write_folder(tmp_path / "p", rows), tmp_path, "--language", "sw", "--device", "cpu")
    assert len(config["data"]["dataset_classes"]) == 1


def test_a_wrong_language_is_refused_with_the_nearest(tmp_path, capsys):
    folder = write_folder(tmp_path / "p", italian(count=4))
    for place in (folder, tmp_path):  # labels in folders of other languages are not read
        assert run(["start", str(place), "--language", "italian", "--output", str(tmp_path / "s")]) == 2
        assert "nearest: it" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
    (tmp_path / "there").mkdir()  # the language is checked first
    arguments = ["--output", str(tmp_path), "--name", "there"]
    assert run(["start", str(folder), "--language", "italian", *arguments]) == 2
    assert "nearest: it" in capsys.readouterr().err


def test_a_language_with_varieties_gets_its_usual_one(tmp_path, capsys):
    rows = [{"file_name": f"{n}.wav", "text": f"good morning number {'one' * n}"} for n in range(1, 31)]
    config = started(write_folder(tmp_path / "p", rows), tmp_path, "--language", "en", "--device", "cpu")
    assert config["data"]["language"] == "en-us"
    assert config["model"]["vocab_file"].endswith("english_phones.json")
    assert "en-us, the usual variety of en" in capsys.readouterr().out


def test_a_folder_is_read_once_and_warned_of_once(tmp_path, capsys):
    folder = write_folder(tmp_path / "p", italian(count=30))
    (folder / "fr").mkdir()
    (folder / "metadata.csv").rename(folder / "rows.csv")
    for row in italian(count=30):
        (folder / row["file_name"]).with_suffix(".txt").write_text(row["text"], encoding="utf-8")
    started(folder, tmp_path, "--language", "it", "--device", "cpu")
    assert capsys.readouterr().err.count("has no folder for the language") == 1


def test_an_earlier_start_stays(tmp_path, capsys):
    folder = write_folder(tmp_path / "p", italian(count=30))
    arguments = ["start", str(folder), "--language", "it", "--output", str(tmp_path / "s"), "--device", "cpu"]
    assert run(arguments) == 0
    assert run(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run([*arguments, "--overwrite"]) == 0


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert run(["start", str(tmp_path / "nowhere"), "--language", "it"]) == 2
    assert f"start: {tmp_path / 'nowhere'} must be a folder of recordings" in capsys.readouterr().err


def test_a_table_instead_of_its_folder_is_answered_with_the_folder(tmp_path, capsys):
    folder = write_folder(tmp_path / "p", italian(count=4))
    assert run(["start", str(folder / "metadata.csv"), "--language", "it"]) == 2
    assert "metadata.csv is a file; give the folder that holds it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "texts", "is_foreign"),
    [("ru", TEXTS, True), ("it", ("привет мир", "добрый вечер"), True), ("it", (*TEXTS, "il мир"), False)],
)
def test_texts_in_another_script_than_the_language_are_warned_of(
    tmp_path, capsys, language, texts, is_foreign
):
    rows = [{"file_name": f"{n}.wav", "text": texts[n % len(texts)]} for n in range(42)]
    folder = write_folder(tmp_path / "p", rows, seconds=0.1)
    started(folder, tmp_path, "--language", language, "--device", "cpu")
    errors = capsys.readouterr().err
    assert ("check --language" in errors) == is_foreign


@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_splits_are_large_enough_for_intervals_where_recordings_allow_it(tmp_path, name):
    rows = [{"file_name": f"{name}{n}.wav", "text": TEXTS[n % 6]} for n in range(120)]
    found = survey_folder(write_folder(tmp_path, rows, seconds=0.05), "it", [".wav"])
    assert min(found.counts.values()) >= FEWEST_UNITS
    assert found.counts["train"] >= 72
    assert found.small_splits == []


def test_stated_splits_stay_and_small_ones_are_named(tmp_path, capsys):
    rows = [row | {"split": ("val", "test", "train")[min(n // 9, 2)]} for n, row in enumerate(italian())]
    folder = write_folder(tmp_path / "p", rows, seconds=0.1)
    config = started(folder, tmp_path, "--language", "it", "--device", "cpu")
    shares = config["data"]["dataset_classes"][0]["init_args"]
    assert (shares["validation_split"], shares["test_split"]) == (0.0, 0.0)
    output = capsys.readouterr().out
    assert "42 train, 9 val, 9 test" in output
    assert "too few recordings for an interval of error rates: val and test\n" in output


def test_a_folder_without_labels_is_refused(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    assert run(["start", str(tmp_path), "--language", "it", "--output", str(tmp_path / "s")]) == 2
    assert "must have labels" in capsys.readouterr().err


def test_a_table_in_another_encoding_is_named_as_the_reason(tmp_path, capsys):
    folder = write_folder(tmp_path / "p", italian(count=4))
    (folder / "metadata.csv").write_bytes("file_name,text\na0.flac,perché".encode("cp1252"))
    assert run(["start", str(folder), "--language", "it", "--output", str(tmp_path / "s")]) == 2
    assert "UTF-8" in capsys.readouterr().err


def test_a_long_recording_with_times_is_measured_by_its_parts(tmp_path):
    soundfile.write(tmp_path / "long.flac", np.zeros(16000 * 40), 16000)
    rows = [f"long.flac,{n},{n + 0.5},{TEXTS[n % 6]} {TEXTS[n // 6 % 6]}" for n in range(36)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,start,end,text", *rows]), encoding="utf-8")
    found = survey_folder(tmp_path, "it", [".wav", ".flac"])
    assert found.dataset_options["allowed_extensions"] == [".flac"]
    assert sum(found.counts.values()) == 36
    assert found.mean_seconds == pytest.approx(0.5)


def test_tiers_of_other_names_are_stated_and_unusable_recordings_are_counted(tmp_path, capsys):
    folder = tmp_path / "sessions"
    folder.mkdir()
    for name in ("a", "b"):
        soundfile.write(folder / f"{name}.wav", np.random.default_rng(0).normal(0, 0.1, 16000 * 40), 16000)
        said = [(n, n + 1, TEXTS[n % 6]) for n in range(0, 36, 2)] if name == "a" else []
        made = textgrid.Textgrid(0, 40)
        for tier in ("frasi", "note"):
            made.addTier(textgrid.IntervalTier(tier, said, 0, 40))
        made.save(str(folder / f"{name}.TextGrid"), format="long_textgrid", includeBlankSpaces=True)
    (folder / "b.TextGrid").write_bytes("perché".encode("mac_roman"))
    arguments = ["start", str(folder), "--language", "it", "--output", str(tmp_path / "s"), "--device", "cpu"]
    assert run(arguments) == 2
    config = started(folder, tmp_path, "--language", "it", "--device", "cpu", "--label_tier", "frasi")
    recorded = config["data"]["dataset_classes"][0]["init_args"]
    assert recorded["label_tier"] == "frasi"
    errors = capsys.readouterr().err
    assert "1 recording cannot be used; b.wav" in errors
    assert "MacRoman" in errors


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e", "f"])
@pytest.mark.parametrize("count", [5, 8, 12])
def test_few_recordings_or_speakers_leave_some_for_every_split(tmp_path, name, count):
    rows = [row | {"speaker": f"{name}{n % 10}"} for n, row in enumerate(italian(f"{name}.wav", count))]
    found = survey_folder(write_folder(tmp_path, rows, seconds=0.1), "it", [".wav"])
    assert all(found.counts.values()), found.counts
    assert found.counts["train"] >= found.counts["val"]


def survey(minutes, clips):
    return FolderSurvey({}, {"train": clips, "val": 1, "test": 1}, minutes * 60.0, 1, ())


@pytest.mark.parametrize(("minutes", "clips"), [(1, 30), (10, 400), (60, 700), (600, 5000)])
def test_the_run_has_a_bounded_length_whatever_the_amount_of_speech(minutes, clips):
    recipe = recipe_for(survey(minutes, clips), on_gpu=False, can_synthesise=True)
    recorded = minutes * 60 * (1 + recipe.repeats) * recipe.epochs
    assert recipe.synthetic == (3800 if minutes < 120 else 0)
    assert max(40_000, minutes * 60) * 0.8 < recorded + recipe.synthetic * 1.7 * recipe.epochs
    assert recorded <= max(51_000, minutes * 300)
    assert 2 <= recipe.batch_size <= 16


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, None)])
def test_few_cores_train_with_one_thread(tmp_path, monkeypatch, cores, threads):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    folder = write_folder(tmp_path / "prompts", italian(), ".flac")
    config = started(folder, tmp_path, "--language", "it", "--device", "cpu")
    assert config.get("num_threads") == threads
    assert config["data"]["num_proc"] == cores


def test_the_help_needs_no_folder(capsys):
    with pytest.raises(SystemExit):
        run_start(["--help"])
    assert "--language" in capsys.readouterr().out
