"""The audio format of a model, from either file of its feature extractor."""

import json

import pytest

from models.huggingface.source import _audio_params


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("preprocessor_config.json", {"sampling_rate": 8000, "do_normalize": False}),
        ("processor_config.json", {"feature_extractor": {"sampling_rate": 8000, "do_normalize": False}}),
    ],
)
def test_the_audio_format_is_read_and_each_file_is_looked_for_once(tmp_path, name, content):
    (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    asked = []

    def find(file):
        asked.append(file)  # on the hub, each time is a request
        return tmp_path / file if file == name else None

    audio = _audio_params(find)
    assert (audio.sampling_rate, audio.do_normalize) == (8000, False)
    assert asked == ["preprocessor_config.json", "processor_config.json"]
