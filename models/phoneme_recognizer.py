"""The LightningModule: batch → loss and tokens, with its optimizer and its figures."""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from dataset_modules.contract import AudioParams, Batch
from models.ctc_loss import ctc_losses
from models.decoding import blank_share, greedy_decode
from models.evaluation import EvaluationMetrics, Stage, unpadded_groups
from models.frame_count import Counts, frames_of
from models.freezing import freeze, keep_in_eval_mode, settle_masking
from models.frontend import LogMelFrontend, WaveformFrontend, length_mask
from models.grouping import Grouping, GroupingName
from models.latent_masking import LatentMasking, check_masking
from models.network import (
    NetworkName,
    build_network,
    encoder_frames,
    frame_lengths,
    needs_attention_mask,
    network_configuration,
)
from models.optimization import OptimizerName, SchedulerName
from models.optimization_plan import OptimizationPlan
from models.step_seeding import seed_step
from models.weights import CHECKPOINT_KEY, check_vocabulary, load_matching
from phonetics import Vocabulary

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)


class Prediction(NamedTuple):
    """What was heard in one utterance."""

    id: str
    phonemes: list[str]


class PhonemeRecognizer(LightningModule):
    """The model section of the configuration.

    Constructing checks everything and loads nothing; the network is built in ``configure_model``.

    Args:
        vocab_file: JSON, phoneme → id, as Hugging Face's CTC tokenizers keep it.
        network_name: the family.
        pretrained_name: a hub id or a local folder; null starts from scratch.
        network_config: changes to the architecture's configuration.
        freeze_feature_extractor: leave the convolutions as they are.
        freeze_transformer: leave everything between the convolutions and the head as it is.
        optimizer: a name, or class_path and init_args of any torch optimizer.
        lr: learning rate, of an optimizer chosen by name.
        weight_decay: of an optimizer chosen by name that has it.
        momentum: of SGD.
        optimizer_params: further parameters of an optimizer chosen by name, under their own names.
        param_groups: rate and decay by kind of layer (fam), by depth (layerwise), or one for all (null).
        layer_decay: factor of the rate per layer downwards (layerwise); 0.9 where null.
        scheduler: a name, or class_path and init_args of any torch scheduler; null keeps the rate.
        step_size: epochs between steps (StepLR).
        milestones: epochs of the steps (MultiStepLR).
        gamma: factor of a step (StepLR, MultiStepLR, ReduceLROnPlateau).
        metric_scheduler: figure to watch (ReduceLROnPlateau); val_loss where null.
        metric_patience: validations without improvement before a step (ReduceLROnPlateau).
        min_lr: where the rate ends (ReduceLROnPlateau, FAMScheduler, FAMEpochScheduler).
        warmup_steps: of FAMScheduler.
        total_steps: of FAMScheduler; null takes the run's length.
        decay_start_step: of FAMScheduler, where its cosine starts; null: at the warm-up's end.
        warmup_epochs: of FAMEpochScheduler.
        max_epochs: of FAMEpochScheduler; null takes the run's.
        warmup_start_lr: where the warm-up starts (FAMScheduler, FAMEpochScheduler).
        audio_params: must agree with the configuration's; null takes it.
        initial_weights: a checkpoint to take fitting weights from (set by only_weights_load).
        map_vocabulary: carry head rows over by phoneme where initial_weights has another vocabulary.
        seed: of dropout and masking; null takes the run's.
    """

    def __init__(
        self,
        vocab_file: str | Path,
        network_name: NetworkName = "Wav2Vec2",
        pretrained_name: str | None = None,
        network_config: dict[str, Any] | None = None,
        freeze_feature_extractor: bool = True,
        freeze_transformer: bool = False,
        optimizer: OptimizerName | Callable[[Iterable[Any]], Optimizer] = "AdamW",
        lr: float | None = None,
        weight_decay: float | None = None,
        momentum: float | None = None,
        optimizer_params: dict[str, Any] | None = None,
        param_groups: GroupingName | None = None,
        layer_decay: float | None = None,
        scheduler: SchedulerName | Callable[[Optimizer], LRScheduler | ReduceLROnPlateau] | None = None,
        step_size: int | None = None,
        milestones: list[int] | None = None,
        gamma: float | None = None,
        metric_scheduler: str | None = None,
        metric_patience: int | None = None,
        min_lr: float | None = None,
        warmup_steps: int | None = None,
        total_steps: int | None = None,
        decay_start_step: int | None = None,
        warmup_epochs: int | None = None,
        max_epochs: int | None = None,
        warmup_start_lr: float | None = None,
        audio_params: AudioParams | None = None,
        initial_weights: Path | None = None,
        map_vocabulary: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.vocabulary = Vocabulary.from_file(vocab_file)
        self.audio_params = audio_params or AudioParams()
        self.plan = OptimizationPlan(
            optimizer,
            {"lr": lr, "weight_decay": weight_decay, "momentum": momentum},
            scheduler,
            {
                "step_size": step_size,
                "milestones": milestones,
                "gamma": gamma,
                "metric_patience": metric_patience,
                "min_lr": min_lr,
                "warmup_steps": warmup_steps,
                "total_steps": total_steps,
                "decay_start_step": decay_start_step,
                "warmup_epochs": warmup_epochs,
                "max_epochs": max_epochs,
                "warmup_start_lr": warmup_start_lr,
            },
            metric_scheduler,
            optimizer_params,
            Grouping(param_groups, layer_decay),
        )
        self.network_name = network_name
        self.pretrained_name = pretrained_name
        self.network_configuration = network_configuration(
            network_name,
            pretrained_name,
            network_config,
            vocab_size=len(self.vocabulary),
            blank_id=self.vocabulary.blank_id,
        )
        self.freeze_feature_extractor = freeze_feature_extractor
        self.freeze_transformer = freeze_transformer
        self.uses_attention_mask = self._mask_policy()
        self.initial_weights = initial_weights
        self.map_vocabulary = map_vocabulary
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        check_masking(self.network_configuration)
        self.network: PreTrainedModel | None = None
        self.masking: LatentMasking | None = None
        self.frozen: list[nn.Module] = []
        self.frontend = self._frontend()
        self.figures = EvaluationMetrics()

    def _mask_policy(self) -> bool:
        """Follow the family unless told otherwise; say so when what was told does not suit it."""
        family = needs_attention_mask(self.network_configuration)
        chosen = self.audio_params.return_attention_mask
        if chosen is not None and chosen != family:
            log.warning(
                "model: %s models are trained %s attention masks, audio_params.return_attention_mask is %s; "
                "null follows the model",
                self.network_name,
                "with" if family else "without",
                str(chosen).lower(),
            )
        return family if chosen is None else chosen

    def _frontend(self) -> WaveformFrontend | LogMelFrontend:
        if self.network_name == "Wav2Vec2Bert":
            return LogMelFrontend(self.audio_params.sampling_rate, self.audio_params.padding_value)
        return WaveformFrontend(self.audio_params.do_normalize, self.audio_params.padding_value)

    def num_frames(self, num_samples: Counts) -> Counts:
        """How many frames utterances of these lengths will have; known before the network is built."""
        return frames_of(
            self.network_configuration,
            num_samples,
            self.frontend.mel_frames_per_input,
            self.audio_params.sampling_rate,
        )

    def configure_model(self) -> None:
        """Build the network; pretrained weights that a checkpoint is about to replace are not loaded."""
        if self.network is not None:
            return
        resuming = self._trainer is not None and self._trainer.ckpt_path is not None
        self.network = build_network(self.network_configuration, None if resuming else self.pretrained_name)
        self.network.train()
        self.frozen = freeze(
            self.network, feature_extractor=self.freeze_feature_extractor, transformer=self.freeze_transformer
        )
        keep_in_eval_mode(self.frozen)  # Lightning keeps the modes it finds
        self.masking = LatentMasking(self.network) if settle_masking(self.network) else None
        if self._trainer is not None and self._trainer.world_size > 1:
            self.network.config.layerdrop = 0.0  # a dropped layer leaves gradients that other ranks wait for
        if self.initial_weights is not None:
            load_matching(self, self.initial_weights, self.vocabulary, map_vocabulary=self.map_vocabulary)

    def train(self, mode: bool = True) -> "PhonemeRecognizer":
        """As usual, but frozen parts stay in eval mode."""
        super().train(mode)
        keep_in_eval_mode(self.frozen)
        return self

    def forward(self, waveforms: Tensor, waveform_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of tokens per frame, (B, F, V), and the number of real frames, (B,).

        Args:
            waveforms: (B, T), zero-padded, at the model's rate.
            waveform_lengths: (B,) samples.
        """
        if self.training or self.uses_attention_mask:
            return self._forward_padded(waveforms, waveform_lengths)
        return self._forward_unpadded(waveforms, waveform_lengths)

    def _forward_padded(self, waveforms: Tensor, waveform_lengths: Tensor) -> tuple[Tensor, Tensor]:
        network = self._built()
        inputs, lengths = self.frontend(waveforms, waveform_lengths)
        frames = frame_lengths(network, lengths)
        mask = length_mask(lengths, inputs.shape[1]).long() if self.uses_attention_mask else None
        self._settle_masks(inputs.shape[1], lengths)
        logits = network(**{self.frontend.input_name: inputs, "attention_mask": mask}).logits
        if self.masking is not None and self.training:
            # Keeps the mask's embedding in the graph where nothing was masked: other ranks wait for it.
            logits = logits + 0.0 * network.base_model.masked_spec_embed.sum()
        return logits.float().log_softmax(dim=-1), frames

    def _settle_masks(self, num_inputs: int, lengths: Tensor) -> None:
        """Draw which frames the encoder does not hear in this step of training, if any."""
        if self.masking is None:
            return
        if not self.training:
            self.masking.skip()
            return
        network = self._built()
        num_frames = int(encoder_frames(network, torch.tensor(num_inputs)))
        frames = encoder_frames(network, lengths)
        self.masking.draw(frames, num_frames, know_lengths=self.uses_attention_mask)

    def _forward_unpadded(self, waveforms: Tensor, waveform_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Without a mask, padding would move the figures: utterances of one length at a time."""
        frames = torch.zeros_like(waveform_lengths)
        pieces: list[tuple[Tensor, Tensor]] = []
        for length, members in unpadded_groups(waveform_lengths):
            log_probs, frames[members] = self._forward_padded(
                waveforms[members, :length], waveform_lengths[members]
            )
            pieces.append((members, log_probs))
        longest = max(log_probs.shape[1] for _, log_probs in pieces)
        joined = pieces[0][1].new_zeros(len(waveforms), longest, len(self.vocabulary))
        for members, log_probs in pieces:
            joined[members, : log_probs.shape[1]] = log_probs
        return joined, frames

    def _built(self) -> "PreTrainedModel":
        if self.network is None:
            raise RuntimeError("PhonemeRecognizer: configure_model() must have been called before forward()")
        return self.network

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Make the step's randomness a function of its place."""
        seed_step(self.seed, self.current_epoch, batch_idx, self.global_rank)

    def on_train_batch_end(self, outputs: object, batch: Batch, batch_idx: int) -> None:
        """Let a run whose steps end in mid-epoch end with a validation: without one nothing is best."""
        if 0 <= self.trainer.max_steps <= self.trainer.global_step:
            self.trainer.should_stop = True

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The mean loss of the batch."""
        log_probs, frames = self(batch.waveforms, batch.waveform_lengths)
        loss = self._losses(log_probs, frames, batch).mean()
        self.log("train_loss", loss, prog_bar=True, batch_size=len(batch.ids))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add the batch to the split's sums."""
        self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add the batch to the split's sums."""
        self._evaluate("test", batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> list[Prediction]:
        """The phonemes of each utterance."""
        log_probs, frames = self(batch.waveforms, batch.waveform_lengths)
        return [
            Prediction(key, phonemes)
            for key, phonemes in zip(batch.ids, self._decode(log_probs, frames), strict=True)
        ]

    def on_validation_epoch_end(self) -> None:
        """Log the split's figures."""
        self._log_figures("val")

    def on_test_epoch_end(self) -> None:
        """Log the split's figures."""
        self._log_figures("test")

    def _evaluate(self, stage: Stage, batch: Batch) -> None:
        log_probs, frames = self(batch.waveforms, batch.waveform_lengths)
        references = [
            self.vocabulary.decode(ids[:length].tolist())
            for ids, length in zip(batch.labels, batch.label_lengths.tolist(), strict=True)
        ]
        self.figures.add(
            stage,
            losses=self._losses(log_probs, frames, batch),
            blanks=blank_share(log_probs, frames, self.vocabulary.blank_id),
            references=references,
            hypotheses=self._decode(log_probs, frames),
            delimiter=self.vocabulary.word_delimiter,
            languages=batch.languages,
        )

    def _log_figures(self, stage: Stage) -> None:
        figures = self.figures.finish(stage)
        self.log_dict({f"{stage}_{name}": value for name, value in figures.items() if name != "per"})
        self.log(f"{stage}_per", figures["per"], prog_bar=True)

    def _losses(self, log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
        return ctc_losses(log_probs, frames, batch.labels, batch.label_lengths, self.vocabulary.blank_id)

    def _decode(self, log_probs: Tensor, frames: Tensor) -> Sequence[list[str]]:
        decoded = greedy_decode(log_probs, frames, self.vocabulary.blank_id)
        return [self.vocabulary.decode(ids) for ids in decoded]

    def configure_optimizers(self) -> "OptimizerLRScheduler":
        """What the plan says, over what is not frozen."""
        return self.plan.build(self, self.trainer)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say what the weights mean, so that a checkpoint needs nothing beside it."""
        checkpoint[CHECKPOINT_KEY] = {
            "vocabulary": list(self.vocabulary.tokens),
            "audio_params": asdict(self.audio_params),
            "network_name": self.network_name,
            "network_config": self.network_configuration.to_json_string(use_diff=False),
            "seed": self.seed,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse weights over another vocabulary."""
        check_vocabulary(checkpoint, self.vocabulary, "the checkpoint")
