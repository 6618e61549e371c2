"""``reference``: writes the files that are generated from the parsers, signatures and docstrings."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.configuration.tool_parser import ToolParser
from cli.schema.completion import COMPLETION_FILE, completion_script
from cli.schema.reference_pages import COMMAND_PAGE, CONFIGURATION_PAGE, command_page, configuration_page
from cli.schema.schema_file import ROOT, SCHEMA_FILE

_DESCRIPTION = """Write the files again that are generated from the code: the schema of the configuration (for
editors and the first check), the tables of the reference, and bash's completion. With --check, name those
that are out of date; the exit status is 1 then."""


def run_reference(arguments: Sequence[str]) -> int:
    """Write all generated files, or name those that are out of date."""
    parser = ToolParser(prog="./run.sh reference", description=_DESCRIPTION)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, name the files that are out of date"
    )
    options = parser.parse_args(arguments)
    outdated = {path: text for path, text in generated_files().items() if _content(path) != text}
    for path, text in outdated.items():
        if not options.check:
            path.write_text(text, encoding="utf-8")
        verb = "is out of date" if options.check else "written"
        sys.stdout.write(f"{path.relative_to(ROOT)}: {verb}\n")
    return int(bool(outdated) and options.check)


def generated_files() -> dict[Path, str]:
    """Return the text of every generated file."""
    # Imported only now: it imports all that a configuration can name.
    from cli.schema.generator import build_schema

    schema = build_schema()
    return {
        SCHEMA_FILE: json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
        COMMAND_PAGE: command_page(_content(COMMAND_PAGE)),
        CONFIGURATION_PAGE: configuration_page(_content(CONFIGURATION_PAGE), schema),
        COMPLETION_FILE: completion_script(schema),
    }


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
