"""Time the preparation of a Common Voice release beside a bare loop; compare memory for ten times the clips.

Run: ``python benchmarks/preparation.py`` (``--clips 200`` for a quick look). espeak-ng speaks the release
once, as mp3 at 32 kHz, into ``data/benchmarks``; the release of ten times the clips has each under
ten names. The bare loop decodes and resamples the same files in as many processes, and keeps nothing.

Times: both in turn, several times; the ratio is the median of the pairs. Memory: the peak of the whole tree
of processes, by its proportional share of pages (PSS), imports included; measured in separate
processes, while preparing, and while an epoch is read through two loader workers.
"""

import argparse
import gc
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
TIMES, RATE, SEED = 10, 32000, 0
BOUND = 1.3
COLUMNS = ("client_id", "path", "sentence", "locale")


def make_release(folder: Path, num_clips: int, num_proc: int) -> Path:
    """Synthesise a release with ``num_clips`` in train, unless it is there."""
    from dataset_modules.sources.synthesis.sentences import distinct_sentences

    locale = folder / f"release-{num_clips}" / "ru"
    if (locale / "test.tsv").is_file():
        return locale
    (locale / "clips").mkdir(parents=True, exist_ok=True)
    sentences = distinct_sentences("ru", num_clips, SEED)
    tasks = [(locale / "clips" / f"clip_{i:06d}.mp3", text, i) for i, text in enumerate(sentences)]
    with multiprocessing.get_context("fork").Pool(num_proc) as pool:
        pool.starmap(_speak_to_file, tasks, chunksize=20)
    write_tables(locale, [(path.name, text) for path, text, _ in tasks])
    return locale


def _speak_to_file(path: Path, text: str, number: int) -> None:
    import soundfile
    import soxr

    from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
    from dataset_modules.synthetic import TRAIN_VOICES
    from phonetics import IpaNormaliser

    voice = VoiceSettings(f"ru+{TRAIN_VOICES[number % len(TRAIN_VOICES)]}")
    clip = speak(f"{text}, {text}", voice, IpaNormaliser())  # as long as Common Voice's sentences
    soundfile.write(path, soxr.resample(clip.waveform, clip.sampling_rate, RATE), RATE)


def write_tables(locale: Path, rows: list[tuple[str, str]]) -> None:
    """Write the tables of a release; every clip is in train. The last one, test.tsv, marks it as whole."""
    for split, own in (("train", rows), ("dev", []), ("test", [])):
        lines = ["\t".join(COLUMNS), *(f"speaker\t{name}\t{text}\tru" for name, text in own)]
        (locale / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def multiply_release(locale: Path, times: int) -> Path:
    """Link every clip of a release under several names."""
    longer = locale.parent.with_name(f"{locale.parent.name}-x{times}") / "ru"
    if (longer / "test.tsv").is_file():
        return longer
    (longer / "clips").mkdir(parents=True, exist_ok=True)
    rows = []
    table = (locale / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for line in table:
        _, name, text, _ = line.split("\t")
        for number in range(times):
            copy = longer / "clips" / f"{number}_{name}"
            if not copy.exists():
                os.link(locale / "clips" / name, copy)
            rows.append((copy.name, text))
    write_tables(longer, rows)
    return longer


def decode_and_resample(path: Path) -> int:
    """Do the minimum of any preparation."""
    import soundfile
    import soxr

    waveform, rate = soundfile.read(path, dtype="float32")
    return len(soxr.resample(waveform, rate, 16000))


def run_bare_loop(locale: Path, num_proc: int) -> float:
    """Return the seconds of the bare loop."""
    files = sorted((locale / "clips").iterdir())
    start = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(num_proc) as pool:
        sum(pool.imap_unordered(decode_and_resample, files, chunksize=64))
    return time.perf_counter() - start


def data_module(locale: Path, cache: Path, num_proc: int):  # noqa: ANN201 - imported late
    """Build the data section of a configuration over a release."""
    from dataset_modules.common_voice import CommonVoiceDataset
    from dataset_modules.datamodule import PhonemeDataModule

    dataset = CommonVoiceDataset("ru", cache, dataset_name=str(locale))
    vocabulary = ROOT / "dataset_modules/tokens/russian_phones.json"
    return PhonemeDataModule([dataset], vocabulary, batch_size=16, num_workers=2, num_proc=num_proc, seed=0)


def run_preparation(locale: Path, cache: Path, num_proc: int) -> float:
    """Return the seconds of preparing train anew, fingerprint included."""
    shutil.rmtree(cache, ignore_errors=True)
    data = data_module(locale, cache, num_proc)
    start = time.perf_counter()
    data.sources.prepare("train", data.audio_params, data.num_proc)
    return time.perf_counter() - start


def run_reading(locale: Path, cache: Path, num_proc: int) -> float:
    """Return the seconds of opening a prepared cache and reading an epoch of batches."""
    data = data_module(locale, cache, num_proc)
    start = time.perf_counter()
    data.setup("fit")
    batches = sum(len(batch.ids) for batch in data.train_dataloader())
    if batches != len(data.splits["train"]):
        raise RuntimeError(f"an epoch must have {len(data.splits['train'])} clips, it had {batches}")
    return time.perf_counter() - start


def tree_megabytes(pid: int) -> float:
    """Return the proportional share of memory of a process and its descendants."""
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(map(tree_megabytes, map(int, (task / "children").read_text().split())))
    except (OSError, ValueError):
        pass  # it ended meanwhile
    return total


def measure(job: str, locale: Path, cache: Path, num_proc: int) -> dict[str, float]:
    """Run a job in this process; return its seconds and the peak memory of its tree."""
    import dataset_modules.common_voice
    import dataset_modules.datamodule  # noqa: F401 - imports are no part of the time

    peak, done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, tree_megabytes(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    gc.collect()
    jobs = {"prepare": run_preparation, "read": run_reading}
    seconds = jobs[job](locale, cache, num_proc)
    done.set()
    watcher.join()
    return {"seconds": seconds, "peak_mb": peak}


def measured_apart(job: str, locale: Path, cache: Path, num_proc: int) -> dict[str, float]:
    """Run ``measure`` in a separate process."""
    command = [sys.executable, __file__, "--job", json.dumps([job, str(locale), str(cache), num_proc])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Make the releases, measure, and print the table with its bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--num_proc", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--times_only", action="store_true", help="leave the memory out")
    parser.add_argument("--folder", type=Path, default=ROOT / "data" / "benchmarks")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        job, locale, cache, num_proc = json.loads(arguments.job)
        print(json.dumps(measure(job, Path(locale), Path(cache), num_proc)))
        return
    folder, num_proc = arguments.folder, arguments.num_proc
    locale = make_release(folder, arguments.clips, num_proc)
    longer = multiply_release(locale, TIMES)

    import dataset_modules.common_voice
    import dataset_modules.datamodule  # noqa: F401 - both sides start from the same process

    pairs = [
        (run_bare_loop(locale, num_proc), run_preparation(locale, folder / "cache", num_proc))
        for _ in range(arguments.rounds)
    ]
    bare, ours = sorted(pairs, key=lambda pair: pair[1] / pair[0])[len(pairs) // 2]
    print(f"{arguments.clips} clips, {num_proc} processes, {len(pairs)} rounds")
    report("seconds, median pair", "bare loop", bare, "preparing", ours)
    if arguments.times_only:
        return
    caches = (folder / "cache", folder / f"cache-x{TIMES}")
    for job in ("prepare", "read"):
        short, long = (
            measured_apart(job, place, cache, num_proc)
            for place, cache in zip((locale, longer), caches, strict=True)
        )
        report(f"{job}: peak MB", f"{arguments.clips}", short["peak_mb"], f"x{TIMES}", long["peak_mb"])
        print(f"{'':26} {short['seconds']:.1f} s, {long['seconds']:.1f} s")


def report(what: str, first: str, before: float, second: str, after: float) -> None:
    """Print two values, their ratio, and whether it is within the bound."""
    ratio = after / before
    verdict = "ok" if ratio <= BOUND else "MISSED"
    print(
        f"{what:26} {first} {before:.1f}, {second} {after:.1f}: ratio {ratio:.2f} (bound {BOUND}: {verdict})"
    )


if __name__ == "__main__":
    main()
