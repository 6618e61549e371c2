"""Common Voice: releases of several years and their archives, in the ways they are found and broken."""

import io
import tarfile
from pathlib import Path

import pytest
import soundfile

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.common_voice import CommonVoiceDataset
from dataset_modules.sources.common_voice_release import find_locale_folder, release_recordings, seconds_of
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sources.tsv import read_tsv
from phonetics import IpaNormaliser

SENTENCES = ("да нет", "мама мыла раму", '"Вот дом', "он сказал «нет»")
COLUMNS_OF_2019 = ["client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accent"]
COLUMNS_OF_2025 = [
    *("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes"),
    *("age", "gender", "accents", "variant", "locale", "segment"),
]
SPLITS = {"train.tsv": (0, 1, 2), "dev.tsv": (3,), "test.tsv": (0,)}


@pytest.fixture(scope="module")
def mp3s() -> list[bytes]:
    clips = [speak(sentence, VoiceSettings("ru"), IpaNormaliser()) for sentence in SENTENCES]
    return [mp3(clip.waveform, clip.sampling_rate) for clip in clips]


def mp3(waveform, sampling_rate) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, waveform, sampling_rate, format="MP3")
    return stream.getvalue()


def write_release(folder: Path, mp3s: list[bytes], columns: list[str] = COLUMNS_OF_2025) -> Path:
    (folder / "clips").mkdir(parents=True)
    for name, indices in SPLITS.items():
        rows = [row(name, index, columns) for index in indices]
        (folder / name).write_text("\n".join(["\t".join(columns), *rows, ""]), encoding="utf-8")
        for index in indices:
            (folder / "clips" / clip_name(name, index)).write_bytes(mp3s[index])
    return folder


def clip_name(table: str, index: int) -> str:
    return f"common_voice_ru_{table[:-4]}_{index}.mp3"


def row(table: str, index: int, columns: list[str]) -> str:
    cells = {
        **{"client_id": f"speaker-{table}-{index}", "path": clip_name(table, index)},
        **{"sentence": SENTENCES[index], "locale": "ru"},
    }
    return "\t".join(cells.get(column, "") for column in columns)


def append(table: Path, line: str) -> None:
    with table.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def dataset(name: Path | str, tmp_path: Path, **arguments) -> CommonVoiceDataset:
    made = CommonVoiceDataset("ru", tmp_path / "cache", dataset_name=str(name), **arguments)
    made.load_data()
    return made


def ids(recordings) -> list[str]:
    return [recording.id for recording in recordings]


def reasons(prepared) -> dict[str, str]:
    return {key: reason for key, _, reason in prepared.skipped()}


@pytest.mark.parametrize("columns", [COLUMNS_OF_2019, COLUMNS_OF_2025, COLUMNS_OF_2025[::-1]])
def test_clips_of_any_years_release_come_out_with_phonemes_and_speakers(mp3s, tmp_path, columns):
    release = write_release(tmp_path / "ru", mp3s, columns)
    prepared = dataset(release, tmp_path).prepare("train", AudioParams())
    clips = [prepared.clips[index] for index in range(len(prepared.clips))]
    assert not reasons(prepared)
    assert [clip.text for clip in clips] == list(SENTENCES[:3])
    assert clips[0].phonemes == ("d", "ɑ", "|", "nʲ", "e", "t")
    assert clips[0].speaker == "speaker-train.tsv-0"
    assert clips[0].language == "ru"
    assert 0.3 < len(clips[0].samples) / 16000 < 3


def test_a_lone_quote_swallows_no_rows(mp3s, tmp_path):
    release = write_release(tmp_path / "ru", mp3s)
    assert [recording.text for recording in release_recordings(release, "train")] == list(SENTENCES[:3])


@pytest.mark.parametrize("given", ["", "..", "../.."])
def test_the_locale_is_found_from_its_folder_the_release_and_the_folder_above(mp3s, tmp_path, given):
    release = write_release(tmp_path / "data" / "cv-corpus-24.0-2025-12-05" / "ru", mp3s)
    assert find_locale_folder((release / given).resolve(), ["ru"]) == release


def test_a_language_with_a_region_finds_the_locale_without_it(mp3s, tmp_path):
    release = write_release(tmp_path / "cv" / "en", mp3s)
    made = CommonVoiceDataset("en-us", tmp_path / "cache", dataset_name=str(release.parent))
    made.load_data()
    assert len(list(made.get_train_data())) == 3


def test_the_one_folder_that_fits_the_language_is_taken_and_several_are_named(mp3s, tmp_path, caplog):
    root = tmp_path / "cv-corpus-24.0"
    for name in ("sv-SE", "zh-CN", "zh-TW"):
        write_release(root / name, mp3s)
    table = root / "sv-SE" / "train.tsv"
    table.write_text(table.read_text().replace("\tru\t", "\tsv-SE\t"))
    made = CommonVoiceDataset("sv", tmp_path / "cache", dataset_name=str(root))
    made.load_data()
    assert len(list(made.get_train_data())) == 3
    assert "asked for is" not in caplog.text
    with pytest.raises(ValueError, match="locale must be one of zh-CN, zh-TW"):
        CommonVoiceDataset("cmn", tmp_path / "cache", dataset_name=str(root)).load_data()
    with pytest.raises(ValueError, match="no folder zh-HK that does"):
        CommonVoiceDataset("yue", tmp_path / "cache", dataset_name=str(root), locale="zh-HK").load_data()


def test_a_missing_clip_is_skipped_and_named(mp3s, tmp_path):
    release = write_release(tmp_path / "ru", mp3s)
    missing = clip_name("train.tsv", 1)
    (release / "clips" / missing).unlink()
    prepared = dataset(release, tmp_path, max_skipped_share=0.5).prepare("train", AudioParams())
    assert len(prepared.clips) == 2
    assert "no such file" in reasons(prepared).pop(missing)
    assert prepared.num_skipped == 1


def test_a_row_of_the_wrong_width_is_skipped_and_named_by_its_line(mp3s, tmp_path):
    release = write_release(tmp_path / "ru", mp3s)
    append(release / "train.tsv", "someone\tbroken.mp3\ta sentence cut")
    prepared = dataset(release, tmp_path, max_skipped_share=0.5).prepare("train", AudioParams())
    assert len(prepared.clips) == 3
    assert "13 cells" in reasons(prepared)["train.tsv:5"]


@pytest.mark.parametrize("path", ["../../secret.mp3", "/etc/passwd", "a\\b.mp3", "", "x" * 300])
def test_a_clip_path_that_is_no_plain_name_is_never_read(mp3s, tmp_path, path):
    release = write_release(tmp_path / "ru", mp3s)
    cells = {"client_id": "a", "path": path, "sentence": "да"}
    append(release / "train.tsv", "\t".join(cells.get(column, "") for column in COLUMNS_OF_2025))
    prepared = dataset(release, tmp_path, max_skipped_share=0.5).prepare("train", AudioParams())
    assert "path must be a file's name" in reasons(prepared)["train.tsv:5"]


def test_several_processes_prepare_the_same_clips(mp3s, tmp_path, monkeypatch):
    monkeypatch.setattr("dataset_modules.cache.clip_cache.RECORDINGS_PER_SHARD", 1)
    release = write_release(tmp_path / "ru", mp3s)
    append(release / "train.tsv", "too short")
    made = dataset(release, tmp_path, max_skipped_share=0.5)
    prepared = made.prepare("train", AudioParams(), num_proc=2)
    assert len(prepared.clips) == 3
    assert "train.tsv:5" in reasons(prepared)


def test_a_delta_release_is_refused_by_what_it_lacks(mp3s, tmp_path):
    release = write_release(tmp_path / "ru", mp3s)
    for name in SPLITS:
        (release / name).rename(release / f"validated_{name}")
    (release / "validated.tsv").touch()
    with pytest.raises(ValueError, match=r"lacks train.tsv, dev.tsv, test.tsv; delta releases"):
        dataset(release, tmp_path)


def test_a_missing_column_is_named(mp3s, tmp_path):
    release = write_release(tmp_path / "ru", mp3s, ["client_id", "path", "text"])
    with pytest.raises(ValueError, match=r"train.tsv: .* lacks \['sentence'\]"):
        dataset(release, tmp_path)


def test_another_languages_release_is_refused(mp3s, tmp_path):
    write_release(tmp_path / "cv" / "de", mp3s)
    with pytest.raises(ValueError, match="no folder ru that does"):
        dataset(tmp_path / "cv", tmp_path)


@pytest.mark.parametrize("name", ["data/cv-corpus-24.0/ru", "/nowhere/ru", "missing.tar.gz"])
def test_a_missing_path_says_where_releases_come_from(name, tmp_path):
    with pytest.raises(ValueError, match=r"dataset_name must exist.*datacollective\.mozillafoundation"):
        dataset(name, tmp_path)


def test_limits_take_the_same_clips_in_any_order_and_a_smaller_limit_some_of_a_larger(tmp_path):
    def taken(limit: float, numbers) -> set[str]:
        table = "".join(f"a\t{number}.mp3\tда\n" for number in numbers)
        for name in SPLITS:
            (tmp_path / name).write_text(f"client_id\tpath\tsentence\n{table}", encoding="utf-8")
        made = dataset(tmp_path, tmp_path, limit_train_data=limit)
        assert len(list(made.get_val_data())) == len(list(made.get_test_data())) == len(numbers)
        return set(ids(made.get_train_data()))

    half, quarter = taken(0.5, range(1000)), taken(0.25, range(1000))
    assert taken(0.5, range(999, -1, -1)) == half
    assert quarter < half
    assert 450 < len(half) < 550
    assert taken(0.0, range(1000)) == set()
    assert len(taken(1.0, range(1000))) == 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit_train_data": 1.5}, "CommonVoiceDataset: limit_train_data must be in 0…1, got 1.5"),
        ({"limit_val_data": -0.1}, "CommonVoiceDataset: limit_val_data must be in 0…1, got -0.1"),
        ({"dataset_name": ""}, "CommonVoiceDataset: dataset_name must be"),
        (
            {"download_mode": "again"},
            "CommonVoiceDataset: download_mode must be one of reuse_dataset_if_exists",
        ),
    ],
)
def test_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        CommonVoiceDataset("ru", **arguments)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("clip_durations.tsv", "clip\tduration[ms]\na.mp3\t1500\nb.mp3\t2500\nc.mp3\t9000\n"),
        ("times.txt", "clips/a.mp3\t1500\nclips/b.mp3\t2500\nclips/c.mp3\t9000\n"),
    ],
)
def test_lengths_come_from_the_releases_own_table(tmp_path, name, content):
    assert seconds_of(tmp_path, ["a.mp3", "b.mp3"]) is None
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert seconds_of(tmp_path, ["a.mp3", "b.mp3"]) == 4.0


def test_a_line_separator_inside_a_sentence_ends_no_row(tmp_path):
    (tmp_path / "a.tsv").write_bytes("path\tsentence\r\na\tone\u2028two\x0bthree\r\n\n".encode())
    rows = list(read_tsv(tmp_path / "a.tsv"))
    assert [row.cells for row in rows] == [{"path": "a", "sentence": "one\u2028two\x0bthree"}]


def test_a_table_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "a.tsv").write_bytes("path\tпуть\nпривет\tда\n".encode("cp1251"))
    with pytest.raises(ValueError, match=r"a\.tsv: must be a table in UTF-8"):
        list(read_tsv(tmp_path / "a.tsv"))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("sentence", "its text must be UTF-8"),
        ("client_id", "its speaker must be UTF-8"),
        ("path", "must be a file's"),
    ],
)
def test_a_bad_byte_costs_one_row(mp3s, tmp_path, column, reason):
    release = write_release(tmp_path / "ru", mp3s)
    table = release / "train.tsv"
    header, first, *others = table.read_bytes().split(b"\n")
    cells = dict(zip(header.split(b"\t"), first.split(b"\t"), strict=True))
    cells[column.encode()] += b"\xff"
    table.write_bytes(b"\n".join([header, b"\t".join(cells.values()), *others]))
    (release / "clip_durations.tsv").write_bytes(b"clip\tduration[ms]\n\xff.mp3\t1500\n")
    made = dataset(release, tmp_path, max_skipped_share=0.9)
    made.load_data()
    prepared = made.prepare("train", AudioParams())
    refused = [skipped.reason for skipped in prepared.skipped() if "must be" in skipped.reason]
    assert len(refused) == 1
    assert reason in refused[0]
    assert len(prepared.clips) > 0


def pack(release: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(release, "cv-corpus-24.0-2025-12-05/ru")
    return archive


def test_an_archive_is_unpacked_once_and_gives_the_same_clips_as_its_folder(mp3s, tmp_path, monkeypatch):
    release = write_release(tmp_path / "ru", mp3s)
    archive = pack(release, tmp_path / "cv-corpus-24.0-ru.tar.gz")
    packed = dataset(archive, tmp_path)
    assert ids(packed.get_train_data()) == ids(dataset(release, tmp_path).get_train_data())
    assert len(packed.prepare("train", AudioParams()).clips) == 3
    monkeypatch.setattr("tarfile.open", lambda *_: pytest.fail("unpacked again"))
    assert ids(dataset(archive, tmp_path).get_val_data()) == ids(packed.get_val_data())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../../escaped.txt", tarfile.REGTYPE),
        ("/escaped.txt", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("link", tarfile.LNKTYPE),
        ("pipe", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_that_leaves_its_folder_is_refused_and_leaves_nothing(name, kind, mp3s, tmp_path):
    archive = pack(write_release(tmp_path / "ru", mp3s), tmp_path / "bad.tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
        member.size = 4 if kind == tarfile.REGTYPE else 0
        tar.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(ValueError, match=r"bad\.tar\.gz: cannot be unpacked"):
        dataset(archive, tmp_path)
    assert not list(tmp_path.rglob("escaped.txt"))
    assert [path.suffix for path in (tmp_path / "cache" / "releases").iterdir()] == [".lock"]


def test_a_truncated_archive_is_refused_and_a_whole_one_taken_afterwards(mp3s, tmp_path):
    archive = pack(write_release(tmp_path / "ru", mp3s), tmp_path / "release.tar.gz")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is it whole"):
        dataset(archive, tmp_path)
    archive.write_bytes(whole)
    assert len(list(dataset(archive, tmp_path).get_train_data())) == 3
