"""Stands in for the docker client: notes its arguments and plays an engine whose state is files in $ENGINE_FOLDER.

`info` present: an engine answers with its content. `image`: the image's label. `container`: state and label.
`busy`: something runs in the container. A command given to `exec` really runs, deaf to the client's signals.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

ENGINE = Path(os.environ["ENGINE_FOLDER"])
CONTAINER_ID = "0123abcd"


def note(words: list[str]) -> None:
    with Path(os.environ["RECORD"]).open("ab") as record:
        record.write(b"".join(word.encode() + b"\0" for word in [*words, "\1"]))


def show(name: str) -> int:
    file = ENGINE / name
    if not file.exists():
        return 1
    sys.stdout.write(file.read_text() + "\n")
    return 0


def label(arguments: list[str]) -> str:
    return arguments[arguments.index("--label") + 1].split("=", 1)[1]


def top() -> int:
    processes = ["PID", "1 docker-init", "7 sleep infinity"] + ["8 python"] * (ENGINE / "busy").exists()
    sys.stdout.write("\n".join(processes) + "\n")
    return 0


def set_state(state: str, recipe: str) -> int:
    (ENGINE / "container").write_text(f"{state} {recipe}")
    return 0


def execute(arguments: list[str]) -> int:
    """Run the command as the container would: its own session, signals as they are by default."""
    while arguments[0].startswith("-"):
        arguments.pop(0)
    if arguments.pop(0) != CONTAINER_ID:
        return 1
    inside = dict(os.environ, PATH=f"{ENGINE}/inside:{os.environ['PATH']}")

    def hear_signals() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = subprocess.Popen(arguments, env=inside, start_new_session=True, preexec_fn=hear_signals)
    status = command.wait()
    if 'exec "$@"' in arguments[2]:  # the note of its process id would go with the container
        Path(arguments[3]).unlink(missing_ok=True)
    return status if status >= 0 else 128 - status


def main(arguments: list[str]) -> int:
    note(["docker", *arguments])
    match arguments:
        case ["info", *_]:
            return show("info")
        case ["image", "inspect", *_]:
            return show("image")
        case ["build", *rest]:
            (ENGINE / "image").write_text(label(rest))
            return int(os.environ.get("BUILD_STATUS", "0"))
        case ["container", "inspect", "--format", "{{.Id}}", _]:
            sys.stdout.write(f"{CONTAINER_ID}\n")
            return 0
        case ["container", "inspect", *_]:
            return show("container")
        case ["container", "ls", *_]:
            show("retired")
            return 0
        case ["run", *rest]:
            return set_state("running", label(rest))
        case ["start", _]:
            return set_state("running", (ENGINE / "container").read_text().split(" ", 1)[1])
        case ["rm" | "rename", *_]:
            (ENGINE / "container").unlink()
            return 0
        case ["top", _]:
            return top()
        case ["exec", *rest]:
            return execute(rest)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
