"""What a configuration writes is what it reads back, also where a value has no form in YAML."""

from enum import Enum
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback

from cli.configuration.values.component_parser import ComponentParser, representable

TIMER = "lightning.pytorch.callbacks.Timer"


class Odd:
    """A value that only Python has."""

    def __str__(self) -> str:
        return "odd"


class Unit(Enum):
    STEP = 1


@pytest.fixture
def parser():
    parser = ComponentParser()
    parser.add_argument("--callbacks", type=list[Callback] | Callback | None)
    parser.add_argument("--anything", type=Any)
    return parser


@pytest.mark.parametrize("duration", ["00:00:10:00", {"minutes": 5}])
def test_a_timer_is_written_and_read_back(parser, duration):
    node = {"class_path": TIMER, "init_args": {"duration": duration}}
    written = parser.dump(parser.parse_object({"callbacks": [node]}))
    again = parser.parse_string(written)
    assert again.callbacks[0].init_args.duration == duration
    assert parser.instantiate_classes(again).callbacks[0].time_remaining() > 0


def test_what_cannot_be_written_is_a_text_and_keeps_nothing_else_unwritten(parser):
    settings = parser.parse_object({"callbacks": [{"class_path": TIMER}], "anything": None})
    settings.anything = {"odd": Odd(), "steps": [1, 2]}
    again = parser.parse_string(parser.dump(settings))
    assert "odd" in again.anything["odd"]
    assert again.anything["steps"] == [1, 2]
    assert again.callbacks[0].class_path == TIMER


def test_what_yaml_has_no_form_for():
    kind = f"{Odd.__module__}.Odd"
    assert representable({"odd": Odd(), "unit": Unit.STEP, "kind": Odd, "steps": (1, 2), "none": None}) == {
        **{"odd": "odd", "unit": "STEP", "kind": kind},
        **{"steps": [1, 2], "none": None},
    }
