"""The LightningModule: batch → loss and tokens, with its optimizer and its metrics."""

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.batch import Batch, ModelInterface
from evaluation.metrics import EvaluationMetrics
from models.evaluated_model import EvaluatedModel
from models.huggingface import HuggingFaceModel
from models.kept_encoder import FrozenEncoderPart, cacheable_part
from models.memory_trial import fits_in_memory
from models.network.acoustic_forward import AcousticForward
from models.network.additions.adapted_checkpoint import leave_base_out, put_base_in
from models.network.additions.base_weights import BaseWeights
from models.network.additions.extended_family import extend_configuration
from models.network.additions.low_rank import LowRankAdapter
from models.network.attention import AttentionName
from models.network.building import NetworkSwitches, build_acoustic, keep_in_eval_mode
from models.network.frames import Counts, frames_of
from models.network.frontend import frontend_of
from models.network.latent_masking import check_masking
from models.network.pretrained import NetworkName, mask_policy, network_configuration, warn_of_mask_policy
from models.network.pretrained_head import CarriedHead
from models.objective.consistency import Consistency
from models.objective.inner_layers import IntermediateCTC
from models.objective.label_prior import PRIOR_KEY, LabelPrior, TokenPrior
from models.objective.training_objective import TrainingObjective
from models.optimization.choices import OPTIMIZERS, SCHEDULERS, OptimizerName, SchedulerName, flat_keys
from models.optimization.plan import Grouping, GroupingName, OptimizationPlan
from models.optimization.unfreezing import Unfreezing
from models.output_symbols import OutputSymbols, carried_head, carried_rows, mapped_output
from models.step_seeding import seed_step
from models.weights import CHECKPOINT_KEY, LEAST_FITTING_SHARE, check_vocabulary, load_matching
from phonetics import Vocabulary

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler
    from transformers import PreTrainedModel


class PhonemeRecognizer(EvaluatedModel):
    """The model section of the configuration.

    Constructing checks everything and loads nothing; the network is built in ``configure_model``.

    Args:
        vocab_file: JSON, phoneme → id, as Hugging Face's CTC tokenizers keep it; null, in a configuration,
            takes the included one of the data's language.
        network_name: the model family.
        pretrained_name: a hub id or a local folder; null starts from scratch.
        network_config: changes to the architecture's configuration.
        freeze_feature_extractor: leave the convolutions as they are.
        freeze_transformer: leave everything between the convolutions and the head as it is.
        optimizer: a name, or class_path and init_args of any torch optimizer.
        lr: the learning rate; only for an optimizer chosen by name.
        weight_decay: the weight decay; only for an optimizer chosen by name that has one.
        momentum: the momentum (SGD).
        optimizer_params: further parameters of an optimizer chosen by name, under their own names.
        param_groups: rate and decay by kind of layer (fam), by depth (layerwise), or one for all (null).
        layer_decay: the factor of the rate per layer downwards (layerwise); null takes 0.9.
        scheduler: a name, or class_path and init_args of any torch scheduler; null keeps the rate.
        step_size: epochs between steps (StepLR).
        milestones: epochs of the steps (MultiStepLR).
        gamma: factor of a step (StepLR, MultiStepLR, ReduceLROnPlateau).
        metric_scheduler: the metric to watch (ReduceLROnPlateau); null watches val_loss.
        metric_patience: validations without improvement before a step (ReduceLROnPlateau).
        min_lr: where the rate ends (ReduceLROnPlateau, FAMScheduler, FAMEpochScheduler).
        warmup_steps: steps of the warm-up (FAMScheduler); a number below 1 is a share of total_steps.
        total_steps: steps of the schedule (FAMScheduler); null takes the length of the run.
        decay_start_step: where the cosine starts (FAMScheduler); null: at the warm-up's end.
        warmup_epochs: epochs of the warm-up (FAMEpochScheduler).
        max_epochs: epochs of the schedule (FAMEpochScheduler); null takes the number of the run.
        warmup_start_lr: where the warm-up starts (FAMScheduler, FAMEpochScheduler).
        audio_params: must equal the configuration's audio_params; null takes these.
        initial_weights: a checkpoint to take fitting weights from (set by only_weights_load).
        map_vocabulary: carry head rows over by phoneme, from initial_weights of another vocabulary or, where
            pretrained_name is a CTC model with a tokenizer, from its head.
        symbol_map: what symbols of such a head mean in vocab_file: a table, or its file (TSV, JSON or YAML).
        least_fitting_share: the share of the network's parameters that pretrained or initial weights must
            have; less is refused.
        seed: seeds dropout and masking; null takes the run's seed.
        attention: the implementation of attention; null takes scaled-dot-product attention where it exists.
        compile: whether training goes through torch.compile; evaluation never does.
        gradient_checkpointing: compute activations anew in the backward pass instead of keeping them.
        cache_encoder: whether training caches the features of the encoder's frozen part on disk; null
            caches where it pays: no augmentation, more than one epoch, room for it and, where the
            transformer trains, pretrained convolutions and a CPU.
        intermediate_ctc: CTC losses of inner layers, which may condition later layers; null adds none.
        consistency: a second view of every training batch, which must agree with the first; null takes one.
        label_prior: CTC whose scores are divided by how frequent tokens are; null is plain CTC.
        layer_mix: let the head read a learned, weighted sum of all encoder layers, not the last one alone.
        adapter: train low-rank changes of an encoder that stays as it is; null trains the encoder itself.
        unfreeze: from which step on what trains: head, top N (layers), all but convolutions, or all; null
            trains what is not frozen from the start.
    """

    def __init__(
        self,
        vocab_file: str | Path | None = None,
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
        warmup_steps: int | float | None = None,
        total_steps: int | None = None,
        decay_start_step: int | None = None,
        warmup_epochs: int | None = None,
        max_epochs: int | None = None,
        warmup_start_lr: float | None = None,
        audio_params: AudioParams | None = None,
        initial_weights: Path | None = None,
        map_vocabulary: bool = False,
        symbol_map: dict[str, str] | str | None = None,
        least_fitting_share: float = LEAST_FITTING_SHARE,
        seed: int | None = None,
        attention: AttentionName | None = None,
        compile: bool = False,  # noqa: A002 - the configuration's key
        gradient_checkpointing: bool = False,
        cache_encoder: bool | None = None,
        intermediate_ctc: IntermediateCTC | None = None,
        consistency: Consistency | None = None,
        label_prior: LabelPrior | None = None,
        layer_mix: bool = False,
        adapter: LowRankAdapter | None = None,
        unfreeze: dict[int, str] | None = None,
    ) -> None:
        given: dict[str, object] = dict(locals())
        super().__init__()
        if vocab_file is None:
            raise ValueError("model: vocab_file must name a vocabulary, it is null")
        self.vocabulary = Vocabulary.from_file(vocab_file)
        self.audio_params = audio_params or AudioParams()
        self.plan = OptimizationPlan(
            optimizer,
            {key: given[key] for key in flat_keys(OPTIMIZERS)},
            scheduler,
            {key: given[key] for key in flat_keys(SCHEDULERS)},
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
        extend_configuration(self.network_configuration, layer_mix=layer_mix)
        masks = self.audio_params.return_attention_mask
        warn_of_mask_policy(self.network_configuration, masks)
        self.uses_attention_mask = mask_policy(self.network_configuration, masks)
        self.initial_weights = initial_weights
        self.map_vocabulary = map_vocabulary
        self.symbol_map = symbol_map
        self.least_fitting_share = least_fitting_share
        self.output = OutputSymbols(self.vocabulary, self.vocabulary)
        self._head: CarriedHead | None = None
        if map_vocabulary and pretrained_name is not None and initial_weights is None:
            self._head = carried_head(HuggingFaceModel.read(pretrained_name), self.vocabulary, symbol_map)
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        check_masking(self.network_configuration)
        self.switches = NetworkSwitches(
            freeze_feature_extractor,
            freeze_transformer,
            attention,
            compile,
            gradient_checkpointing,
            cache_encoder,
            adapter,
            unfreeze,
        )
        self.switches.check(self.network_configuration, uses_attention_mask=self.uses_attention_mask)
        self.awaits_checkpoint = False  # set by the command line: the Trainer knows too late
        self.network: PreTrainedModel | None = None
        self.acoustic: AcousticForward | None = None
        self.objective: TrainingObjective | None = None
        self.base: BaseWeights | None = None  # what checkpoints leave out
        self.frozen: list[nn.Module] = []
        self.frontend = frontend_of(self.network_configuration.model_type, self.audio_params)
        self.metrics = EvaluationMetrics()
        self.intermediate_ctc, self.consistency = intermediate_ctc, consistency
        self.prior = TokenPrior(label_prior.weight) if label_prior and label_prior.weight else None
        if intermediate_ctc is not None:
            intermediate_ctc.settle(self.network_configuration, is_frozen=freeze_transformer)

    def evaluate_as_published(self, source: HuggingFaceModel) -> None:
        """Evaluate a pretrained model with its own head; its symbols are mapped to the vocabulary's."""
        self.output = mapped_output(source, self.vocabulary, self.symbol_map)
        self._head = CarriedHead(len(source.vocabulary))
        self.network_configuration.vocab_size = len(source.vocabulary)
        self.network_configuration.pad_token_id = source.vocabulary.blank_id

    def num_frames(self, num_samples: Counts) -> Counts:
        """Return how many frames utterances of these lengths have, without the built network."""
        return frames_of(self.network_configuration, num_samples, self.frontend.grid)

    def configure_model(self) -> None:
        """Build the network; pretrained weights that a checkpoint is about to replace are not loaded."""
        if self.network is not None:
            return
        adapter = self.switches.adapter
        self.acoustic, self.frozen = build_acoustic(
            self.network_configuration,
            None if self.awaits_checkpoint and adapter is None else self.pretrained_name,
            self.frontend,
            self.switches,
            uses_attention_mask=self.uses_attention_mask,
            is_shared=self._trainer is not None and self._trainer.world_size > 1,
            head=self._head,
            least_share=self.least_fitting_share,
        )
        self.network = self.acoustic.network
        self.objective = TrainingObjective(self.acoustic, self.intermediate_ctc, self.consistency, self.prior)
        if self.initial_weights is not None:
            load_matching(
                self,
                self.initial_weights,
                self.vocabulary,
                rows_from=self._rows_from if self.map_vocabulary else None,
                least_share=self.least_fitting_share,
            )
        elif adapter is not None and self.pretrained_name is not None:
            self.base = BaseWeights.of(self.network, self.pretrained_name)

    def _rows_from(self, source: Vocabulary) -> tuple[tuple[int, int], ...]:
        return carried_rows(source, self.vocabulary, self.symbol_map)

    def train(self, mode: bool = True) -> "PhonemeRecognizer":
        """Switch the mode, but keep frozen parts in eval mode."""
        super().train(mode)
        keep_in_eval_mode(self.frozen)
        return self

    def forward(self, waveforms: Tensor, waveform_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities per frame, (B, F, V), and the number of real frames, (B,).

        Args:
            waveforms: (B, T), zero-padded, at the model's rate.
            waveform_lengths: (B,) samples.
        """
        acoustic = self._built()
        frames = acoustic.frames(waveform_lengths)
        if not self.training:
            return acoustic.scores(waveforms, waveform_lengths), frames
        num_samples = waveform_lengths.cpu().numpy()
        return acoustic.training_scores(waveforms, waveform_lengths, num_samples), frames

    def scores_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return log-probabilities, (B, F, V), and frame counts, (B,), of a batch."""
        return self._built().batch_scores(batch, training=self.training), self._frames(batch)

    def _frames(self, batch: Batch) -> Tensor:
        return torch.from_numpy(self.num_frames(batch.lengths_on_host()[0]))

    def _built(self) -> AcousticForward:
        if self.acoustic is None:
            raise RuntimeError("PhonemeRecognizer: configure_model() must have been called before forward()")
        return self.acoustic

    @property
    def interface(self) -> ModelInterface:
        """All that the data module needs of the model."""
        return ModelInterface(self.num_frames, self.frozen_encoder, self.fits)

    def frozen_encoder(self) -> FrozenEncoderPart | None:
        """Return the part of the encoder whose features may be cached; None where there is none."""
        if self.acoustic is None:
            return None
        return cacheable_part(
            self.acoustic,
            self.audio_params,
            self.trainer,
            required=bool(self.switches.cache_encoder),
            is_pretrained=self.pretrained_name is not None or self.initial_weights is not None,
        )

    def fits(self, num_clips: int, num_samples: int) -> bool:
        """Return whether the device has memory for a training step on clips of this length."""
        autocast = self.trainer.precision_plugin.forward_context
        return fits_in_memory(self, self.loss_of, len(self.vocabulary), autocast, num_clips, num_samples)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the step by its position in the run."""
        seed_step(self.seed, self.current_epoch, batch_idx, self.global_rank)
        if self.prior is not None:
            self.prior.enter(self.current_epoch)

    def on_train_batch_end(self, outputs: object, batch: Batch, batch_idx: int) -> None:
        """Validate after the last step before stopping; otherwise no best checkpoint exists."""
        if 0 <= self.trainer.max_steps <= self.trainer.global_step:
            self.trainer.should_stop = True

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the mean loss of the batch."""
        loss = self.loss_of(batch)
        self.log("train_loss", loss, prog_bar=True, batch_size=len(batch.ids))
        return loss

    def loss_of(self, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, without logging it."""
        if self.objective is None:
            raise RuntimeError("PhonemeRecognizer: configure_model() must have been called before a step")
        frames = self._frames(batch)
        return self.objective(batch, frames, lambda scores: self.losses(scores, frames, batch))

    def configure_callbacks(self) -> list[Callback]:
        """Follow the schedule of unfreezing, where there is one."""
        return [Unfreezing(self.switches.unfreeze)] if self.switches.unfreeze else []

    def configure_optimizers(self) -> "OptimizerLRScheduler":
        """Build the planned optimizer and scheduler over the trainable parameters."""
        return self.plan.build(self, self.trainer)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Describe the weights, so that a checkpoint needs nothing beside it."""
        checkpoint[CHECKPOINT_KEY] = {
            "vocabulary": list(self.vocabulary.tokens),
            "audio_params": asdict(self.audio_params),
            "network_name": self.network_name,
            "network_config": self.network_configuration.to_json_string(use_diff=False),
            "seed": self.seed,
        }
        leave_base_out(checkpoint, self.switches.adapter, self.base)
        if self.prior is not None:
            checkpoint[PRIOR_KEY] = self.prior.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse weights over another vocabulary or adapter."""
        check_vocabulary(checkpoint, self.vocabulary, "the checkpoint")
        self.base = put_base_in(checkpoint, self.state_dict(), self.switches.adapter, self.base)
        if self.prior is not None and PRIOR_KEY in checkpoint:
            self.prior.load_state_dict(checkpoint[PRIOR_KEY])
