"""Commands import only what they need: a help, a report or a list of phonemes does not wait for torch."""

import subprocess
import sys

import pytest

from cli.schema.schema_file import ROOT

TRAINING = {"lightning", "transformers", "datasets", "audiomentations", "librosa", "torchmetrics", "torch"}
ARRAYS = {"numpy", "scipy", "matplotlib", "pyarrow", "soundfile"}


def imported(code: str) -> set[str]:
    """The packages that a new process has imported after some code."""
    ending = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def command(*words: str) -> str:
    return f"""
from cli.run import run
try:
    run({list(words)!r})
except SystemExit:
    pass"""


@pytest.mark.parametrize(
    "words",
    [
        *(
            [name, "--help"]
            for name in ("report", "vocabulary", "transcribe", "export", "lm", "train", "doctor")
        ),
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_answers_import_nothing_heavy(words):
    assert imported(command(*words)) & (TRAINING | ARRAYS) == set()


def test_a_vocabulary_of_vocabularies_imports_nothing_heavy(tmp_path):
    tokens = "dataset_modules/tokens"
    files = [f"{tokens}/german_phones.json", f"{tokens}/english_phones.json"]
    words = ["vocabulary", "merge", *files, "--output", str(tmp_path / "merged.json")]
    assert imported(command(*words)) & (TRAINING | ARRAYS) == set()
    assert (tmp_path / "merged.json").is_file()


def test_a_language_model_of_labels_imports_no_torch(tmp_path):
    (tmp_path / "labels.txt").write_text("a b a\nb a\n")
    words = ["lm", "--labels", str(tmp_path / "labels.txt"), "--output", str(tmp_path / "lm.arpa")]
    assert imported(command(*words)) & TRAINING == set()
    assert (tmp_path / "lm.arpa").is_file()


@pytest.mark.parametrize(
    "modules",
    [
        "experiment.contents, reports.experiment_page, reports.comparisons.comparison_page",
        "cli.configuration.configured_datasets",
        "cli.configuration.tool_parser",
    ],
)
def test_reports_and_labels_of_data_sets_need_no_torch(modules):
    assert imported(f"import {modules}") & TRAINING == set()


def test_transcribing_needs_torch_but_nothing_of_training():
    code = "import inference, inference.acoustic_model, inference.decoding.beam_search"
    assert imported(code) & TRAINING == {"torch"}
