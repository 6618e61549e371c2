"""TIMIT in the LDC's layout, with phones and their times, and the usual foldings (Lee and Hon, 1989)."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dataset_modules.base_dataset import ListedDataset, Split
from dataset_modules.recording import AudioError, Clip, Recording
from dataset_modules.sources.annotations.formats.plain_labels import label_lines
from dataset_modules.sources.audio import read_file
from dataset_modules.sources.recording_survey import file_stamp

log = logging.getLogger(__name__)

Folding = Literal[61, 48, 39]
_SILENCES = frozenset({"h#", "sil"})  # neighbouring silences become one

_LABELS = """
    aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy
    jh k kcl l m n ng nx ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh
"""
_PHONES_61 = _LABELS.split()
_TO_48 = {
    **{"ax-h": "ax", "axr": "er", "em": "m", "eng": "ng", "hv": "hh", "nx": "n", "ux": "uw"},
    **{"h#": "sil", "pau": "sil"},
    **dict.fromkeys(("pcl", "tcl", "kcl"), "cl"),
    **dict.fromkeys(("bcl", "dcl", "gcl"), "vcl"),
}
_TO_39 = {
    **{"ao": "aa", "ax": "ah", "el": "l", "en": "n", "ix": "ih", "zh": "sh"},
    **dict.fromkeys(("cl", "vcl", "epi"), "sil"),
}

_SAMPLING_RATE = 16000  # times in .PHN files count these samples
# The usual 50 validation speakers and the core test set of 24; all are in TIMIT's folder TEST.
_DEV = """
    faks0 fdac1 fjem0 mgwt0 mjar0 mmdb1 mmdm2 mpdf0 fcmh0 fkms0 mbdg0 mbwm0 mcsh0 fadg0 fdms0 fedw0 mgjf0
    mglb0 mrtk0 mtaa0 mtdt0 mthc0 mwjg0 fnmr0 frew0 fsem0 mbns0 mmjr0 mdls0 mdlf0 mdvc0 mers0 fmah0 fdrw0
    mrcs0 mrjm4 fcal1 mmwh0 fjsj0 majc0 mjsw0 mreb0 fgjd0 fjmg0 mroa0 mteb0 mjfc0 mrjr0 fmml0 mrws1
"""
_CORE_TEST = """
    mdab0 mwbt0 felc0 mtas1 mwew0 fpas0 mjmp0 mlnt0 fpkt0 mlll0 mtls0 fjlm0 mbpm0 mklt0 fnlp0 mcmj0 mjdh0
    fmgd0 mgrt0 mnjm0 fdhc0 mjln0 mpam0 fmld0
"""
DEV_SPEAKERS, CORE_TEST_SPEAKERS = frozenset(_DEV.split()), frozenset(_CORE_TEST.split())
_TRAIN_SPEAKERS = 462
_EXPECTED: Mapping[Split, int] = {
    "train": _TRAIN_SPEAKERS,
    "val": len(DEV_SPEAKERS),
    "test": len(CORE_TEST_SPEAKERS),
}


class TimedPhone(NamedTuple):
    """A phone and when it starts, in seconds."""

    phone: str
    start: float


class TimitUtterance(NamedTuple):
    """A recording and its phones; it is an audio source because it labels itself with times."""

    audio: Path
    phones: Path
    folding: Folding

    def fingerprint(self) -> str:
        """Return the stamps of both files, and the folding."""
        return f"timit {self.folding} {[file_stamp(path) for path in (self.audio, self.phones)]}"

    def read(self) -> Clip:
        """Return the audio with its folded phones."""
        clip = read_file(self.audio)
        segments = fold(read_phones(self.phones), self.folding)
        if not segments:
            raise AudioError(f"{self.phones} holds no phones")
        names, starts = tuple(segment.phone for segment in segments), tuple(s.start for s in segments)
        return Clip(clip.waveform, clip.sampling_rate, names, starts)


class TimitDataset(ListedDataset):
    """TIMIT with its standard splits: 462 speakers to train on, 50 to validate on, the core test set of 24.

    Names may be in upper or lower case. Labels are TIMIT's names of phones, so choose one of the
    vocabularies ``timit_39_phones.json``, ``timit_48_phones.json`` and ``timit_61_phones.json``.

    Args:
        folder: the folder that holds TRAIN and TEST, or a folder above it.
        folding: the number of phones: the 61 labelled ones, 48 for training, or the 39 of published
            results. Folding removes glottal stops, turns closures into silence (39), and merges
            neighbouring silences.
        keep_sa: whether to keep the two sentences that every speaker reads.
        language: the recordings' language; it only labels them in reports.
        max_skipped_share: the share of unusable recordings above which a run stops.
        options: the further arguments of ``BaseDataset``.
    """

    def __init__(
        self,
        folder: str | Path,
        folding: Folding = 39,
        keep_sa: bool = False,
        language: str | None = "en-us",
        max_skipped_share: float = 0.1,
        **options: Any,  # noqa: ANN401 - jsonargparse reads these from BaseDataset and checks their types
    ) -> None:
        super().__init__(
            language=language, text_to_phonemes="none", max_skipped_share=max_skipped_share, **options
        )
        self.folder = Path(folder).expanduser()
        self.folding = folding
        self.keep_sa = keep_sa

    def load_data(self, create_dataset: bool = False) -> None:
        """Find the recordings, once."""
        if self.splits:
            return
        train, test = self._corpus_folders()
        splits: dict[Split, list[Recording]] = {"train": list(self._recordings(train)), "val": [], "test": []}
        for recording in self._recordings(test):
            if recording.speaker in DEV_SPEAKERS:
                splits["val"].append(recording)
            elif recording.speaker in CORE_TEST_SPEAKERS:
                splits["test"].append(recording)
        if not splits["train"]:
            raise ValueError(f"TimitDataset: {train} must hold .WAV files with a .PHN beside each")
        self.splits = splits
        for split, expected in _EXPECTED.items():
            found = len({recording.speaker for recording in splits[split]})
            if found != expected:
                log.warning("TimitDataset: %s has %d speakers, TIMIT has %d there", split, found, expected)

    def _corpus_folders(self) -> tuple[Path, Path]:
        """Return the folders TRAIN and TEST; downloads have them one or two levels down."""
        if not self.folder.is_dir():
            raise ValueError(f"TimitDataset: folder must be TIMIT's, {self.folder} is not there")
        for place in (self.folder, *sorted(self.folder.glob("*/")), *sorted(self.folder.glob("*/*/"))):
            named = {path.name.lower(): path for path in place.iterdir() if path.is_dir()}
            if {"train", "test"} <= set(named):
                return named["train"], named["test"]
        raise ValueError(f"TimitDataset: folder must hold TIMIT's TRAIN and TEST, {self.folder} does not")

    def _recordings(self, corpus: Path) -> Iterator[Recording]:
        for speaker in sorted(path for path in corpus.glob("*/*") if path.is_dir()):
            files = {path.name.lower(): path for path in speaker.iterdir()}
            for name in sorted(name for name in files if name.endswith(".phn")):
                stem = name.removesuffix(".phn")
                audio = files.get(f"{stem}.wav") or files.get(f"{stem}.wav.wav")  # some copies were converted
                if audio and (self.keep_sa or not stem.startswith("sa")):
                    yield self._recording(speaker.name.lower(), stem, audio, files)

    def _recording(self, speaker: str, stem: str, audio: Path, files: Mapping[str, Path]) -> Recording:
        source = TimitUtterance(audio, files[f"{stem}.phn"], self.folding)
        words = files.get(f"{stem}.wrd")
        text = " ".join(line.split()[-1] for line in label_lines(words)) if words else None
        # TIMIT's folders: the dialect region, and speakers whose names begin with their sex.
        attributes = {"dialect": audio.parent.parent.name.lower(), "gender": speaker[0]}
        return Recording(f"{speaker}-{stem}", source, text=text, speaker=speaker, attributes=attributes)


def read_phones(path: Path) -> list[TimedPhone]:
    """Return the labels of a .PHN file; raise ``AudioError`` for labels that TIMIT does not have."""
    known, segments = folding_table(61), []
    for number, line in enumerate(label_lines(path), start=1):
        row = line.split()
        if len(row) != 3 or not row[0].isdecimal() or row[2] not in known:  # noqa: PLR2004 - start, end, phone
            raise AudioError(f"{path}: line {number} must be start, end, phone, got {line[:40]!r}")
        segments.append(TimedPhone(row[2], int(row[0]) / _SAMPLING_RATE))
    return segments


def folding_table(folding: Folding) -> Mapping[str, str | None]:
    """Map each of the 61 labels to its folded label; None for the glottal stop when folding.

    >>> [folding_table(folding)["zh"] for folding in (61, 48, 39)]
    ['zh', 'zh', 'sh']
    """
    if folding == 61:  # noqa: PLR2004 - the argument's values are numbers of phones
        return {phone: phone for phone in _PHONES_61}
    to_48 = {phone: _TO_48.get(phone, phone) for phone in _PHONES_61}
    table = to_48 if folding == 48 else {phone: _TO_39.get(new, new) for phone, new in to_48.items()}  # noqa: PLR2004
    return {**table, "q": None}


def fold(segments: Iterable[TimedPhone], folding: Folding) -> list[TimedPhone]:
    """Fold the labels of an utterance; neighbouring silences become one.

    >>> fold([TimedPhone("h#", 0.0), TimedPhone("bcl", 0.1), TimedPhone("b", 0.2), TimedPhone("q", 0.3)], 39)
    [TimedPhone(phone='sil', start=0.0), TimedPhone(phone='b', start=0.2)]
    """
    table = folding_table(folding)
    folded = [TimedPhone(new, start) for phone, start in segments if (new := table[phone]) is not None]
    runs = groupby(enumerate(folded), key=lambda item: (item[1].phone, item[1].phone in _SILENCES or item[0]))
    return [next(run)[1] for _, run in runs]
