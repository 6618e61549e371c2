"""A data set that speaks itself: texts, voices and espeak-ng give real audio with exact labels, offline."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.recording import Clip, Recording
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, espeak_version, speak, speaks
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import IpaNormaliser, espeak_languages, nearest_languages

# Variants of espeak-ng's voices that sound like people; whispers and robots are left out.
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
        """Text, voice and synthesiser; how phonemes are spelled is the preparation's."""
        return f"espeak-ng {espeak_version()} {self.voice} {self.text}"

    def read(self) -> Clip:
        """Speak it."""
        return speak(self.text, self.voice, self.normalise)


class SyntheticSpeechDataset(BaseDataset):
    """Sentences spoken by espeak-ng in several voices, rates and pitches.

    No sentence is in two splits, and no voice either.

    Args:
        language: any that espeak-ng speaks, such as ru, en-us, de; null takes the data section's.
        num_train: sentences to train on.
        num_val: sentences to validate on.
        num_test: sentences to test on.
        texts_file: one sentence a line; null takes the shipped word lists, or numbers.
        train_voices: espeak variants heard in training; likewise val_voices and test_voices.
        val_voices: see train_voices.
        test_voices: see train_voices.
        words_per_minute: slowest and fastest rate of speech.
        pitch: lowest and highest, on espeak's scale of 0 to 100.
        seed: of the choice of sentences, voices, rates and pitches.
        options: the further arguments of ``BaseDataset``.
    """

    def __init__(
        self,
        language: str | None = None,
        num_train: int = 800,
        num_val: int = 100,
        num_test: int = 200,
        texts_file: Path | None = None,
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
        self.words_per_minute = words_per_minute
        self.pitch = pitch
        self.seed = seed
        self._splits: dict[Split, list[Recording]] = {}
        _check_draws(self.counts, self.voices, words_per_minute=words_per_minute, pitch=pitch)
        _check_voices(self.voices)

    def load_data(self, create_dataset: bool = False) -> None:
        """Draw sentences and voices; nothing is spoken until the cache asks."""
        self._check_language()
        # Those to evaluate on come first: they stay the same, however many there are to train on.
        counts: dict[Split, int] = {split: self.counts[split] for split in _DRAWING_ORDER}
        sentences = distinct_sentences(str(self.language), sum(counts.values()), self.seed, self.texts_file)
        for number, (split, count) in enumerate(counts.items(), start=1):
            draw = random.Random(f"{self.seed} {number}")  # noqa: S311 - data, not secrets
            own, sentences = sentences[:count], sentences[count:]
            self._splits[split] = [
                self._recording(split, index, text, draw) for index, text in enumerate(own)
            ]

    def _check_language(self) -> None:
        if self.language is None:
            raise ValueError("SyntheticSpeechDataset: language must be given, such as ru, en-us or de")
        if not speaks(self.language):
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
        attributes = {"words_per_minute": str(voice.words_per_minute), "pitch": str(voice.pitch)}
        return Recording(
            f"{split}-{index:05d}",
            audio,
            text=text,
            speaker=speaker,
            language=self.language,
            attributes=attributes,
        )

    def get_train_data(self) -> Iterable[Recording]:
        """Sentences in the training voices."""
        return self._splits["train"]

    def get_val_data(self) -> Iterable[Recording]:
        """Other sentences in other voices."""
        return self._splits["val"]

    def get_test_data(self) -> Iterable[Recording]:
        """Again other sentences in again other voices."""
        return self._splits["test"]


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
