"""What the processes of one run must agree on although each of them parses the command line anew."""

import os

FOLDER_VARIABLE = "PHONEME_EXPERIMENT_FOLDER"
SEED_VARIABLE = "PHONEME_RUN_SEED"


def told_by_first_process(variable: str) -> str | None:
    """What the process that started this one has settled; None in that process itself."""
    return os.environ.get(variable) if int(os.environ.get("LOCAL_RANK", "0")) > 0 else None


def tell_other_processes(variable: str, value: object) -> None:
    """Settle something for the processes that this one will start."""
    os.environ[variable] = str(value)
