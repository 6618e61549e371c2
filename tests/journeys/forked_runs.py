"""Runs of the command line in separate processes whose imports are paid for once.

As a program: reads jobs from standard input, a JSON list of ``[arguments, log file, environment]`` a line,
runs those of a line at once, and answers each line with their exit statuses.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What a run imports only when it needs it, too: seconds for each process otherwise.
PRELOADED = (
    *("callbacks", "cli.phoneme_cli", "dataset_modules.synthetic", "tests.journeys.step_ledger"),
    *("accelerate", "audiomentations", "lightning.pytorch.loggers", "pandas", "phonemizer.backend"),
    *("reports.experiment_page", "torch.utils.tensorboard", "torchaudio"),
    *(
        "transformers.models.wav2vec2.modeling_wav2vec2",
        "transformers.models.wav2vec2_bert.modeling_wav2vec2_bert",
    ),
)


class ForkedRuns:
    """The client: hands jobs to one process that forks for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def together(self, runs: Sequence[tuple[Sequence[str], Mapping[str, str]]]) -> list[tuple[int, str]]:
        """Run commands at once, each under its environment; return exit statuses and output."""
        jobs = []
        for arguments, environment in runs:
            self._number += 1
            log = self._folder / f"run_{self._number}.log"
            jobs.append([list(arguments), str(log), dict(environment)])
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        statuses = json.loads(self._process.stdout.readline())
        return [(status, Path(log).read_text()) for status, (_, log, _) in zip(statuses, jobs, strict=True)]

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run one command."""
        return self.together([(arguments, environment)])[0]

    def torchrun(self, size: int, *arguments: str) -> list[tuple[int, str]]:
        """Run one command in as many processes as torchrun would start on one machine."""
        return self.together([(arguments, environment) for environment in ranks_of(size, free_port())])

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)


def ranks_of(size: int, port: int) -> list[dict[str, str]]:
    """The environments of processes as torchrun would start them on one machine."""
    shared = {
        "TORCHELASTIC_RUN_ID": "none",
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _serve() -> None:
    import cli.run
    from tuning.trials.fork_server import ForkServer, Job

    server = ForkServer({"run": cli.run.run})
    server.preload(PRELOADED)
    for line in sys.stdin:
        jobs = [
            Job("run", arguments, Path(log), environment) for arguments, log, environment in json.loads(line)
        ]
        children = [server.start(job) for job in jobs]
        statuses: dict[int, int] = {}
        while len(statuses) < len(children):
            statuses |= server.ended(1.0)
        sys.stdout.write(json.dumps([statuses[child] for child in children]) + "\n")
        sys.stdout.flush()
    server.close()


if __name__ == "__main__":
    _serve()
