"""The fundamental frequency in a report: found where there is voice, and drawn on a logarithmic scale."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.error_analysis import analyse
from reports.pitch import pitch_fact, pitch_lines, pitch_runs
from reports.utterance_section import utterance_section

RATE = 16000


def voice(hertz, seconds=0.6, rate=RATE):
    """A buzz like a voice's: 12 harmonics that get weaker."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, round(seconds * rate))) / rate
    return sum(np.sin(n * phase) / n for n in range(1, 13)).astype(np.float32) / 4


def values(runs):
    return [hertz for run in runs for _, hertz in run]


@pytest.mark.parametrize("hertz", [75, 120, 220, 400])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_steady_voice_has_its_own_pitch(hertz, rate):
    (run,) = pitch_runs(voice(hertz, rate=rate), rate)
    assert np.median([value for _, value in run]) == pytest.approx(hertz, rel=0.02)


def test_a_rising_voice_rises_at_its_times():
    (run,) = pitch_runs(voice(np.linspace(100, 200, RATE), 1.0), RATE)
    times, hertz = np.array(run[3:-3]).T
    assert hertz == pytest.approx(100 + 100 * times, rel=0.04)


def test_voices_with_silence_between_are_two_runs():
    runs = pitch_runs(np.concatenate([voice(110), np.zeros(RATE // 2, np.float32), voice(180)]), RATE)
    assert [round(np.median(values([run])) / 10) * 10 for run in runs] == [110, 180]


@pytest.mark.parametrize("size", [1, 100, 8000])
def test_noise_and_silence_have_no_pitch(size):
    noise = np.random.default_rng(0).normal(0, 0.1, size).astype(np.float32)
    assert len(values(pitch_runs(noise, RATE))) < 0.1 * max(10, size / 320)
    assert pitch_runs(np.zeros(size, np.float32), RATE) == []


def test_a_recording_too_coarse_for_the_range_has_no_pitch():
    assert pitch_runs(voice(100, rate=1000), 1000) == []


def test_octaves_are_equally_far_apart():
    (line,) = pitch_lines([[(0.0, 60.0), (0.5, 120.0), (1.0, 240.0), (1.5, 500.0)]], 100, 110)
    points = np.array([point.split(",") for point in re.search('points="(.*?)"', line)[1].split()], float)
    assert points[:, 0].tolist() == [0, 50, 100, 150]
    assert points[0, 1] == 110
    assert points[3, 1] == 0
    assert points[0, 1] - points[1, 1] == pytest.approx(points[1, 1] - points[2, 1], abs=0.2)


def test_a_voice_without_pitch_is_not_described():
    assert pitch_fact([]) == ""


def test_a_report_draws_the_pitch_of_its_worst_utterances(noisy_records, tmp_path: Path):
    import soundfile

    (record,) = noisy_records(1)
    record = record._replace(hypothesis=(), hypothesis_times=(), seconds=0.6, audio="worst.flac")
    soundfile.write(tmp_path / "worst.flac", voice(150), RATE)
    text = utterance_section(analyse("test", [record]), tmp_path).body
    assert 'class="pitch"' in text
    assert re.search(r"F0 \d+ to \d+ Hz, median 1(49|50|51) Hz", text)


def test_other_commands_do_not_wait_for_librosa():
    code = "import sys, reports.experiment_page, doctor.doctor_page; print('librosa.core' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
