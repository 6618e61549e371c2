"""Scores the labelled segments of recordings, and adds them to the pages of their speakers."""

from cli.commands.pronunciation.speaker_pages import SpeakerPages
from cli.commands.transcription.recording_labels import LabelReader, Labels
from cli.commands.transcription.recordings import NamedRecording
from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.segment_recordings import recording_of
from dataset_modules.sources.audio import read_clip
from experiment.errors import ConfigError
from inference import Recognizer
from scoring.calibration import Calibration
from scoring.candidates import CandidateChoice
from scoring.pronunciation import PronunciationScore, joined_scores


class SegmentScorer:
    """Scores recordings, each with what should be said in it."""

    def __init__(
        self,
        recognizer: Recognizer,
        to_phonemes: LabelReader,
        candidates: CandidateChoice,
        calibration: Calibration | None,
        pages: SpeakerPages | None,
    ) -> None:
        self._recognizer, self._to_phonemes = recognizer, to_phonemes
        self._candidates, self._calibration, self._pages = candidates, calibration, pages

    def __call__(
        self, recording: NamedRecording, labels: Labels
    ) -> tuple[PronunciationScore | None, list[str]]:
        """Score all segments of a recording; return also what could not be scored."""
        if isinstance(labels, str):
            return None, [labels]
        parts: list[tuple[float, PronunciationScore]] = []
        faults: list[str] = []
        name = recording.audio.name
        for segment in labels:
            try:
                parts.append((segment.start, self._scored(segment, name)))
            except ConfigError:
                raise
            except ValueError as error:  # of audio, of labels, of the vocabulary, of a score
                place = "" if segment.is_whole else f"{segment.start:.2f} s: "
                faults.append(f"{place}{str(error).removeprefix('score: ').removeprefix(f'{name}: ')}")
        return (joined_scores(name, recording.audio.seconds(), parts) if parts else None), faults

    def _scored(self, segment: LabelledSegment, name: str) -> PronunciationScore:
        clip = read_clip(recording_of("", segment).audio)
        score = self._recognizer.score(
            clip.waveform,
            clip.sampling_rate,
            phonemes=self._to_phonemes(segment),
            candidates=self._candidates,
            calibration=self._calibration,
            name=name,
        )
        if self._pages:
            self._pages.add(segment, score, clip)
        return score
