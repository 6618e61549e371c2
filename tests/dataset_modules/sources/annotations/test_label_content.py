"""Sentences are texts, their phonemes are phonemes, in many languages; what could be either is left open."""

import pytest

from dataset_modules.sources.annotations.label_content import kind_of_labels
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import backend_for


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "ru", "tr"])
def test_sentences_are_texts_and_their_phonemes_are_phonemes(language):
    texts = distinct_sentences(language, 30, seed=5)
    bare = [text.strip(".?!").replace(",", "").lower() for text in texts]
    espeak = {"en": "en-us", "fr": "fr-fr"}.get(language, language)
    spoken = [" ".join(phonemes) for phonemes in backend_for("espeak", espeak).batch(texts)]
    assert {kind_of_labels([text]) for text in (*texts, *bare)} == {"text"}
    assert {kind_of_labels([phonemes]) for phonemes in spoken} == {"phonemes"}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("DH AH0 K AE1 T S AE1 T", "phonemes"),
        ("h @ l @U w 3: l d", "phonemes"),
        ("d̪ ə k æ ʔ", "phonemes"),
        ("안녕하세요 여러분", "text"),
        ("你 好 吗", "text"),
        ("да", "text"),
        ("Sì.", "text"),
        ("I do", None),
        ("aloha e ka hoa", "text"),
        ("o ka aina ia", None),
        ("a", None),
        ("sil", None),
        ("1 2 3", None),
    ],
)
def test_short_labels_are_decided_only_where_their_letters_decide(label, kind):
    assert kind_of_labels([label]) == kind
