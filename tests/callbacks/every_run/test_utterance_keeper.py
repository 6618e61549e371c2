"""Records of an evaluation: gathered from all processes, each utterance once."""

from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from callbacks import FigureReports
from callbacks.every_run import utterance_keeper
from callbacks.every_run.utterance_keeper import Describer, UtteranceKeeper
from dataset_modules.cache.clip_store import PreparedClip
from evaluation import metrics
from evaluation.utterance_record import UtteranceRecord, read_records
from models.network.frames import SAMPLE_GRID
from models.output_symbols import OutputSymbols
from phonetics import Vocabulary


def model(tokens=("[PAD]", "a", "t", "|")):
    """Frames of 20 ms, the first of which begins with the clip."""
    layers = SimpleNamespace(conv_kernel=[320], conv_stride=[320])
    vocabulary = Vocabulary(tokens)
    return SimpleNamespace(
        vocabulary=vocabulary,
        output=OutputSymbols(vocabulary, vocabulary),
        network_configuration=layers,
        frontend=SimpleNamespace(grid=SAMPLE_GRID),
    )


def clip(**more):
    samples = np.random.default_rng(0).normal(0, 900, 16000).astype(np.int16)
    return PreparedClip(
        "clip", "de", "me", "ta", ("t", "a"), (0.1, 0.4), samples, "x.wav", {"room": "hall"}
    )._replace(**more)


def scores(ids, size=4):
    return torch.full((len(ids), size), 0.1).scatter(1, torch.tensor(ids)[:, None], 0.7).log()


def test_a_record_holds_times_confidences_and_the_clips_description():
    log_probs = scores([0] * 5 + [2, 2] + [0] * 10 + [1] * 3 + [0] * 30)
    record = Describer(model(), 16000)(clip(), "test", log_probs, [2, 1])
    assert (record.id, record.split, record.path, record.language) == ("clip", "test", "x.wav", "de")
    assert (record.speaker, record.attributes, record.text) == ("me", {"room": "hall"}, "ta")
    assert record.reference == record.hypothesis == ("t", "a")
    # Spoken in frames 5 and 6, and 17 to 19: they meet half-way, and reach 80 ms into the silence beside.
    assert record.hypothesis_times == ((0.05, 0.22), (0.26, 0.48))
    assert record.hypothesis_confidences == pytest.approx((0.7, 0.7))
    assert record.reference_times == record.hypothesis_times
    assert (record.seconds, record.frames) == (1.0, 50)
    assert record.blank_share == 0.9
    assert record.stated_starts == (0.1, 0.4)


def test_labels_with_too_few_frames_have_no_times():
    record = Describer(model(), 16000)(clip(), "test", scores([2]), [2, 1])
    assert (record.reference_times, record.reference_confidences) == (None, None)


def test_stated_starts_of_another_label_are_left_out():
    record = Describer(model(), 16000)(clip(phonemes=("t", "x", "a")), "test", scores([2, 0, 1]), [2, 1])
    assert record.stated_starts is None


@pytest.fixture
def trainer(tmp_path):
    clips = SimpleNamespace(clips=defaultdict(clip))
    data = SimpleNamespace(splits={"test": clips}, audio_params=SimpleNamespace(sampling_rate=16000))
    state = SimpleNamespace(fn="test")
    return SimpleNamespace(
        state=state, datamodule=data, default_root_dir=str(tmp_path), is_global_zero=True, fast_dev_run=False
    )


def test_the_records_of_all_processes_are_written_each_once(tmp_path, trainer, monkeypatch):
    own, theirs = ({row: made(row) for row in rows} for rows in ((0, 2), (1, 2)))

    def gather(gathered, records):
        gathered[:] = [records, theirs]

    group = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_world_size=lambda: 2,
        all_gather_object=gather,
    )
    monkeypatch.setattr(metrics, "distributed", group)
    callback = UtteranceKeeper()
    callback._records = own
    callback.on_test_end(trainer, None)
    assert [record.id for record in read_records(tmp_path / "utterances_test.jsonl")] == ["0", "1", "2"]
    assert callback._records == {}


def made(row):
    return UtteranceRecord(str(row), "test", ("t",), ("t",), 1.0, 50, 0.5)


@pytest.mark.parametrize(("state", "fast_dev_run"), [("fit", False), ("test", True)])
def test_training_and_fast_development_runs_write_nothing(tmp_path, trainer, state, fast_dev_run):
    trainer.state.fn, trainer.fast_dev_run = state, fast_dev_run
    callback = UtteranceKeeper()
    callback._records = {0: made(0)}
    callback.on_test_end(trainer, None)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_reports_its_metrics_alone_records_nothing(tmp_path, trainer):
    trainer.callbacks = [FigureReports(str(tmp_path / "reports.jsonl"))]
    callback = UtteranceKeeper()
    callback._records = {0: made(0)}
    callback.on_test_end(trainer, None)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_does_not_end_an_evaluation(tmp_path, trainer, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(utterance_keeper, "write_records", fail)
    callback = UtteranceKeeper()
    callback._records = {0: made(0)}
    callback.on_test_end(trainer, None)
    assert callback.failures == ["the test records could not be written: no space left on device"]
