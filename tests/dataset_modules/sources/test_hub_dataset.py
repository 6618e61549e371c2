"""Common Voice from the hub: loaded through ``datasets`` from files on disk; no network."""

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.common_voice import CommonVoiceDataset
from dataset_modules.labels.reading import read_labels
from dataset_modules.sources.hub_dataset import HubClip
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from phonetics import IpaNormaliser

NAME = "someone/common_voice"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A hub repository as it lies on disk: one configuration, parquet files, audio as bytes."""
    folder = tmp_path_factory.mktemp("repository")
    clip = speak("да нет", VoiceSettings("ru"), IpaNormaliser())
    soundfile.write(folder / "clip.mp3", clip.waveform, clip.sampling_rate)
    encoded = (folder / "clip.mp3").read_bytes()
    (folder / "clip.mp3").unlink()
    for split, count in (("train", 3), ("validation", 1)):
        rows = [row(split, index, encoded if index < 2 else b"no audio") for index in range(count)]
        table = pa.Table.from_pylist(rows).replace_schema_metadata(audio_feature())
        pq.write_table(table, folder / f"{split}.parquet")
    files = "\n".join(f"  - split: {name}\n    path: {name}.parquet" for name in ("train", "validation"))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: ru\n  data_files:\n{files}\n---\n")
    return folder


def row(split: str, index: int, encoded: bytes) -> dict:
    audio = {"bytes": encoded, "path": f"{split}_{index}.mp3"}
    return {
        "client_id": f"speaker-{index}",
        "path": f"{split}_{index}.mp3",
        "audio": audio,
        "sentence": "да нет",
    }


def audio_feature() -> dict[str, str]:
    features = datasets.Features(
        {
            **{name: datasets.Value("string") for name in ("client_id", "path")},
            **{"audio": datasets.Audio(), "sentence": datasets.Value("string")},
        }
    )
    return dict(features.arrow_schema.metadata)


@pytest.fixture
def hub(repository, tmp_path, monkeypatch):
    """Calls of ``load_dataset``, which read the folder instead of the hub."""
    calls = []
    load = datasets.load_dataset

    def redirected(name, configuration, **options):
        calls.append((name, configuration, options))
        return load(str(repository), configuration, cache_dir=str(tmp_path / "hf"), **options)

    monkeypatch.setattr(datasets, "load_dataset", redirected)
    return calls


def dataset(tmp_path, language="ru", **arguments) -> CommonVoiceDataset:
    return CommonVoiceDataset(language, tmp_path / "cache", dataset_name=NAME, **arguments)


def test_clips_come_out_and_undecodable_ones_are_named(hub, tmp_path):
    made = dataset(tmp_path, max_skipped_share=0.5)
    made.load_data()
    prepared = made.prepare("train", AudioParams())
    assert [prepared.clips[index].id for index in range(2)] == ["train_0.mp3", "train_1.mp3"]
    assert prepared.clips[0].phonemes == ("d", "ɑ", "|", "nʲ", "e", "t")
    assert prepared.clips[1].speaker == "speaker-1"
    assert "cannot be decoded" in {key: reason for key, _, reason in prepared.skipped()}["train_2.mp3"]


def test_a_split_that_is_not_there_is_empty(hub, tmp_path):
    made = dataset(tmp_path)
    made.load_data()
    assert list(made.get_test_data()) == []
    assert len(list(made.get_val_data())) == 1


def test_the_cache_is_found_again_by_another_load(hub, tmp_path):
    fingerprints = set()
    for _ in range(2):
        made = dataset(tmp_path, max_skipped_share=0.5)
        made.load_data()
        fingerprints.add(made.prepare("train", AudioParams()).fingerprint)
    assert len(fingerprints) == 1


def test_several_processes_decode_the_same_rows(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("dataset_modules.cache.clip_cache.RECORDINGS_PER_SHARD", 1)
    made = dataset(tmp_path, max_skipped_share=0.5)
    made.load_data()
    assert len(made.prepare("train", AudioParams(), num_proc=2).clips) == 2


def test_token_and_download_mode_are_passed_on_and_the_hub_is_asked_once(hub, tmp_path):
    made = dataset(tmp_path, use_auth_token="secret", download_mode="reuse_cache_if_exists")
    made.load_data()
    made.load_data()
    assert hub == [(NAME, "ru", {"token": "secret", "download_mode": "reuse_cache_if_exists"})]


def test_only_the_first_process_of_a_machine_downloads_anew(hub, tmp_path, monkeypatch):
    for rank in ("0", "1"):
        monkeypatch.setenv("LOCAL_RANK", rank)
        dataset(tmp_path, download_mode="force_redownload").load_data()
    modes = [options["download_mode"] for _, _, options in hub]
    assert modes == ["force_redownload", "reuse_dataset_if_exists"]


def test_a_language_that_is_not_there_is_named_with_those_that_are(hub, tmp_path):
    with pytest.raises(ValueError, match=r"cannot be loaded for language en-us or en: .*'ru'"):
        dataset(tmp_path, language="en-us").load_data()


def test_a_data_set_without_sentences_is_refused_by_its_columns(tmp_path, monkeypatch):
    rows = datasets.Dataset.from_dict({"audio": ["a.wav"], "label": [1]})
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict(train=rows))
    with pytest.raises(ValueError, match="one of sentence, text, transcription, it has audio, label"):
        dataset(tmp_path).load_data()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Dataset scripts are no longer supported, but found x.py"), "is a loading script"),
        (datasets.data_files.EmptyDatasetError("no data files"), "data files were taken away"),
        (datasets.exceptions.DatasetNotFoundError("doesn't exist"), "is neither a folder here nor"),
        (ConnectionError("Couldn't reach the hub"), "Couldn't reach the hub"),
    ],
)
def test_what_cannot_be_loaded_says_why_and_names_the_way_out(error, reason, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(ValueError, match=rf"(?s){reason}.*Mozilla Data Collective.*dataset_name"):
        CommonVoiceDataset("ru", tmp_path / "cache").load_data()


def test_labels_are_read_without_decoding(hub, tmp_path, monkeypatch):
    made = dataset(tmp_path)
    made.load_data()
    monkeypatch.setattr(HubClip, "read", lambda clip: pytest.fail("it was decoded"))
    assert [label.phonemes for label in read_labels(made, "val")] == [("d", "ɑ", "|", "nʲ", "e", "t")]
