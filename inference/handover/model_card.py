"""What a handed-over model says of itself: use, figures, data, how texts became phonemes, licences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from inference.handover.card_usage import ONNX_USAGE, PIPELINE_USAGE
from inference.handover.label_sources import label_sources
from inference.handover.parity import Parity
from phonetics import Vocabulary

Target = Literal["hf", "onnx", "onnx-int8"]
_FIGURES = ("per", "cer", "wer")


class Provenance(NamedTuple):
    """What an experiment's folder tells of a model; empty where a checkpoint stands alone."""

    name: str
    configuration: Mapping[str, Any]
    metrics: Mapping[str, Any]
    versions: Mapping[str, Any]


def model_card(
    provenance: Provenance,
    vocabulary: Vocabulary,
    target: Target,
    *,
    license_name: str | None = None,
    parity: Parity | None = None,
) -> str:
    """The README.md of a handed-over model, with the head that the hub reads."""
    parts = [
        _head(provenance, target, license_name),
        f"# {provenance.name}",
        "A phoneme recogniser: speech in, a sequence of phonemes out (CTC, greedy decoding).",
        _section("How to use it", _usage(target)),
        _section("Figures", _figures(provenance, target, parity)),
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
    sources = label_sources(provenance.configuration.get("data", {}))
    languages = dict.fromkeys(source.language.split("-")[0] for source in sources if source.language)
    if languages:
        head["language"] = list(languages)
    if license_name:
        head["license"] = license_name
    base = provenance.configuration.get("model", {}).get("pretrained_name")
    if base and not Path(base).is_absolute():
        head["base_model"] = base
    return f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False)}---"


def _usage(target: Target) -> list[str]:
    return [PIPELINE_USAGE if target == "hf" else ONNX_USAGE]


def _figures(provenance: Provenance, target: Target, parity: Parity | None) -> list[str]:
    metrics = provenance.metrics
    rows = [
        f"| {name} on {split} | {metrics[key]:.4f} | {_interval(metrics, key)} | "
        f"{_utterances(metrics, split)} |"
        for split in ("test", "val")
        for name in _FIGURES
        if isinstance(metrics.get(key := f"{split}_{name}"), float)
    ]
    head = ["| figure | value | 95 % interval | utterances |", "|---|---|---|---|"]
    definitions = metrics.get("definitions", {})
    told = [f"- `{name}`: {definitions[name]}" for name in _FIGURES if name in definitions]
    handed = (
        f"This {target} form beside its checkpoint: {parity}."
        if parity
        else f"They are the checkpoint's; this {target} form of it was not compared with it."
    )
    return [*head, *rows, "", *told, "", handed] if rows else [handed] if parity else []


def _interval(metrics: Mapping[str, Any], key: str) -> str:
    found = metrics.get("intervals", {}).get(key)
    return f"{found[0]:.4f} to {found[1]:.4f}" if found else "not measured"


def _utterances(metrics: Mapping[str, Any], split: str) -> str:
    return str(metrics.get("utterances", {}).get(split, ""))


def _data(provenance: Provenance) -> list[str]:
    data = provenance.configuration.get("data", {})
    lines = []
    for dataset in data.get("dataset_classes") or []:
        arguments = {
            key: value for key, value in (dataset.get("init_args") or {}).items() if value is not None
        }
        told = ", ".join(f"{key}: {_short(value)}" for key, value in arguments.items())
        lines.append(f"- `{dataset.get('class_path')}`" + (f" ({told})" if told else ""))
    for split, fingerprints in provenance.versions.get("data", {}).items():
        lines.append(f"- {split}: fingerprint {', '.join(value[:16] for value in fingerprints)}")
    return lines


def _short(value: object, limit: int = 80) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _phonemes(provenance: Provenance, vocabulary: Vocabulary) -> list[str]:
    packages = provenance.versions.get("packages", {})
    sources = label_sources(provenance.configuration.get("data", {}))
    lines = [f"{len(vocabulary.phonemes)} phonemes: {' '.join(vocabulary.phonemes)}"]
    return [*lines, "", *(source.told(packages) for source in sources)] if sources else lines


def _model(provenance: Provenance) -> list[str]:
    model, versions = provenance.configuration.get("model", {}), provenance.versions
    if not model:
        return []
    base = model.get("pretrained_name")
    packages = versions.get("packages", {})
    return [
        f"{model.get('network_name')}, "
        + (f"fine-tuned from {base}" if base else "trained from scratch")
        + ".",
        f"Trained with torch {packages.get('torch')}, transformers {packages.get('transformers')}, "
        f"revision {versions.get('revision')} of the training code.",
    ]


def _licences(provenance: Provenance, license_name: str | None) -> list[str]:
    base = provenance.configuration.get("model", {}).get("pretrained_name")
    sources = label_sources(provenance.configuration.get("data", {}))
    names = [source.dataset for source in sources]
    lines = [
        f"- These weights: {license_name}."
        if license_name
        else "- These weights: their maker has named no licence.",
        "- The code that trained them: MIT.",
    ]
    if base:
        lines.append(f"- They derive from {base}, whose licence applies.")
    if "CommonVoiceDataset" in names:
        lines.append("- Common Voice recordings: CC0-1.0; who uses them must not try to identify speakers.")
    if "TimitDataset" in names:
        lines.append("- TIMIT: licensed by the Linguistic Data Consortium.")
    if "SyntheticSpeechDataset" in names:
        lines.append("- Speech was made by espeak-ng (GPL-3.0 software, which is not part of this folder).")
    if any("espeak" in source.backends for source in sources):
        lines.append("- Labels made of texts: phonemizer and espeak-ng (GPL-3.0 software, not part of this).")
    return lines
