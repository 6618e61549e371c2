"""Evaluate an exported model from its folder, and fine-tune it with its head and with a new one.

    python benchmarks/hugging_face.py [demo]

The experiment is exported as a Hugging Face folder; a copy spells every phoneme with a name of ARPABET, and a
table maps these back. Both folders are evaluated over the experiment's test sentences: the error rates must
equal the checkpoint's to the last digit. Then the copy is fine-tuned twice for some steps over the training
sentences: with a new head, and with its own one (``map_vocabulary``). Prints two tables and the paired
difference; the exit status is 1 where error rates differ, or where the mapped head makes no fewer errors.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from evaluation.comparison import compare_analyses, difference_in_words  # noqa: E402 - the path above
from evaluation.error_analysis import SplitAnalysis, analyse  # noqa: E402
from evaluation.utterance_record import read_records  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
CONFIG = "config/demo.yaml"
ARPABET = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
)
SPECIAL = ("[PAD]", "[UNK]", "|")
RATE = "--model.optimizer.init_args.lr"
METRICS = ("test_raw_per", "test_per", "test_feature_error_rate", "test_loss")


def main() -> int:
    """Run all, print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(description="Evaluate and fine-tune an exported model.")
    parser.add_argument("experiment", nargs="?", default="demo", help="trained with config/demo.yaml")
    parser.add_argument("--steps", type=int, default=100, help="of fine-tuning")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folders = exported(options.experiment, place)
        equal = _evaluate(options.experiment, folders, place)
        return 0 if _fine_tune(folders["renamed"], place, options.steps) and equal else 1


def exported(experiment: str, place: Path) -> dict[str, Path]:
    """Export the experiment, and write a copy with renamed phonemes and its table."""
    plain, renamed = place / "plain", place / "renamed"
    _program("export", experiment, "--to", "hf", "--output", str(plain))
    shutil.copytree(plain, renamed)
    ids = json.loads((plain / "vocab.json").read_text(encoding="utf-8"))
    names = arpabet_names([token for token in ids if token not in SPECIAL])
    content = {names.get(token, token): number for token, number in ids.items()}
    (renamed / "vocab.json").write_text(json.dumps(content), encoding="utf-8")
    rows = "".join(f"{name}\t{phoneme}\n" for phoneme, name in names.items())
    (place / "names.tsv").write_text(rows, encoding="utf-8")
    return {"plain": plain, "renamed": renamed}


def arpabet_names(phonemes: Sequence[str]) -> dict[str, str]:
    """Give each phoneme a name of ARPABET, with a digit when the names are used up.

    >>> list(arpabet_names([str(number) for number in range(40)]).values())[::39]
    ['AA', 'AA1']
    """
    names = ARPABET.split()
    rounds = (divmod(place, len(names)) for place in range(len(phonemes)))
    return {phoneme: f"{names[at]}{turn or ''}" for phoneme, (turn, at) in zip(phonemes, rounds, strict=True)}


def _evaluate(experiment: str, folders: dict[str, Path], place: Path) -> bool:
    """Print the error rates of the checkpoint and of both folders; return whether they are equal."""
    found = {"the checkpoint itself": _metrics(ROOT / "experiments" / experiment)}
    for name, folder in folders.items():
        table = ("--model.symbol_map", str(place / "names.tsv")) if name == "renamed" else ()
        _program("test", "--config", CONFIG, "--model", str(folder), *table, *_written_to(place))
        found[name] = _metrics(place / "experiments" / f"{name}_demo_test")
    print("| model | raw PER | PER | feature error rate | loss |\n|---|---|---|---|---|")
    for name, metrics in found.items():
        print(f"| {name} | {' | '.join(str(metrics.get(key, '–')) for key in METRICS)} |", flush=True)
    return len({metrics["test_per"] for metrics in found.values()}) == 1


def _fine_tune(folder: Path, place: Path, steps: int) -> bool:
    """Print the error rates of both heads; return whether the mapped one makes fewer errors beyond chance."""
    start = ("--model.pretrained_name", str(folder), "--model.network_config", "null", RATE, "0.0005")
    mapped = ("--model.map_vocabulary", "true", "--model.symbol_map", str(place / "names.tsv"))
    print("\n| head | test PER |\n|---|---|")
    heads: list[SplitAnalysis] = []
    for name, more in (("new", ()), ("mapped", mapped)):
        run = ("--trainer.max_steps", str(steps), "--custom_folder_name", name)
        _program("fit", "--config", CONFIG, *start, *more, *run, *_written_to(place))
        heads.append(analyse("test", read_records(place / "experiments" / name / "utterances_test.jsonl")))
        print(f"| {name} | {heads[-1].phoneme_error_rate:.2%} |", flush=True)
    difference = compare_analyses(*heads).difference
    print(f"\n{difference_in_words('the new head', 'The mapped head', difference)}")
    return difference is not None and difference.high < 0


def _written_to(place: Path) -> Sequence[str]:
    return ("--trainer.default_root_dir", str(place))


def _metrics(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return content


def _program(*arguments: str) -> None:
    """Run a command of this project; its output goes to standard error."""
    subprocess.run([sys.executable, "main.py", *arguments], cwd=ROOT, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
