"""A search that cannot write its journal names its folder."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tuning import command


def test_an_error_of_the_journal_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")  # as Optuna's journal raises it

    monkeypatch.setattr(command.SearchPlan, "of", lambda _: SimpleNamespace(folder=Path("a/search")))
    monkeypatch.setattr(command, "ForkServer", lambda _: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(command, "_search", full)
    with pytest.raises(OSError, match="a/search") as error:
        command.run_search(None)
    assert error.value.filename == "a/search"
