"""A CTC model in Lightning's loops of evaluation: batches are summed up, splits have metrics."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from dataset_modules.batches.batch import Batch
from evaluation.metrics import EvaluationMetrics, Stage
from models.ctc import blank_share, ctc_losses, greedy_decode
from models.network.additions.extension import layer_shares
from models.output_symbols import OutputSymbols
from phonetics import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Prediction(NamedTuple):
    """The recognised phonemes of one utterance."""

    id: str
    phonemes: list[str]


class EvaluatedModel(LightningModule):
    """Evaluates what ``scores_of`` computes; subclasses set the attributes and train."""

    vocabulary: Vocabulary  # of the references
    output: OutputSymbols  # of the head
    metrics: EvaluationMetrics
    network: "PreTrainedModel | None"

    @abstractmethod
    def scores_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return log-probabilities, (B, F, V), and frame counts, (B,), of a batch."""

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Add the batch to the split's sums; return its scores for callbacks."""
        return self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Add the batch to the split's sums; return its scores for callbacks."""
        return self._evaluate("test", batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> list[Prediction]:
        """Return the phonemes of each utterance."""
        log_probs, frames = self.scores_of(batch)
        return list(map(Prediction, batch.ids, self._decode(log_probs, frames, batch.languages)))

    def on_validation_epoch_end(self) -> None:
        """Log the split's metrics."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the split's metrics."""
        self._log_metrics("test")

    def _evaluate(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        log_probs, frames = self.scores_of(batch)
        references = [
            self.vocabulary.decode(ids[:length].tolist())
            for ids, length in zip(batch.labels.cpu(), batch.lengths_on_host()[1], strict=True)
        ]
        self.metrics.add(
            stage,
            losses=self.losses(log_probs, frames, batch),
            blanks=blank_share(log_probs, frames, self.output.blank_id),
            references=references,
            hypotheses=self._decode(log_probs, frames, batch.languages),
            languages=batch.languages,
        )
        return {"log_probs": log_probs, "frames": frames}

    def _log_metrics(self, stage: Stage) -> None:
        metrics = self.metrics.finish(stage)
        if self.output.is_mapped and metrics["loss"].isnan():  # a head without one of the phonemes
            del metrics["loss"]
        metrics |= layer_shares(self.network)
        self.log_dict({f"{stage}_{name}": value for name, value in metrics.items() if name != "per"})
        self.log(f"{stage}_per", metrics["per"], prog_bar=True)

    def losses(self, log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
        """Return the loss of each utterance, (B,), given its scores, (B, F, V), and frames, (B,)."""
        _, num_labels = batch.lengths_on_host()
        labels = self.output.labels_in_head(batch.labels, num_labels)
        if labels is None:
            return log_probs.new_full((len(batch.ids),), float("nan"))
        return ctc_losses(log_probs, frames, labels, torch.from_numpy(num_labels), self.output.blank_id)

    def _decode(
        self, log_probs: Tensor, frames: Tensor, languages: Sequence[str | None] = ()
    ) -> list[list[str]]:
        decoded = greedy_decode(log_probs, frames, self.output.blank_id)
        return list(map(self.output.phonemes, decoded, languages or [None] * len(decoded)))
