"""The name of an experiment is a name: no configuration leaves ``experiments/`` by it."""

import pytest

from experiment.errors import ConfigError
from experiment.folder import check_name

ESCAPING = [
    "../../escaped",
    "/tmp/escaped",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\x1b[2Jb",
    "-a",
    "a" * 256,
]
ESCAPING += [
    "../trials/0001/run",
    "../x/trials/0001/run",
    "x/trials/../run",
    "x/trials/1/run/..",
    "gpj.\u202egnp",
]


@pytest.mark.parametrize("name", ESCAPING)
def test_no_other_folder(name):
    with pytest.raises(ConfigError, match="custom_folder_name must be the name of one folder") as refusal:
        check_name("custom_folder_name", name)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "name", ["demo", "мост 2", "a.b", ".hidden", "wav2vec2_lr=1e-4", "study/trials/0003/run"]
)
def test_names(name):
    check_name("custom_folder_name", name)
