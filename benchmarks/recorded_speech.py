"""PER on recorded speech, per language: the demo, the starter, the recipe for one voice, and other programs.

    python benchmarks/recorded_speech.py --languages ru en es --programs

Fetches the telephone prompts, trains what is not trained yet, and prints a table. English is also folded to
39 phonemes for programs with another notation; ``--programs`` installs them into ``.venv-contenders``. The
processor time of each training is written to standard error.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile

from benchmarks.english_fold import fold_to_39
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.labels.reading import read_labels
from evaluation.error_counts import error_rate, phoneme_edits, total_edits
from evaluation.intervals import rate_interval
from inference import Recognizer, Transcript
from inference.acoustic_model import AcousticModel
from inference.decoding.kept_decoder import kept_decoder
from phonetics import WORD_DELIMITER

ROOT = Path(__file__).parents[1]
RECIPE = Path("config/recipes/one_voice.yaml")
PROMPTS = Path("data/telephone_prompts")
CONTENDERS = ROOT / ".venv-contenders"
PROGRAMS = {"hama": "hama==1.7.0", "pocketsphinx": "pocketsphinx==5.1.1"}
ESPEAK = {"en": "en-us", "fr": "fr-fr"}  # where the prompts' language has another name in espeak-ng


class TestClip(NamedTuple):
    """A recording and its phonemes."""

    audio: Path
    phonemes: list[str]


def main() -> None:
    """Train what is missing, recognise the test clips, and print the table."""
    options = _options()
    print("| language | clips | model | phonemes | PER | 95 % |\n|---|---|---|---|---|---|")
    for code in options.languages:
        clips = _test_clips(code)
        for name, train in MODELS.items():
            for search, found in _recognised(train(code), clips):
                _print_row(code, f"{name}{search}", clips, found)
                if code == "en":
                    _print_row(code, f"{name}{search}", clips, found, folded=True)
        if code == "en" and options.programs:
            for program in PROGRAMS:
                _print_row(code, PROGRAMS[program], clips, _of_program(program, clips), folded=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", nargs="+", default=["ru", "en", "es"])
    parser.add_argument("--programs", action="store_true", help="hama and pocketsphinx, too (English)")
    return parser.parse_args()


def _test_clips(code: str) -> list[TestClip]:
    fetch_prompts(code)
    data = CustomAudioDataset(
        ESPEAK.get(code, code), PROMPTS, allowed_extensions=[".flac"], validation_split=0.0
    )
    data.load_data()
    return [
        TestClip(Path(recording.audio), _without_boundaries(label.phonemes))
        for recording, label in zip(data.splits["test"], read_labels(data, "test"), strict=True)
        if label.phonemes and isinstance(recording.audio, Path)
    ]


def fetch_prompts(code: str) -> None:
    """Fetch the telephone prompts of a language unless they are there."""
    if not (PROMPTS / code).is_dir():
        run_program("corpus", "telephone-prompts", "--language", code)


def _without_boundaries(phonemes: Sequence[str]) -> list[str]:
    return [phoneme for phoneme in phonemes if phoneme != WORD_DELIMITER]


def trained_demo(code: str) -> Path:
    """Return the last checkpoint of the demo in a language; train it if it is not there."""
    name = f"recorded_demo_{code}"
    return _trained(
        name, "config/demo.yaml", "--data.language", ESPEAK.get(code, code), "--custom_folder_name", name
    )


def _starter(code: str) -> Path:
    return _trained(f"recorded_starter_{code}", str(starter_configuration(code)))


def starter_configuration(code: str) -> Path:
    """Return the configuration that ``start`` writes."""
    name, language = f"recorded_starter_{code}", ESPEAK.get(code, code)
    config = Path("data/starts") / name / "config.yaml"
    if not config.is_file():
        run_program("start", str(PROMPTS / code), "--language", language, "--name", name, "--device", "cpu")
    return config


def _voice(code: str) -> Path:
    name = f"recorded_voice_{code}"
    configuration = str(starter_configuration(code))
    return _trained(name, configuration, "--config", str(RECIPE), "--custom_folder_name", name)


MODELS = {"demo as it is": trained_demo, "starter's recipe": _starter, "recipe for one voice": _voice}


def _trained(name: str, *arguments: str) -> Path:
    """Return the last checkpoint of an experiment; train it if it is not there."""
    checkpoint = Path("experiments") / name / "checkpoints" / "last.ckpt"
    if not checkpoint.is_file():
        before = seconds_of_children()
        run_program("train", *arguments)
        print(f"{name}: {seconds_of_children() - before:.0f} s of processor time", file=sys.stderr)
    return checkpoint


def seconds_of_children() -> float:
    """Return the processor time of the programs that have ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_program(*arguments: str) -> None:
    """Run a command of this project; its output goes to standard error."""
    subprocess.run([sys.executable, "main.py", *arguments], cwd=ROOT, check=True, stdout=sys.stderr)


def _recognised(checkpoint: Path, clips: Sequence[TestClip]) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield what is recognised, without a search and with the one that the experiment has kept."""
    model = AcousticModel.from_checkpoint(checkpoint)
    for search, decoder in (("", None), (", search", kept_decoder(checkpoint.parents[1], model.vocabulary))):
        recognise = Recognizer(model, decoder)
        if decoder or not search:
            yield (
                search,
                [_phonemes(recognise(*soundfile.read(clip.audio, dtype="float32"))) for clip in clips],
            )


def _phonemes(transcript: Transcript) -> list[str]:
    return _without_boundaries([phoneme.symbol for phoneme in transcript.phonemes])


def _of_program(program: str, clips: Sequence[TestClip]) -> list[list[str]]:
    """Recognise with a program in a separate environment."""
    python = CONTENDERS / "bin" / "python"
    if not python.is_file():
        venv.create(CONTENDERS, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PROGRAMS.values()], check=True)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.wav" for number in range(len(clips))]
        for path, clip in zip(paths, clips, strict=True):
            samples, rate = soundfile.read(clip.audio, dtype="int16")
            soundfile.write(path, samples, rate, subtype="PCM_16")
        script = [str(python), str(ROOT / "benchmarks" / "recorded_contenders.py"), program]
        answer = subprocess.run(
            script, input="\n".join(map(str, paths)), capture_output=True, text=True, check=True
        )
    return [json.loads(line) for line in answer.stdout.splitlines()]


def _print_row(
    code: str, name: str, clips: Sequence[TestClip], found: Sequence[Sequence[str]], *, folded: bool = False
) -> None:
    fold = fold_to_39 if folded else list
    edits = [phoneme_edits(fold(clip.phonemes), fold(one)) for clip, one in zip(clips, found, strict=True)]
    interval = rate_interval([one.errors for one in edits], [one.reference_length for one in edits])
    spread = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}" if interval else "–"
    per = 100 * error_rate(total_edits(edits))
    print(
        f"| {code} | {len(clips)} | {name} | {'39' if folded else 'all'} | {per:.1f} % | {spread} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
