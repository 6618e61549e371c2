"""``vocabulary build``, ``check`` and ``merge``."""

import json

import pytest
import yaml

from cli.run import run
from phonetics import Vocabulary


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("да нет\n\nнет\n?!\n", encoding="utf-8")
    return path


def build(texts, output, *arguments):
    return run(
        [
            "vocabulary",
            "build",
            "--language",
            "ru",
            "--texts",
            str(texts),
            "--output",
            str(output),
            *arguments,
        ]
    )


def test_a_vocabulary_is_built_from_texts(texts, tmp_path, capsys):
    assert build(texts, tmp_path / "new" / "v.json") == 0
    tokens = Vocabulary.from_file(tmp_path / "new" / "v.json").tokens
    assert tokens == ("[PAD]", "[UNK]", "|", "d", "e", "nʲ", "t", "ɑ")
    said = capsys.readouterr().out
    assert "5 phonemes from 2 labels" in said
    assert "texts without labels, which are not counted: 1" in said


def test_rare_phonemes_and_the_boundary_are_left_out_where_asked(texts, tmp_path, capsys):
    assert build(texts, tmp_path / "v.json", "--min_count", "2", "--no_word_boundary") == 0
    assert Vocabulary.from_file(tmp_path / "v.json").tokens == ("[PAD]", "[UNK]", "e", "nʲ", "t")
    assert "d\t1×\tда нет" in capsys.readouterr().out


def test_a_file_is_replaced_only_where_asked(texts, tmp_path, capsys):
    (tmp_path / "v.json").write_text("mine", encoding="utf-8")
    assert build(texts, tmp_path / "v.json") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "v.json").read_text() == "mine"
    assert build(texts, tmp_path / "v.json", "--overwrite") == 0


def test_a_dictionary_may_make_the_phonemes(tmp_path):
    (tmp_path / "words.dict").write_text("tea T IY\n", encoding="utf-8")
    (tmp_path / "t.txt").write_text("Tea!\n", encoding="utf-8")
    source = ["--texts", str(tmp_path / "t.txt"), "--text_to_phonemes", str(tmp_path / "words.dict")]
    arguments = [*source, "--language", "en-us", "--output", str(tmp_path / "v.json")]
    assert run(["vocabulary", "build", *arguments]) == 0
    assert Vocabulary.from_file(tmp_path / "v.json").phonemes == ("IY", "T")


def test_check_counts_what_is_missing_and_what_is_unused(texts, tmp_path, capsys):
    (tmp_path / "v.json").write_text(json.dumps({"[PAD]": 0, "d": 1, "ɑ": 2, "e": 3, "t": 4, "q": 5}))
    source = ["--language", "ru", "--texts", str(texts)]
    assert run(["vocabulary", "check", *source, "--vocabulary", str(tmp_path / "v.json")]) == 1
    said = capsys.readouterr().out
    assert "missing: 1 kinds, 2 in all" in said
    assert "nʲ\t2×\tда нет; нет" in said
    assert "unused: 1: q" in said
    built = tmp_path / "built.json"
    build(texts, built)
    assert run(["vocabulary", "check", *source, "--vocabulary", str(built)]) == 0


def test_the_data_sets_of_a_configuration_are_read_as_training_reads_them(tmp_path, write_tone, capsys):
    write_tone(tmp_path / "speech" / "a.wav").with_suffix(".txt").write_text("ja", encoding="utf-8")
    write_tone(tmp_path / "speech" / "b.wav").with_suffix(".ipa").write_text("g ˈaː", encoding="utf-8")
    arguments = {"train_val_dir": str(tmp_path / "speech"), "validation_split": 0.0}
    content = {
        "model": {"vocab_file": str(tmp_path / "v.json")},
        "data": {
            "language": "de",
            "batch_size": 4,
            "normalisation": {"keep_length": False},
            "dataset_classes": [
                {"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": arguments},
                {
                    "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                    "init_args": {"language": "ru", "num_train": 1, "num_val": 0, "num_test": 0},
                },
            ],
        },
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert run(["vocabulary", "build", "--config", str(config), "--output", str(tmp_path / "v.json")]) == 0
    phonemes = Vocabulary.from_file(tmp_path / "v.json").phonemes
    assert {"j", "ɑ", "ɡ", "a"} < set(phonemes)
    assert not any("ː" in phoneme for phoneme in phonemes)
    assert len(phonemes) > 8  # those of the Russian sentence, too
    assert run(["vocabulary", "check", "--config", str(config)]) == 0
    capsys.readouterr()


def test_merging_keeps_all_phonemes(tmp_path):
    for name, tokens in (("a", ["[PAD]", "a", "b"]), ("b", ["<pad>", "|", "c", "b"])):
        (tmp_path / f"{name}.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    arguments = [str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--output", str(tmp_path / "all.json")]
    assert run(["vocabulary", "merge", *arguments]) == 0
    assert Vocabulary.from_file(tmp_path / "all.json").tokens == ("[PAD]", "[UNK]", "|", "a", "b", "c")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["build", "--language", "en", "--texts", "TEXTS", "--output", "OUT"], "nearest: en-us"),
        (["build", "--texts", "TEXTS", "--output", "OUT"], "needs --language"),
        (["build", "--language", "ru", "--texts", "nowhere.txt", "--output", "OUT"], "nowhere.txt"),
        (["build", "--language", "ru", "--output", "OUT"], "--texts --config"),
        (["build", "--config", "nowhere.yaml", "--output", "OUT"], "nowhere.yaml"),
        (["check", "--language", "ru", "--texts", "TEXTS"], "--vocabulary must name a file"),
        (["check", "--language", "ru", "--texts", "TEXTS", "--vocabulary", "nowhere.json"], "nowhere.json"),
        (["chekc"], "chekc"),
        ([], "build|check|merge"),
    ],
)
def test_mistakes_are_one_message_with_status_2(arguments, complaint, texts, tmp_path, capsys):
    places = {"TEXTS": str(texts), "OUT": str(tmp_path / "v.json")}
    assert run(["vocabulary", *(places.get(argument, argument) for argument in arguments)]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("error:") == 1
    assert not (tmp_path / "v.json").exists()
