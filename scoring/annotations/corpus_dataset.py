"""The corpora of annotated pronunciations as a data set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from dataset_modules.base_dataset import ListedDataset
from dataset_modules.recording import SAID, Recording, Split, UnusableAudio
from dataset_modules.sources.packed_recordings import PackedRecordings
from dataset_modules.sources.shares import check_share, divided
from phonetics.text_to_phonemes.base import joined_words
from scoring.annotations.contract import AnnotatedUtterance
from scoring.annotations.corpora import CORPORA


class PronunciationCorpus(ListedDataset):
    """speechocean762 or L2-ARCTIC: labelled by what was said, and tested for how well errors are found.

    Where annotators do not state what was said, the expected phoneme stands in the label.

    Args:
        corpus: the layout.
        folder: the corpus.
        validation_split: the share of the training speakers to validate on; neither corpus has a
            validation split.
        options: the further arguments of ``BaseDataset``.
    """

    def __init__(
        self,
        corpus: Literal["speechocean762", "l2-arctic"] = "speechocean762",
        folder: str | Path = "data/speechocean762",
        validation_split: float = 0.1,
        **options: Any,  # noqa: ANN401 - jsonargparse reads these from BaseDataset and checks their types
    ) -> None:
        super().__init__(**options)
        check_share("PronunciationCorpus", validation_split=validation_split)
        self.corpus = corpus
        self.folder = Path(folder).expanduser()
        self.validation_split = validation_split

    def load_data(self, create_dataset: bool = False) -> None:
        """Read the annotations, once; the cache reads the audio later."""
        if self.splits:
            return
        try:
            divided_train = divided(self._read("train"), val=self.validation_split)
            test = PackedRecordings(self._read("test"))
        except OSError as error:
            raise ValueError(
                f"PronunciationCorpus: {self.folder} must hold {self.corpus}: {error}"
            ) from error
        if not (test or any(divided_train.values())):
            raise ValueError(
                f"PronunciationCorpus: {self.folder} must hold {self.corpus}, it holds no utterance"
            )
        self.splits = {**divided_train, "test": test}

    def _read(self, split: Split) -> Iterator[Recording]:
        return map(_recording, CORPORA[self.corpus].read(self.folder, split))


def _recording(utterance: AnnotatedUtterance) -> Recording:
    phonemes = [one for word in utterance.words for one in word.phonemes]
    grades = [f"{one.grade:g}" for one in phonemes if one.grade is not None]
    columns = {
        SAID: " ".join(joined_words([word.spoken for word in utterance.words])),
        "errors": " ".join("01"[not one.is_right] for one in phonemes),
        "grades": " ".join(grades),
        "grade": "" if utterance.grade is None else f"{utterance.grade:g}",
    }
    return Recording(
        utterance.id,
        UnusableAudio(utterance.fault, utterance.audio) if utterance.fault else utterance.audio,
        tuple(joined_words([[one.symbol for one in word.phonemes] for word in utterance.words])),
        speaker=utterance.speaker,
        attributes={name: value for name, value in columns.items() if value},
    )
