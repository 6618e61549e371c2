"""The model card of an exported model: use, metrics, data, conversion of texts to phonemes, licences."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from inference.handover.label_sources import LabelSource, label_sources
from inference.handover.parity import Parity
from phonetics import Vocabulary

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

Target = Literal["hf", "onnx", "onnx-int8"]
_METRICS = {
    "per": "phoneme error rate",
    "cer": "character error rate",
    "wer": "word error rate over phonemes",
}
_TEMPLATE = Path(__file__).with_suffix(".md")
_TASK = "automatic-speech-recognition"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")  # names, whose brackets close nothing
_BRACKETS = {"[": "]", "{": "}", "(": ")"}


class Measurement(NamedTuple):
    """An error rate over one split, as the card states it."""

    name: str
    split: str
    rate: float
    interval: tuple[float, float] | None
    utterances: int | None


class Provenance(NamedTuple):
    """The facts about a model in the folder of its experiment; empty for a checkpoint without one."""

    name: str
    configuration: Mapping[str, Any]
    metrics: Mapping[str, Any]
    versions: Mapping[str, Any]

    @property
    def base(self) -> str | None:
        """Return the pretrained model that the training began with, where there is one."""
        return self.configuration.get("model", {}).get("pretrained_name")

    @property
    def sources(self) -> list[LabelSource]:
        """List the sources of the labels."""
        return label_sources(self.configuration.get("data", {}))

    @property
    def measurements(self) -> list[Measurement]:
        """List the error rates, those of the test split first.

        An exported model decodes greedily: of test data that a search decoded, the rate without it counts.
        """
        intervals, utterances = self.metrics.get("intervals", {}), self.metrics.get("utterances", {})
        greedy = self.metrics.get("test_greedy_per")
        searched = []
        if greedy is not None:
            searched = [Measurement("per", "test", greedy, None, utterances.get("test"))]
        return searched + [
            Measurement(name, split, self.metrics[key], intervals.get(key), utterances.get(split))
            for split in (("val",) if searched else ("test", "val"))
            for name in _METRICS
            if isinstance(self.metrics.get(key := f"{split}_{name}"), float)
        ]


def model_card(
    provenance: Provenance,
    vocabulary: Vocabulary,
    target: Target,
    *,
    license_name: str | None = None,
    parity: Parity | None = None,
    has_code: bool = False,
) -> str:
    """Write the README.md of an exported model, with the metadata block that the Hugging Face Hub reads."""
    from huggingface_hub import ModelCard

    packages = provenance.versions.get("packages", {})
    return str(
        ModelCard.from_template(
            _metadata(provenance, target, license_name),
            template_path=str(_TEMPLATE),
            provenance=provenance,
            model=provenance.configuration.get("model", {}),
            packages=packages,
            definitions=_definitions(provenance.metrics.get("definitions", {})),
            parity=parity,
            target=target,
            has_code=has_code,
            datasets=list(_datasets(provenance)),
            phonemes=vocabulary.phonemes,
            sources=[source.described(packages) for source in provenance.sources],
            license_name=license_name,
            licences=list(_licences(provenance)),
        )
    )


def _metadata(provenance: Provenance, target: Target, license_name: str | None) -> "ModelCardData":
    from huggingface_hub import ModelCardData

    base = provenance.base
    languages = dict.fromkeys(
        source.language.split("-")[0] for source in provenance.sources if source.language
    )
    return ModelCardData(
        base_model=base if base and not Path(base).is_absolute() else None,
        eval_results=[_result(provenance, one) for one in provenance.measurements] or None,
        language=list(languages) or None,
        library_name="transformers" if target == "hf" else "onnx",
        license=license_name,
        metrics=list(dict.fromkeys(one.name for one in provenance.measurements)) or None,
        model_name=provenance.name if provenance.measurements else None,
        pipeline_tag=_TASK,
        tags=["phoneme-recognition", "ctc", "ipa"],
    )


def _result(provenance: Provenance, measured: Measurement) -> "EvalResult":
    """Describe an error rate as ``model-index`` has it; its interval is among the arguments."""
    from huggingface_hub import EvalResult

    datasets = " + ".join(dict.fromkeys(source.dataset for source in provenance.sources)) or "unknown"
    facts = {
        "interval_95": measured.interval and [round(end, 4) for end in measured.interval],
        "utterances": measured.utterances,
    }
    return EvalResult(
        task_type=_TASK,
        dataset_type=datasets,
        dataset_name=datasets,
        dataset_split={"val": "validation"}.get(measured.split, measured.split),
        metric_type=measured.name,
        metric_value=round(measured.rate, 4),
        metric_name=_METRICS[measured.name],
        metric_args={name: value for name, value in facts.items() if value is not None} or None,
    )


def _definitions(known: Mapping[str, str]) -> dict[str, str]:
    return {name: known[name] for name in _METRICS if name in known}


def _datasets(provenance: Provenance) -> Iterator[str]:
    """Describe each data set by its class and its arguments, then the fingerprints of the splits."""
    for dataset in provenance.configuration.get("data", {}).get("dataset_classes") or []:
        arguments = dataset.get("init_args") or {}
        listed = [f"{key}: {_short(value)}" for key, value in arguments.items() if value is not None]
        yield f"`{dataset.get('class_path')}`" + (f" ({', '.join(listed)})" if listed else "")
    for split, fingerprints in provenance.versions.get("data", {}).items():
        yield f"{split}: fingerprint {', '.join(value[:16] for value in fingerprints)}"


def _short(value: object, limit: int = 80) -> str:
    """Cut a long text, where possible between items, and close the brackets that the rest would close.

    >>> _short(["m1", ["f1", "Gene"], "m2"], 20)
    "['m1', ['f1', …]]"
    >>> _short(["smile :)", "left (", "right"], 24)
    "['smile :)', 'left (', …]"
    """
    text = str(value)
    if len(text) <= limit:
        return text
    items, comma, _ = text[:limit].rpartition(", ")
    kept = f"{items}{comma}" or text[:limit]
    closing = ""
    for letter in _QUOTED.sub("", kept):
        if letter in _BRACKETS:
            closing = _BRACKETS[letter] + closing
        elif letter == closing[:1]:
            closing = closing[1:]
    return f"{kept}…{closing}"


def _licences(provenance: Provenance) -> Iterator[str]:
    """State the terms of what the weights derive from."""
    names = [source.dataset for source in provenance.sources]
    if provenance.base:
        yield f"They derive from {provenance.base}, whose licence applies."
    if "CommonVoiceDataset" in names:
        yield "Common Voice recordings: CC0-1.0; users must not try to identify speakers."
    if "TimitDataset" in names:
        yield "TIMIT: licensed by the Linguistic Data Consortium."
    if "SyntheticSpeechDataset" in names:
        yield "Speech synthesised by espeak-ng (GPL-3.0 software, which is not part of this folder)."
    if any("espeak" in source.backends for source in provenance.sources):
        yield "Labels converted from texts: phonemizer and espeak-ng (GPL-3.0 software, not included)."
