"""Compare what helps to learn from little speech, at equal processor time.

    python benchmarks/little_data.py --languages ru en es demo --minutes 10 --seeds 3

For each language, variant and seed, a network is trained on the telephone prompts as ``start`` configures it
(``demo``: as ``config/demo.yaml`` does), with one thread. A short calibration measures the processor time of
a variant's step; the number of steps follows from it, so that all variants have the same time. Test
utterances are decoded greedily and with a language model of the training labels.

Each finished run leaves a file in ``data/little_data``. The same command continues after an interruption;
``--table`` prints what there is and trains nothing.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.little_data_results import missing_runs, table  # noqa: E402
from benchmarks.little_data_variants import VARIANTS, variants_of  # noqa: E402

RESULTS = Path("data/little_data")


def main() -> int:
    """Finish the runs that are missing and print the table; return exit status 1 if a training has failed."""
    options = _options()
    folder = RESULTS / f"{options.minutes:g}min"
    languages = {code: variants_of(code, options.variants) for code in options.languages}
    failed = 0 if options.table else _finish(folder, languages, options.seeds, options.minutes)
    print(table(folder, languages, options.seeds))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", nargs="+", default=["ru", "en", "es"], help="of the prompts, or demo")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=3, help="runs of each variant")
    parser.add_argument("--minutes", type=float, default=10.0, help="processor time of the steps of a run")
    parser.add_argument("--table", action="store_true", help="print kept results and train nothing")
    return parser.parse_args()


def _finish(folder: Path, languages: Mapping[str, Sequence[str]], seeds: int, minutes: float) -> int:
    """Finish what is missing; a training that fails does not hold up the others. Return how many failed."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, here and in each training
    from benchmarks.little_data_runs import finish_run

    failed = 0
    for language, variant, seed in list(missing_runs(folder, languages, seeds)):
        try:
            finish_run(folder, language, variant, seed, minutes)
        except subprocess.CalledProcessError as error:
            failed += 1
            print(f"{language}, {variant}, seed {seed}: {error}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
