"""The page of a speaker: its phonemes and what was said instead, weak phonemes, sound, hostile names."""

from reports.pronunciation_page import ScoredSentence, pronunciation_page
from scoring.pronunciation import Insertion, PronunciationScore, ScoredPhoneme, ScoredWord


def _phoneme(symbol, gop, said, ratio, **calibrated):
    return ScoredPhoneme(symbol, 0.1, 0.2, gop, said, ratio, -9.0, **calibrated)


def _sentence(name="one.wav", sound=b"", **changes):
    words = (
        ScoredWord((_phoneme("θ", -4.0, "s", 3.5), _phoneme("ɪ", -0.1, "i", -3.0))),
        ScoredWord((_phoneme("t", -2.0, "", 1.5),)),
    )
    gaps = (
        Insertion(0, "n", -5.0, 0.0, 0.1),
        Insertion(2, "ə", 2.0, 0.2, 0.3),
        Insertion(3, "m", 1.75, 0.4, 0.5),
    )
    score = PronunciationScore(name, 1.5, words, gaps)._replace(**changes)
    return ScoredSentence(score, "thin t", (sound, b""))


def test_phonemes_stand_above_what_was_said():
    page = pronunciation_page("ann", [_sentence()])
    body = page.split("Sentences")[-1]
    pairs = [part.split("</span></span>")[0] for part in body.split('class="pair ')[1:]]
    shown = [(part.split('"')[0], *part.split("<span>")[1:]) for part in pairs]
    found = [(kind, *(one.replace("</span>", "") for one in texts)) for kind, *texts in shown]
    legend, sentence = found[:3], found[3:]
    assert [kind for kind, *_ in legend] == ["wrong", "missed", "added"]
    assert sentence == [
        ("wrong", "θ", "s"),
        ("right", "ɪ", "ɪ"),
        ("added", "–", "ə"),
        ("missed", "t", "∅"),
        ("added", "–", "m"),
    ]


def test_weak_phonemes_have_intervals_over_recordings_and_confusions_are_counted():
    page = pronunciation_page("ann", [_sentence(f"{n}.wav") for n in range(12)])
    weakest = page.split('id="weakest-phonemes"')[1].split("</section>")[0]
    order = [weakest.index(f">{symbol}<") for symbol in ("θ", "t", "ɪ")]
    assert order == sorted(order)
    assert "-4.00 to -4.00" in weakest
    assert "s (12×)" in weakest
    confusions = page.split('id="confusions"')[1].split("</section>")[0]
    assert confusions.count("<tr>") == 3
    assert pronunciation_page("ann", [_sentence()]).count("weakest-phonemes") == 0


def test_a_word_has_its_sound():
    page = pronunciation_page("ann", [_sentence(sound=b"mp3")])
    assert page.count("<audio") == 1
    assert 'aria-label="θɪ, 0.10 to 0.20 s"' in page


def test_verdicts_decide_where_there_are_some():
    words = (
        ScoredWord((_phoneme("θ", -4.0, "s", 3.5, probability_right=0.9, verdict="right"),)),
        ScoredWord((_phoneme("t", -0.1, "", -2.0, probability_right=0.1, verdict="wrong"),)),
    )
    page = pronunciation_page("ann", [_sentence(words=words, insertions=())])
    assert "by calibrated verdicts" in page
    assert "50 % right" in page
    assert page.split("Sentences")[-1].count('class="pair missed"') == 2  # the legend's and the t


def test_names_and_texts_cannot_become_markup():
    page = pronunciation_page("<script>ann", [_sentence("<img src=x>")._replace(text="<b>")])
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
