"""Every configuration file in ``config/`` is one that the command line accepts."""

from pathlib import Path

import pytest

from cli.run import run

ROOT = Path(__file__).parents[1]
WHOLE = ["config/config.yaml", "config/demo.yaml", "config/tuning/demo.yaml"]
PARTS = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.glob("config/**/*.yaml")
    if str(path.relative_to(ROOT)) not in WHOLE
)
REFERENCE = Path(__file__).parent / "reference.yaml"


def accepts(*files, command="fit"):
    arguments = [argument for file in files for argument in ("--config", str(file))]
    with pytest.raises(SystemExit) as end:
        run([command, *arguments, "--print_config"])
    return end.value.code == 0


@pytest.mark.parametrize("file", WHOLE)
def test_a_whole_configuration_is_accepted(file):
    assert accepts(ROOT / file)


@pytest.mark.parametrize("file", PARTS)
def test_a_part_is_accepted_on_top_of_the_flagship(file):
    assert accepts(ROOT / "config/config.yaml", ROOT / file)


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_a_configuration_as_users_write_it_is_accepted_by_every_command(command):
    """Anchors, merge keys, copies of the audio facts, components in lists, a search section."""
    assert accepts(REFERENCE, command=command)
