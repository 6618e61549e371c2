"""The model card of an exported model: use, metrics, data, conversion of texts to phonemes, licences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from inference.handover.label_sources import LabelSource, label_sources
from inference.handover.parity import Parity
from phonetics import Vocabulary

Target = Literal["hf", "onnx", "onnx-int8"]
_METRICS = ("per", "cer", "wer")


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


def model_card(
    provenance: Provenance,
    vocabulary: Vocabulary,
    target: Target,
    *,
    license_name: str | None = None,
    parity: Parity | None = None,
) -> str:
    """Write the README.md of an exported model, with the metadata block that the Hugging Face Hub reads."""
    parts = [
        _head(provenance, target, license_name),
        f"# {provenance.name}",
        "A phoneme recogniser: speech in, a sequence of phonemes out (CTC, greedy decoding).",
        _section("How to use it", [_PIPELINE_USAGE if target == "hf" else _ONNX_USAGE]),
        _section("Metrics", _metrics(provenance, target, parity)),
        _section("Data", _data(provenance)),
        _section("Phonemes", _phonemes(provenance, vocabulary)),
        _section("Model", _model(provenance)),
        _section("Licences", _licences(provenance, license_name)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _head(provenance: Provenance, target: Target, license_name: str | None) -> str:
    head: dict[str, Any] = {
        "library_name": "transformers" if target == "hf" else "onnx",
        "pipeline_tag": "automatic-speech-recognition",
        "tags": ["phoneme-recognition", "ctc", "ipa"],
    }
    languages = dict.fromkeys(
        source.language.split("-")[0] for source in provenance.sources if source.language
    )
    if languages:
        head["language"] = list(languages)
    if license_name:
        head["license"] = license_name
    if (base := provenance.base) and not Path(base).is_absolute():
        head["base_model"] = base
    return f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False)}---"


def _metrics(provenance: Provenance, target: Target, parity: Parity | None) -> list[str]:
    metrics = provenance.metrics
    intervals = {
        key: f"{lowest:.4f} to {highest:.4f}"
        for key, (lowest, highest) in metrics.get("intervals", {}).items()
    }
    utterances = metrics.get("utterances", {})
    rows = [
        f"| {name} on {split} | {metrics[key]:.4f} | {intervals.get(key, 'not measured')} | "
        f"{utterances.get(split, '')} |"
        for split in ("test", "val")
        for name in _METRICS
        if isinstance(metrics.get(key := f"{split}_{name}"), float)
    ]
    head = ["| metric | value | 95 % interval | utterances |", "|---|---|---|---|"]
    definitions = metrics.get("definitions", {})
    explained = [f"- `{name}`: {definitions[name]}" for name in _METRICS if name in definitions]
    compared = (
        f"This {target} model compared with its checkpoint: {parity}."
        if parity
        else f"These are metrics of the checkpoint; this {target} model was not compared with it."
    )
    return [*head, *rows, "", *explained, "", compared] if rows else [compared] if parity else []


def _data(provenance: Provenance) -> list[str]:
    data = provenance.configuration.get("data", {})
    lines = []
    for dataset in data.get("dataset_classes") or []:
        arguments = {
            key: value for key, value in (dataset.get("init_args") or {}).items() if value is not None
        }
        listed = ", ".join(f"{key}: {_short(value)}" for key, value in arguments.items())
        lines.append(f"- `{dataset.get('class_path')}`" + (f" ({listed})" if listed else ""))
    for split, fingerprints in provenance.versions.get("data", {}).items():
        lines.append(f"- {split}: fingerprint {', '.join(value[:16] for value in fingerprints)}")
    return lines


def _short(value: object, limit: int = 80) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _phonemes(provenance: Provenance, vocabulary: Vocabulary) -> list[str]:
    packages = provenance.versions.get("packages", {})
    sources = provenance.sources
    lines = [f"{len(vocabulary.phonemes)} phonemes: {' '.join(vocabulary.phonemes)}"]
    return [*lines, "", *(source.described(packages) for source in sources)] if sources else lines


def _model(provenance: Provenance) -> list[str]:
    model, versions = provenance.configuration.get("model", {}), provenance.versions
    if not model:
        return []
    packages = versions.get("packages", {})
    return [
        f"{model.get('network_name')}, "
        + (f"fine-tuned from {provenance.base}" if provenance.base else "trained from scratch")
        + ".",
        f"Trained with torch {packages.get('torch')}, transformers {packages.get('transformers')}, "
        f"revision {versions.get('revision')} of the training code.",
    ]


def _licences(provenance: Provenance, license_name: str | None) -> list[str]:
    names = [source.dataset for source in provenance.sources]
    lines = [
        f"- These weights: {license_name}." if license_name else "- These weights: no licence is named.",
        "- The code that trained them: MIT.",
    ]
    if provenance.base:
        lines.append(f"- They derive from {provenance.base}, whose licence applies.")
    if "CommonVoiceDataset" in names:
        lines.append("- Common Voice recordings: CC0-1.0; users must not try to identify speakers.")
    if "TimitDataset" in names:
        lines.append("- TIMIT: licensed by the Linguistic Data Consortium.")
    if "SyntheticSpeechDataset" in names:
        lines.append(
            "- Speech synthesised by espeak-ng (GPL-3.0 software, which is not part of this folder)."
        )
    if any("espeak" in source.backends for source in provenance.sources):
        lines.append(
            "- Labels converted from texts: phonemizer and espeak-ng (GPL-3.0 software, not included)."
        )
    return lines


_PIPELINE_USAGE = """\
```python
import soundfile
from transformers import pipeline

recognise = pipeline("automatic-speech-recognition", model="this/folder")
samples, rate = soundfile.read("speech.wav", dtype="float32")
print(recognise({"raw": samples, "sampling_rate": rate})["text"])
```

Spaces separate phonemes, `|` separates words. Pass samples: for file names the pipeline needs ffmpeg."""

_ONNX_USAGE = """\
`model.onnx` takes `waveforms` (float32, batch × samples, mono, -1…1, zero-padded) and `lengths` (int64,
samples of each), and gives `log_probs` and the number of real `frames` of each. Normalisation and features
are inside.
`recognizer.json` describes the sampling rate, the times of frames, and limits.

```python
import json, numpy, onnxruntime, soundfile

tokens = list(json.load(open("vocab.json", encoding="utf-8")))
facts = json.load(open("recognizer.json", encoding="utf-8"))
samples, rate = soundfile.read("speech.wav", dtype="float32")
assert rate == facts["sampling_rate"] and samples.ndim == 1, "resample it, mix it down"
session = onnxruntime.InferenceSession("model.onnx")
inputs = {"waveforms": samples[None], "lengths": numpy.array([len(samples)])}
scores, frames = session.run(None, inputs)
best = scores[0, : frames[0]].argmax(-1)
best = best[numpy.flatnonzero(numpy.diff(best, prepend=-1))]
print(" ".join(tokens[i] for i in best if i != facts["blank_id"]))
```"""
