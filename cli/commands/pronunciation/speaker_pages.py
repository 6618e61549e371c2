"""One page for each speaker: what was scored, collected with the sound of each word."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from cli.commands.transcription.recording_results import prepare_files
from dataset_modules.recording import Clip
from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.audio import to_mono
from durable_files import write_durably
from reports.pronunciation_page import ScoredSentence, pronunciation_page
from reports.utterance_section import encoded_mp3
from scoring.pronunciation import PronunciationScore

_SOUND_BYTES = 8_000_000  # of a page; the words beyond it have none
_MARGIN_SECONDS = 0.05  # of sound before and behind a word
_NO_SPEAKER = "all recordings"


class SpeakerPages:
    """Collects scored segments by speaker, and writes ``SPEAKER.html`` into a folder.

    It refuses early to replace pages.
    """

    def __init__(self, folder: Path, speakers: Iterable[str | None], *, overwrite: bool) -> None:
        self._paths = {
            name: folder / f"{stem}.html" for name, stem in _stems(map(_name_of, speakers)).items()
        }
        prepare_files(folder, list(self._paths.values()), overwrite=overwrite, option="--pages")
        self._sentences: dict[str, list[ScoredSentence]] = defaultdict(list)
        self._bytes_left: dict[str, int] = defaultdict(lambda: _SOUND_BYTES)

    def add(self, segment: LabelledSegment, score: PronunciationScore, clip: Clip) -> None:
        """Add a segment; its words are encoded at once, so that no long recording is kept."""
        speaker = _name_of(segment.speaker)
        mono = to_mono(clip.waveform)
        sounds = []
        for word in score.words:
            first = max(0, round((word.start - _MARGIN_SECONDS) * clip.sampling_rate))
            last = round((word.end + _MARGIN_SECONDS) * clip.sampling_rate)
            sound = encoded_mp3(mono[first:last], clip.sampling_rate)
            sound = sound if len(sound) <= self._bytes_left[speaker] else b""
            self._bytes_left[speaker] -= len(sound)
            sounds.append(sound)
        self._sentences[speaker].append(ScoredSentence(score, segment.text, tuple(sounds)))

    def write(self) -> list[Path]:
        """Write the pages of those of whom something was scored; return their paths."""
        for speaker, sentences in self._sentences.items():
            write_durably(self._paths[speaker], pronunciation_page(speaker, sentences))
        return [self._paths[speaker] for speaker in self._sentences]


def _name_of(speaker: str | None) -> str:
    return speaker or _NO_SPEAKER


def _stems(speakers: Iterable[str]) -> dict[str, str]:
    """Return a file name for each speaker.

    >>> _stems(["Ann/B", "Ann:B", "Ann/B", "?"])
    {'Ann/B': 'Ann_B', 'Ann:B': 'Ann_B_2', '?': 'speaker'}
    """
    taken: set[str] = set()
    stems: dict[str, str] = {}
    for speaker in dict.fromkeys(speakers):
        stem = re.sub(r"[^\w-]+", "_", speaker).strip("_") or "speaker"
        name, number = stem, 1
        while name.lower() in taken:  # two speakers whose names differ in other characters alone
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.lower())
        stems[speaker] = name
    return stems
