import pytest

from tests.optim.optimizer_table import OPTIMIZERS


@pytest.fixture(params=OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def build(request):
    """Builds one of the optimizers: every test that asks for it runs over the whole table."""
    return request.param


@pytest.fixture(params=[True, False], ids=["multi-tensor", "single-tensor"])
def foreach(request):
    return request.param
