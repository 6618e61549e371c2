"""``python main.py COMMAND --config CONFIG``: all of it without the shell script.

Commands are Lightning's ``fit``, ``validate``, ``test``, ``predict``, and ``doctor``.
"""

import sys

from environment_check import environment_faults


def main(arguments: list[str] | None = None) -> int:
    """Check the environment, then hand over to the command line; returns the exit status."""
    faults = environment_faults()
    if faults:
        sys.stderr.write("".join(f"environment: {fault}\n" for fault in faults))
        return 2
    # Imported only now: in a broken environment these imports end in a traceback.
    from cli.run import run

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
