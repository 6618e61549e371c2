"""``lm``: from labels to an ARPA file that is read back."""

from cli.run import run
from inference.decoding.ngram import read_arpa


def test_a_file_of_labels_becomes_a_model(tmp_path, capsys):
    labels, output = tmp_path / "labels.txt", tmp_path / "deep" / "lm.arpa"
    labels.write_text("a b | a b\n\nb a\n", encoding="utf-8")
    assert run(["lm", "--labels", str(labels), "--order", "3", "--output", str(output)]) == 0
    model = read_arpa(output)
    assert model.order == 3
    assert model.log_prob("b", ("a",)) > model.log_prob("a", ("a",))
    assert "from 2 labels" in capsys.readouterr().out
    assert run(["lm", "--labels", str(labels), "--output", str(output)]) == 2
    assert "must not exist" in capsys.readouterr().err


def test_a_file_of_sentences_becomes_a_model(tmp_path, capsys):
    texts, output = tmp_path / "texts.txt", tmp_path / "lm.arpa"
    texts.write_text("да\n\nнет да\n…\n", encoding="utf-8")
    arguments = ["lm", "--texts", str(texts), "--output", str(output)]
    assert run(arguments) == 2
    assert "--texts needs --language" in capsys.readouterr().err
    assert run([*arguments, "--language", "ru", "--order", "2"]) == 0
    assert ("d",) in read_arpa(output).entries
    assert "from 2 labels; 1 without phonemes left out" in capsys.readouterr().out


def test_long_consonants_are_spelled_as_the_vocabulary_has_them(tmp_path):
    labels, output = tmp_path / "labels.txt", tmp_path / "lm.arpa"
    labels.write_text("a n n a\n", encoding="utf-8")
    (tmp_path / "vocabulary.json").write_text('{"[PAD]": 0, "a": 1, "n": 2, "nː": 3}', encoding="utf-8")
    vocabulary = ["--vocabulary", str(tmp_path / "vocabulary.json")]
    assert run(["lm", "--labels", str(labels), *vocabulary, "--order", "2", "--output", str(output)]) == 0
    entries = read_arpa(output).entries
    assert ("nː",) in entries
    assert ("n",) not in entries


def test_options_about_texts_are_refused_without_texts(tmp_path, capsys):
    arguments = ["lm", "--labels", str(tmp_path / "labels.txt"), "--output", str(tmp_path / "lm.arpa")]
    assert run([*arguments, "--language", "ru"]) == 2
    assert "lm: --language and --text_to_phonemes go with --texts alone" in capsys.readouterr().err


def test_the_training_split_of_a_configuration_becomes_a_model(tmp_path):
    (tmp_path / "data.yaml").write_text(
        "data:\n  language: en-us\n  dataset_classes:\n"
        "  - class_path: dataset_modules.synthetic.SyntheticSpeechDataset\n"
        "    init_args: {num_train: 6, num_val: 2, num_test: 2}\n"
    )
    output = tmp_path / "lm.arpa"
    assert run(["lm", "--config", str(tmp_path / "data.yaml"), "--order", "2", "--output", str(output)]) == 0
    assert "|" in {gram[0] for gram in read_arpa(output).entries if len(gram) == 1}


def test_no_labels_are_a_mistake(tmp_path, capsys):
    (tmp_path / "labels.txt").write_text("\n")
    assert run(["lm", "--labels", str(tmp_path / "labels.txt"), "--output", str(tmp_path / "lm.arpa")]) == 2
    assert "needs labels" in capsys.readouterr().err
