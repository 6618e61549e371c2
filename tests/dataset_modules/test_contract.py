import pytest

from dataset_modules.contract import AudioParams


@pytest.mark.parametrize("rate", [0, -16000])
def test_sampling_rate_must_be_positive(rate: int) -> None:
    with pytest.raises(ValueError, match=f"sampling_rate must be positive, got {rate}"):
        AudioParams(sampling_rate=rate)


def test_only_one_channel_is_heard() -> None:
    with pytest.raises(ValueError, match="feature_size must be 1 .*, got 2"):
        AudioParams(feature_size=2)


def test_equal_facts_are_equal() -> None:
    assert AudioParams() == AudioParams(16000, 0.0, 1, None, True)
