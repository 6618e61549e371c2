"""Export a model: write the complete folder, or none."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from durable_files import named_in_errors
from inference.acoustic_model import AcousticModel
from inference.handover.huggingface import ExportError, save_huggingface
from inference.handover.model_card import Provenance, Target, model_card
from inference.handover.onnx_export import OnnxRecognizer, save_onnx
from inference.handover.parity import Parity, Utterance, compare
from inference.recognizer import Recognizer
from models.network.additions.extended_family import is_extended

CARD, PARITY = "README.md", "parity.json"


def export(
    model: AcousticModel,
    target: Target,
    folder: Path,
    provenance: Provenance,
    *,
    license_name: str | None = None,
    utterances: Iterable[Utterance] | None = None,
) -> Parity | None:
    """Write a model and its card into a new folder; compare it with the checkpoint, given utterances."""
    with new_folder(folder) as unfinished:
        if target == "hf":
            save_huggingface(model, unfinished)
        else:
            save_onnx(model, unfinished, int8=target == "onnx-int8")
        parity = check_parity(model, target, unfinished, utterances) if utterances is not None else None
        if parity:
            rates = {"checkpoint_per": parity.checkpoint_per, "export_per": parity.export_per}
            (unfinished / PARITY).write_text(json.dumps(parity._asdict() | rates, indent=1), encoding="utf-8")
        card = model_card(
            provenance,
            model.vocabulary,
            target,
            license_name=license_name,
            parity=parity,
            has_code=target == "hf" and is_extended(model.network.config),
        )
        (unfinished / CARD).write_text(card, encoding="utf-8")
    return parity


def check_parity(
    model: AcousticModel, target: Target, folder: Path, utterances: Iterable[Utterance]
) -> Parity:
    """Compare the written model with the checkpoint over utterances."""
    recognizer = Recognizer(model)
    rate = model.audio_params.sampling_rate

    def own(waveform: NDArray[np.float32]) -> list[str]:
        return [phoneme.symbol for phoneme in recognizer(waveform, rate).phonemes]

    trusts = is_extended(model.network.config)  # the code in the folder was written by this program
    other = pipeline_transcriber(folder, trusts_code=trusts) if target == "hf" else OnnxRecognizer(folder)
    return compare(utterances, own, other)


def pipeline_transcriber(
    folder: Path, *, trusts_code: bool = False
) -> Callable[[NDArray[np.float32]], list[str]]:
    """Open the folder with the pipeline of transformers; run code in it only where that is trusted."""
    from transformers import pipeline
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    recognise = pipeline(
        "automatic-speech-recognition", model=str(folder), device="cpu", trust_remote_code=trusts_code
    )
    return lambda waveform: recognise(waveform)["text"].split()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to write into, which gets its name once it is complete; an existing one stays."""
    if folder.exists():
        raise ExportError(f"export: the folder to write must be new, {folder} is there already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        unfinished.chmod(0o755)
        with named_in_errors(folder):
            yield unfinished
        os.rename(unfinished, folder)  # fails where another process was faster
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
