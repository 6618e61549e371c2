"""The section about the worst utterances: audio, spectrogram, and aligned phonemes."""

import io
import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.audio_header import check_header
from dataset_modules.sources.audio import resample, to_mono
from evaluation.error_analysis import SplitAnalysis
from evaluation.utterance_record import Span, UtteranceRecord
from evaluation.worst_utterances import LONGEST_SECONDS, ORDER, worst_first
from phonetics import WORD_DELIMITER
from phonetics.alignment import Aligned
from phonetics.confusions import phoneme_pairs
from reports import html
from reports.error_sections import percent
from reports.html import Html, element
from reports.pictures import spectrogram_png
from reports.pitch import HIGHEST_HZ, LOWEST_HZ, Run, pitch_fact, pitch_lines, pitch_runs
from untrusted.files import FileError, open_regular, within
from untrusted.printing import printable
from wording import number_of

log = logging.getLogger(__name__)

_SHOWN = 12
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AUDIO_BYTES, _PICTURE_BYTES = 1_500_000, 1_500_000  # of a whole page; utterances beyond it have none
_PIXELS_PER_SECOND, _PIXELS_OF_LONG, _LONG_SECONDS = 480, 360, 4.0  # a phoneme needs 8 or so
_PICTURE_HEIGHT, _TIER = 110, 24
_LONGEST_DRAWING = 600.0  # seconds; of a longer utterance only the aligned phonemes are shown
_NARROWEST = 240  # pixels of a drawing; what is shorter ends before its edge


class Sound(NamedTuple):
    """What a drawing shows of an utterance's audio."""

    picture: bytes = b""  # the spectrogram
    pitch: Sequence[Run] = ()


def utterance_section(analysis: SplitAnalysis, folder: Path) -> html.Section | None:
    """Show the worst utterances of a split, with the audio that the experiment's folder holds."""
    places = worst_first(analysis.records)[:_SHOWN]
    if not places:
        return None
    views, audio_left, pictures_left = [], _AUDIO_BYTES, _PICTURE_BYTES
    for number, place in enumerate(places, start=1):
        record = analysis.records[place]
        sound = _sound(folder, record)
        player = encoded_mp3(*sound) if sound else b""
        columns = max(1, round(100 * min(record.seconds, LONGEST_SECONDS)))
        picture = spectrogram_png(*sound, most_columns=columns) if sound else b""
        player = player if len(player) <= audio_left else b""
        picture = picture if len(picture) <= pictures_left else b""
        audio_left, pictures_left = audio_left - len(player), pictures_left - len(picture)
        pitch = pitch_runs(*sound) if sound else []
        views.append(_view(number, record, analysis.aligned[place], player, Sound(picture, pitch)))
    return html.section(
        "Worst utterances",
        html.paragraph(
            f"The worst utterances of the {analysis.split} split, by {ORDER}. The reference is drawn at "
            "times of a forced alignment with the model's scores, the hypothesis at those of its decoding. "
            f"The line over a spectrogram is the pitch, from {LOWEST_HZ:.0f} Hz at the bottom to "
            f"{HIGHEST_HZ:.0f} Hz at the top; it ends where there is no voice."
        ),
        _legend(),
        views,
    )


def _legend() -> Html:
    samples = (
        element("span", _cell("t", "d", "recognised [t] as [d]"), " substitution"),
        element("span", _cell("t", None, "deleted [t]"), " deletion"),
        element("span", _cell(None, "t", "inserted [t]"), " insertion"),
    )
    return element("p", "The reference is above the hypothesis: ", samples, class_="legend")


def _sound(folder: Path, record: UtteranceRecord) -> tuple[NDArray[np.float32], int] | None:
    """Read the audio of an utterance; None if there is none."""
    if record.audio is None:
        return None
    try:
        # Another file could be anybody's: a report is given away with what it plays.
        with open_regular(within(folder, record.audio)) as stream, soundfile.SoundFile(stream) as audio:
            sampling_rate = int(audio.samplerate)
            check_header("", sampling_rate, audio.channels)
            samples = to_mono(audio.read(round(LONGEST_SECONDS * sampling_rate), dtype="float32"))
            if not len(samples) or not np.isfinite(samples).all():
                raise AudioError("it has no samples, or samples that are no numbers")
    except (FileError, AudioError, OSError, RuntimeError, TypeError, ValueError) as error:
        log.warning("report: the audio of %s is left out: %s", printable(record.id), printable(error))
        return None
    return samples, sampling_rate


def encoded_mp3(waveform: NDArray[np.float32], sampling_rate: int) -> bytes:
    """Encode a small MP3, which every browser plays; MP3 allows few sampling rates."""
    rate = min((allowed for allowed in _MP3_RATES if allowed >= sampling_rate), default=_MP3_RATES[-1])
    stream = io.BytesIO()
    soundfile.write(
        stream,
        resample(waveform, sampling_rate, rate),
        rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE",
        compression_level=0.6,
    )
    return stream.getvalue()


def _view(number: int, record: UtteranceRecord, aligned: Aligned, player: bytes, sound: Sound) -> Html:
    facts = [
        f"{number_of(aligned.errors, 'edit')} in {number_of(len(record.reference_phonemes), 'phoneme')} "
        f"({percent(aligned.errors / max(1, len(record.reference_phonemes)), 0)})",
        f"{record.seconds:.2f} s",
        *([f"speaker {record.speaker}"] if record.speaker else []),
        *([f"signal to noise {record.snr_db:.0f} dB"] if record.snr_db is not None else []),
        *filter(None, [pitch_fact(sound.pitch)]),
        *(f"{name.replace('_', ' ')} {value}" for name, value in record.attributes.items()),
    ]
    return element(
        "article",
        html.heading(f"{number}. {record.id}"),
        html.note(" · ".join(facts)),
        html.paragraph(record.text) if record.text else "",
        html.audio_player(player, label=f"{record.id}, {record.seconds:.1f} s", media_type="audio/mpeg")
        if player
        else html.note("This report does not hold its audio."),
        _drawing(record, aligned, sound) if record.seconds <= _LONGEST_DRAWING else "",
        _cells(record, aligned),
        class_="utterance",
    )


def _drawing(record: UtteranceRecord, aligned: Aligned, sound: Sound) -> Html:
    """Draw the spectrogram and the pitch with both sequences under it."""
    pace = _PIXELS_OF_LONG if record.seconds > _LONG_SECONDS else _PIXELS_PER_SECOND
    length = round(record.seconds * pace)
    width = max(_NARROWEST, length)
    top = _PICTURE_HEIGHT if sound.picture else 0
    height = top + 2 * _TIER + 18
    shapes: list[Html] = []
    if sound.picture:
        href = html.data_uri(sound.picture, "image/png")
        shapes.append(
            element("image", href=href, x=0, y=0, width=length, height=top, preserveAspectRatio="none")
        )
        shapes += pitch_lines(sound.pitch, pace, top)
    names = phoneme_pairs(record.reference_phonemes, record.hypothesis_phonemes, aligned.pairs)
    references = [(pair[0], _kind(*pair)) for pair in names if pair[0] is not None]
    hypotheses = [(pair[1], _kind(*pair)) for pair in names if pair[1] is not None]
    shapes += _tier(references, _phoneme_spans(record.reference, record.reference_times), top, pace)
    shapes += _tier(hypotheses, _phoneme_spans(record.hypothesis, record.hypothesis_times), top + _TIER, pace)
    shapes += _axis(record.seconds, width, top + 2 * _TIER, pace)
    alt = f"Spectrogram of {record.seconds:.2f} s with the times of the phonemes listed below"
    return html.wide_drawing(shapes, width, height, kind="tiers", alt=alt)


def _phoneme_spans(tokens: Sequence[str], spans: Sequence[Span] | None) -> list[Span]:
    """Return the spans of the tokens that are phonemes."""
    if spans is None or len(spans) != len(tokens):
        return []
    return [span for token, span in zip(tokens, spans, strict=True) if token != WORD_DELIMITER]


def _kind(reference: str | None, hypothesis: str | None) -> str:
    if reference is None:
        return "added"
    if hypothesis is None:
        return "missed"
    return "right" if reference == hypothesis else "wrong"


def _tier(phonemes: Sequence[tuple[str, str]], spans: Sequence[Span], top: int, pace: int) -> list[Html]:
    """Draw phonemes as blocks at their times, coloured by their kind of edit."""
    shapes = []
    for (phoneme, kind), (start, end) in zip(phonemes, spans, strict=False):
        x = round(start * pace, 1)
        width = round(max(3.0, (end - start) * pace - 1), 1)
        shapes.append(
            element(
                "g",
                element("title", f"[{phoneme}] {start:.2f} to {end:.2f} s"),
                element("rect", x=x, y=top + 2, width=width, height=_TIER - 4, rx=2),
                element("text", phoneme, x=x + 1, y=top + _TIER - 8),
                class_=kind,
            )
        )
    return shapes


def _axis(seconds: float, width: int, top: int, pace: int) -> list[Html]:
    """Draw a mark every half second."""
    shapes = [element("line", x1=0, x2=width, y1=top + 1, y2=top + 1)]
    for half in range(int(seconds * 2) + 1):
        x = half * pace / 2
        shapes.append(element("line", x1=x, x2=x, y1=top + 1, y2=top + 5))
        if x < width - 30:
            shapes.append(element("text", f"{half / 2:g} s", x=x + 2, y=top + 14, class_="axis"))
    return shapes


def _cells(record: UtteranceRecord, aligned: Aligned) -> Html:
    """Show the reference above the hypothesis, pair by pair, with gaps between words."""
    starts = _word_starts(record.reference)
    reference_times = _phoneme_spans(record.reference, record.reference_times)
    hypothesis_times = _phoneme_spans(record.hypothesis, record.hypothesis_times)
    names = phoneme_pairs(record.reference_phonemes, record.hypothesis_phonemes, aligned.pairs)
    cells: list[Html] = []
    for pair, (above, below) in zip(aligned.pairs, names, strict=True):
        if pair.reference in starts and cells:
            cells.append(element("span", class_="gap"))
        titles = [
            _title("reference", above, reference_times, pair.reference),
            _title("hypothesis", below, hypothesis_times, pair.hypothesis),
        ]
        cells.append(_cell(above, below, "; ".join(filter(None, titles))))
    return element("div", cells, class_="aligned")


def _cell(above: str | None, below: str | None, title: str) -> Html:
    parts = element("span", above or "–"), element("span", below or "–")
    return element("span", *parts, class_=f"pair {_kind(above, below)}", title=title)


def _title(role: str, phoneme: str | None, spans: Sequence[Span], place: int | None) -> str:
    if place is None:
        return ""
    when = f" {spans[place][0]:.2f} to {spans[place][1]:.2f} s" if place < len(spans) else ""
    return f"{role} [{phoneme}]{when}"


def _word_starts(reference: Sequence[str]) -> set[int]:
    """Find the places of phonemes that begin a word.

    >>> sorted(_word_starts(["d", "a", "|", "n"]))
    [0, 2]
    """
    starts, place = set(), 0
    for previous, token in pairwise([WORD_DELIMITER, *reference]):
        if token != WORD_DELIMITER:
            if previous == WORD_DELIMITER:
                starts.add(place)
            place += 1
    return starts
