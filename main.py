"""``python main.py COMMAND --config CONFIG``: all of it without the shell script.

``cli/command_table.txt`` lists the commands; Lightning's names ``fit`` and ``validate`` are accepted, too.
"""

import sys
from typing import TYPE_CHECKING, NoReturn

from cli.environment_check import environment_faults
from stop_signals import Stopped, handled, leave, report

if TYPE_CHECKING:
    from cli.configuration.sections import SearchRequest, StudyRequest


def main(arguments: list[str] | None = None) -> int:
    """Check the environment, then hand over to the command line; returns the exit status."""
    try:
        with handled():
            if faults := environment_faults():
                sys.stderr.write("".join(f"environment: {fault}\n" for fault in faults))
                return 2
            # Imported only now: in a broken environment these imports end in a traceback.
            from cli.run import run

            return run(sys.argv[1:] if arguments is None else arguments, _start_search)
    except Stopped as stop:
        return report(stop)


def _start_search(request: "SearchRequest | StudyRequest") -> int:
    """Searches and studies drive the command line; it does not know them."""
    from cli.configuration.sections import StudyRequest
    from tuning.command import run_search
    from tuning.variants.study_command import run_study

    return run_study(request) if isinstance(request, StudyRequest) else run_search(request)


def command() -> NoReturn:
    """Run the program and end with its exit status, after a signal in any case: the console command, too."""
    leave(main())


if __name__ == "__main__":
    command()
