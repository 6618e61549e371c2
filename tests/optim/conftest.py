import pytest

from optim.autosgm import optimizer as autosgm
from tests.optim.optimizer_table import OPTIMIZERS


@pytest.fixture(params=OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def build(request):
    """Builds one of the optimizers: every test that asks for it runs over the whole table."""
    return request.param


@pytest.fixture(params=[True, False], ids=["compiled-loops", "torch-operations"])
def loops(request, monkeypatch):
    """Whether AutoSGM's compiled loops do the multi-tensor path on a processor."""
    if not request.param:
        monkeypatch.setattr(autosgm, "HAS_NUMBA", False)
    return request.param


PATHS = {"compiled-loops": (True, True), "torch-operations": (True, False), "single-tensor": (False, False)}


@pytest.fixture(params=PATHS.values(), ids=PATHS.keys())
def foreach(request, monkeypatch):
    """The optimizers' own switch; multi-tensor paths run with and without compiled loops."""
    foreach, loops = request.param
    if not loops:
        monkeypatch.setattr(autosgm, "HAS_NUMBA", False)
    return foreach
