"""A synthetic data set: espeak-ng speaks texts in several voices, with exact labels and offline."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dataset_modules.base_dataset import ListedDataset, Split
from dataset_modules.recording import Clip, Recording
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, espeak_version, speak, speaks
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import IpaNormaliser
from phonetics.text_to_phonemes.espeak import espeak_languages, nearest_languages

# Variants of espeak-ng's voices that sound natural; whispers and robots are left out.
TRAIN_VOICES = (
    *("m1", "m3", "m4", "m7", "m8", "f1", "f2", "f4", "f5", "Andy", "Denis", "Gene", "Lee", "Michael"),
    *("Mike", "Reed", "adam", "anika", "aunty", "belinda", "boris", "caleb", "david", "edward", "grandma"),
    *("ian", "iven2", "marcelo", "max", "michel", "paul", "pedro", "quincy", "rob", "robert", "sandro"),
    *("shelby", "travis", "zac"),
)
_DRAWING_ORDER: tuple[Split, ...] = ("test", "val", "train")
VAL_VOICES = ("m6", "f3", "steph")
TEST_VOICES = ("m2", "m5", "Annie", "linda")


class SpokenSentence(NamedTuple):
    """One sentence in one voice; an audio source."""

    text: str
    voice: VoiceSettings
    normalise: IpaNormaliser

    def fingerprint(self) -> str:
        """Return text, voice and synthesiser; the spelling of phonemes belongs to the preparation."""
        return f"espeak-ng {espeak_version()} {self.voice} {self.text}"

    def read(self) -> Clip:
        """Speak the sentence."""
        return speak(self.text, self.voice, self.normalise)


class SyntheticSpeechDataset(ListedDataset):
    """Sentences spoken by espeak-ng in several voices, rates and pitches.

    No two splits share a sentence or a voice.

    Args:
        language: a language of espeak-ng, such as ru, en-us, de; null takes the data section's.
        num_train: the number of training sentences.
        num_val: the number of validation sentences.
        num_test: the number of test sentences.
        texts_file: a file with one sentence per line; null makes sentences.
        words_file: a file of texts, whose words are put into a new order, in any language of espeak-ng; null
            takes the included word lists or, where the language has none, numbers.
        train_voices: the espeak variants of the training split.
        val_voices: the espeak variants of the validation split.
        test_voices: the espeak variants of the test split.
        words_per_minute: the slowest and fastest rate of speech.
        pitch: the lowest and highest pitch, on espeak's scale of 0 to 100.
        seed: the seed of sentences, voices, rates and pitches.
        options: the further arguments of ``BaseDataset``.
    """

    is_synthetic = True

    def __init__(
        self,
        language: str | None = None,
        num_train: int = 800,
        num_val: int = 100,
        num_test: int = 200,
        texts_file: Path | None = None,
        words_file: Path | None = None,
        train_voices: Sequence[str] = TRAIN_VOICES,
        val_voices: Sequence[str] = VAL_VOICES,
        test_voices: Sequence[str] = TEST_VOICES,
        words_per_minute: tuple[int, int] = (160, 190),
        pitch: tuple[int, int] = (40, 60),
        seed: int = 0,
        **options: Any,  # noqa: ANN401 - jsonargparse reads these from BaseDataset and checks their types
    ) -> None:
        super().__init__(language=language, text_to_phonemes="none", **options)
        self.counts: dict[Split, int] = {"train": num_train, "val": num_val, "test": num_test}
        self.voices: dict[Split, Sequence[str]] = {
            "train": train_voices,
            "val": val_voices,
            "test": test_voices,
        }
        self.texts_file = texts_file
        self.words_file = words_file
        self.words_per_minute = words_per_minute
        self.pitch = pitch
        self.seed = seed
        _check_draws(self.counts, self.voices, words_per_minute=words_per_minute, pitch=pitch)
        _check_voices(self.voices)

    def load_data(self, create_dataset: bool = False) -> None:
        """Draw sentences and voices; the cache speaks them later."""
        self._check_language()
        # Test and validation come first, so that num_train does not change them.
        counts: dict[Split, int] = {split: self.counts[split] for split in _DRAWING_ORDER}
        sentences = distinct_sentences(
            str(self.language), sum(counts.values()), self.seed, self.texts_file, self.words_file
        )
        splits: dict[Split, list[Recording]] = {}
        for number, (split, count) in enumerate(counts.items(), start=1):
            draw = random.Random(f"{self.seed} {number}")  # noqa: S311 - data, not secrets
            own, sentences = sentences[:count], sentences[count:]
            splits[split] = [self._recording(split, index, text, draw) for index, text in enumerate(own)]
        self.splits = splits

    def _check_language(self) -> None:
        if self.language is None:
            raise ValueError("SyntheticSpeechDataset: language must be given, such as ru, en-us or de")
        # espeak-ng itself also takes the names of voices, such as italian, which belong to no language here.
        if self.language not in espeak_languages() or not speaks(self.language):
            near = nearest_languages(self.language, espeak_languages())
            raise ValueError(
                f"SyntheticSpeechDataset: language must be one that espeak-ng speaks, such as ru or en-us, "
                f"got {self.language!r}" + (f"; nearest: {', '.join(near)}" if near else "")
            )

    def _recording(self, split: Split, index: int, text: str, draw: random.Random) -> Recording:
        speaker = draw.choice(self.voices[split])
        voice = VoiceSettings(
            f"{self.language}+{speaker}", draw.randint(*self.words_per_minute), draw.randint(*self.pitch)
        )
        audio = SpokenSentence(text, voice, self.normalisation or IpaNormaliser())
        attributes = {"words_per_minute": str(voice.words_per_minute), "espeak_pitch": str(voice.pitch)}
        return Recording(
            f"{split}-{index:05d}",
            audio,
            text=text,
            speaker=speaker,
            language=self.language,
            attributes=attributes,
        )


def _check_draws(
    counts: dict[Split, int], voices: dict[Split, Sequence[str]], **ranges: tuple[int, int]
) -> None:
    for split, count in counts.items():
        if count < 0:
            raise ValueError(f"SyntheticSpeechDataset: num_{split} must not be negative, got {count}")
        if count and not voices[split]:
            raise ValueError(f"SyntheticSpeechDataset: {split}_voices must name a voice, it is empty")
    for name, (lowest, highest) in ranges.items():
        if lowest > highest:
            raise ValueError(
                f"SyntheticSpeechDataset: {name} must be (lowest, highest), got {lowest}, {highest}"
            )


def _check_voices(voices: dict[Split, Sequence[str]]) -> None:
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = sorted(set(voices[first]) & set(voices[second]))  # type: ignore[index]
        if shared:
            raise ValueError(
                f"SyntheticSpeechDataset: {first}_voices and {second}_voices must share no voice, "
                f"both have {shared}"
            )
