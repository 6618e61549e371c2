"""A CTC model in Lightning's loops of evaluation: batches are summed up, splits have metrics."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from dataset_modules.batches.batch import Batch
from evaluation.metrics import EvaluationMetrics, Stage
from models.ctc import TimedToken, blank_share, ctc_losses, greedy_decode
from models.network.additions.extension import layer_shares
from models.output_symbols import OutputSymbols
from phonetics import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel


MOST_SCORED = 100  # validation utterances in a process, to choose a decoder


class Prediction(NamedTuple):
    """The recognised phonemes of one utterance."""

    id: str
    phonemes: list[str]


class ScoredUtterance(NamedTuple):
    """The scores of an utterance, (F, V), on the processor, and what was said."""

    log_probs: Tensor
    reference: list[str]
    language: str | None


TestDecoder = Callable[[Tensor], list[TimedToken]]  # of scores, (F, V)


class Evaluated(TypedDict):
    """What an evaluation step computes of a batch; callbacks read it."""

    log_probs: Tensor  # (B, F, V)
    frames: Tensor  # (B,)
    tokens: list[list[TimedToken]] | None  # of the test decoder; None where decoding is greedy


class EvaluatedModel(LightningModule):
    """Evaluates what ``scores_of`` computes; subclasses set the attributes and train."""

    vocabulary: Vocabulary  # of the references
    output: OutputSymbols  # of the head
    metrics: EvaluationMetrics
    network: "PreTrainedModel | None"
    test_decoder: TestDecoder | None = None  # of test data and predictions; None is greedy
    # Builds the test decoder from some utterances of the validation split, this process's share of them.
    choose_test_decoder: Callable[[list[ScoredUtterance]], TestDecoder] | None = None

    @abstractmethod
    def scores_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return log-probabilities, (B, F, V), and frame counts, (B,), of a batch."""

    def validation_step(self, batch: Batch, batch_idx: int) -> Evaluated:
        """Add the batch to the split's sums; return its scores for callbacks."""
        return self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> Evaluated:
        """Add the batch to the split's sums; return its scores for callbacks."""
        return self._evaluate("test", batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> list[Prediction]:
        """Return the phonemes of each utterance."""
        log_probs, frames = self.scores_of(batch)
        tokens = self._searched(log_probs, frames)
        decoded = map(_ids, tokens) if tokens else greedy_decode(log_probs, frames, self.output.blank_id)
        return list(map(Prediction, batch.ids, self._phonemes(decoded, batch.languages)))

    def on_test_start(self) -> None:
        """Choose the test decoder on validation data, where it is not fixed."""
        if self.choose_test_decoder is not None:
            self.test_decoder = self.choose_test_decoder(list(self._scored_validation()))

    on_predict_start = on_test_start

    def on_validation_epoch_end(self) -> None:
        """Log the split's metrics."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the split's metrics."""
        self._log_metrics("test")

    def _scored_validation(self) -> Iterator[ScoredUtterance]:
        """Yield about ``MOST_SCORED`` utterances: the first batches, which are of all lengths."""
        num_scored = 0
        for on_host in self.trainer.datamodule.val_dataloader():  # type: ignore[attr-defined]
            batch = self.trainer.strategy.batch_to_device(on_host)
            with self.trainer.precision_plugin.forward_context():
                log_probs, frames = self.scores_of(batch)
            rows = zip(log_probs.float().cpu(), frames.tolist(), strict=True)
            scores = [one[:count] for one, count in rows]
            yield from map(ScoredUtterance, scores, self._references(batch), batch.languages)
            num_scored += len(batch.ids)
            if num_scored >= MOST_SCORED:
                return

    def _references(self, batch: Batch) -> list[list[str]]:
        return [
            self.vocabulary.decode(ids[:length].tolist())
            for ids, length in zip(batch.labels.cpu(), batch.lengths_on_host()[1], strict=True)
        ]

    def _evaluate(self, stage: Stage, batch: Batch) -> Evaluated:
        log_probs, frames = self.scores_of(batch)
        hypotheses = self._decode(log_probs, frames, batch.languages)
        tokens = self._searched(log_probs, frames) if stage == "test" else None
        self.metrics.add(
            stage,
            losses=self.losses(log_probs, frames, batch),
            blanks=blank_share(log_probs, frames, self.output.blank_id),
            references=self._references(batch),
            hypotheses=hypotheses if tokens is None else self._phonemes(map(_ids, tokens), batch.languages),
            languages=batch.languages,
            greedy=() if tokens is None else hypotheses,
        )
        return {"log_probs": log_probs, "frames": frames, "tokens": tokens}

    def _searched(self, log_probs: Tensor, frames: Tensor) -> list[list[TimedToken]] | None:
        """Return the tokens that the test decoder finds in each utterance; None where there is none."""
        if self.test_decoder is None:
            return None
        rows = zip(log_probs.float().cpu(), frames.tolist(), strict=True)
        return [self.test_decoder(scores[:count]) for scores, count in rows]

    def _log_metrics(self, stage: Stage) -> None:
        metrics = self.metrics.finish(stage)
        if stage == "test" and self.test_decoder is not None:
            metrics["greedy_per"] = self.metrics.finish_greedy()
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
        return self._phonemes(greedy_decode(log_probs, frames, self.output.blank_id), languages)

    def _phonemes(
        self, decoded: Iterable[list[int]], languages: Sequence[str | None] = ()
    ) -> list[list[str]]:
        utterances = list(decoded)
        return list(map(self.output.phonemes, utterances, languages or [None] * len(utterances)))


def _ids(tokens: Iterable[TimedToken]) -> list[int]:
    return [token.token_id for token in tokens]
