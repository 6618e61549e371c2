"""Tokens of Hugging Face models, read from the files that different tokenizers leave."""

import json

import pytest

from models.huggingface.token_files import TokenError, are_letters, read_tokens
from phonetics import Vocabulary


@pytest.fixture
def read(tmp_path):
    """Write files, and read the tokens."""

    def read(head_size=None, pad_id=None, **files):
        for name, content in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        size = head_size or len(files.get("vocab", ()))

        def find(file):
            return tmp_path / file if (tmp_path / file).is_file() else None

        return read_tokens(find, "a model", head_size=size, pad_id=pad_id)

    return read


def test_special_tokens_get_the_names_of_this_project(read):
    vocab = {"<s>": 0, "a": 1, "blank": 2, " ": 3, "ʃ": 4, "ə": 5, "oops": 6}
    settings = {
        "pad_token": {"content": "blank"},
        "unk_token": "oops",
        "word_delimiter_token": " ",
        "tokenizer_class": "Wav2Vec2PhonemeCTCTokenizer",
    }
    tokens = read(vocab=vocab, tokenizer_config=settings)
    assert tokens.vocabulary.tokens == ("<s>", "a", "[PAD]", "|", "ʃ", "ə", "[UNK]")
    assert (tokens.vocabulary.blank_id, tokens.vocabulary.word_delimiter, tokens.kind) == (2, "|", "phonemes")
    assert tokens.vocabulary.phonemes == ("a", "ʃ", "ə")


def test_rows_without_a_token_and_added_tokens(read):
    tokens = read(head_size=5, vocab={"<pad>": 0, "a": 2}, added_tokens={"<s>": 3, "</s>": 9})
    assert tokens.vocabulary.tokens == ("[PAD]", "<unused 1>", "a", "<s>", "<unused 4>")


def test_the_configuration_names_the_blank_where_the_tokenizer_does_not(read):
    assert read(vocab={"a": 0, "e": 1}, pad_id=1).vocabulary.tokens == ("a", "[PAD]")
    with pytest.raises(TokenError, match="a padding token, the CTC blank"):
        read(vocab={"a": 0, "e": 1}, pad_id=7)


def test_two_spellings_of_a_phoneme_are_both_kept(read):
    vocabulary = read(vocab={"<pad>": 0, "g": 1, "ɡ": 2}).vocabulary
    assert vocabulary.tokens == ("[PAD]", "g", "ɡ")
    assert vocabulary == Vocabulary(("[PAD]", "g", "ɡ"), tolerant=True)


def test_of_several_languages_the_target_is_taken(read):
    vocab = {"deu": {"<pad>": 0, "a": 1}, "ita": {"<pad>": 0, "e": 1}}
    assert read(2, vocab=vocab, tokenizer_config={"target_lang": "ita"}).vocabulary.tokens == ("[PAD]", "e")
    with pytest.raises(TokenError, match="target_lang"):
        read(2, vocab=vocab, tokenizer_config={})


def test_a_fast_tokenizers_file_is_read(read):
    model = {"model": {"vocab": [["<pad>", 0.0], ["a", -1.0]]}}
    assert read(2, tokenizer=model).vocabulary.tokens == ("[PAD]", "a")


def test_a_head_of_absurd_size_is_refused(read):
    with pytest.raises(TokenError, match="must have 1 to 200000 tokens"):
        read(10**12, vocab={"<pad>": 0})


def test_a_model_without_a_tokenizer_is_refused(read):
    with pytest.raises(TokenError, match=r"vocab\.json of token → id"):
        read(4)


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ("a b c d e f ' -", True),
        ("A B C Ä Ö Ü ß", True),
        ("а б в г д е ё", True),
        ("a b c é è ç œ", True),
        ("我 你 他", True),
        ("a b tʃ ʃ ə ŋ", False),
        ("aː eː t k ʔ ħ", False),
        ("AA AE B CH D SH", False),
        ("aa sh t k h#", False),
    ],
)
def test_letters_are_distinguished_from_phonemes(symbols, expected):
    assert are_letters(tuple(symbols.split())) is expected
