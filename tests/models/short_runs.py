"""Runs of a few steps over noise, through the Trainer: stopped and resumed, or by two processes."""

import os
from unittest.mock import patch

import torch
from lightning.pytorch import LightningDataModule, Trainer
from torch.utils.data import DataLoader

from dataset_modules.batches.batch import Batch
from inference import Recognizer
from inference.streaming.audio_stream import AudioSamples

_LENGTHS = ((16000, 9000), (12345, 16000), (8000, 8000), (11000, 15000))


def noise_batches():
    """Four batches of two utterances."""
    generator = torch.Generator().manual_seed(11)
    batches = []
    for number, lengths in enumerate(_LENGTHS):
        sizes = torch.tensor(lengths)
        longest = int(sizes.max())
        waveforms = torch.randn(2, longest, generator=generator) * (torch.arange(longest) < sizes[:, None])
        labels = torch.tensor([[3, 4, 5], [5, 3, 0]])
        ids = (f"{number}a", f"{number}b")
        batches.append(Batch(waveforms, sizes, labels, torch.tensor([3, 2]), ids, ("ru", "ru")))
    return batches


class NoiseData(LightningDataModule):
    """The same four batches in each epoch; each process has its own."""

    def train_dataloader(self):
        world, rank = self.trainer.world_size, self.trainer.global_rank
        return DataLoader(noise_batches()[rank::world], batch_size=None)


def fit(model, folder, *, epochs, ckpt_path=None, callbacks=(), **options):
    """Train; return the Trainer."""
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **options,
    )
    trainer.fit(model, datamodule=NoiseData(), ckpt_path=ckpt_path)
    return trainer


def fit_in_two_processes(model, folder, *, epochs):
    """Train with one thread each: the threads that this process has started do not survive a fork."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with patch.dict(os.environ):  # Lightning leaves its port there
            fit(model, folder, epochs=epochs, strategy="ddp_fork", devices=2)
    finally:
        torch.set_num_threads(threads)


def weights_of(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def assert_resumes_to_the_bit(build, folder, *, stop=2, epochs=4):
    """Compare a run with one that is stopped after some epochs and resumed by a fresh model."""
    whole = build()
    fit(whole, folder, epochs=epochs)
    half = build()
    fit(half, folder, epochs=stop).save_checkpoint(folder / "half.ckpt")
    resumed = build()
    fit(resumed, folder, epochs=epochs, ckpt_path=folder / "half.ckpt")
    assert_same_weights(weights_of(resumed), weights_of(whole))
    return whole, resumed


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def assert_two_processes_train_as_one(build, folder, *, epochs=2):
    """Compare two processes with one that accumulates the same batches; both sum gradients alike."""
    alone, together = build(), build()
    before = weights_of(alone)
    fit(alone, folder, epochs=epochs, accumulate_grad_batches=2)
    fit_in_two_processes(together, folder, epochs=epochs)
    theirs, ours = weights_of(together), weights_of(alone)
    assert theirs.keys() == ours.keys()
    assert {name for name in ours if torch.equal(ours[name], before[name])} == {
        name for name in theirs if torch.equal(theirs[name], before[name])
    }
    far = [name for name in ours if not torch.allclose(theirs[name], ours[name], rtol=1e-4, atol=2e-6)]
    assert far == []


def assert_a_checkpoint_is_recognised_alike(model, folder):
    """Compare a trained model with what inference builds of its checkpoint alone."""
    fit(model, folder, epochs=2).save_checkpoint(folder / "model.ckpt")
    recognizer = Recognizer.from_checkpoint(folder / "model.ckpt")
    for batch in noise_batches():
        waveform, length = batch.waveforms[:1, : batch.waveform_lengths[0]], batch.waveform_lengths[:1]
        with torch.no_grad():
            scores = model.eval()(waveform, length)[0]
        again = recognizer.scores(AudioSamples(waveform[0].numpy(), 16000))
        torch.testing.assert_close(again, scores[0], rtol=1e-5, atol=1e-5)
    return recognizer
