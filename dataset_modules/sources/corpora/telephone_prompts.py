"""Telephone prompts: the Asterisk project's core sounds, as Debian packages them.

One professional speaker in each of five languages, about 500 prompts with their texts.
"""

import csv
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import soundfile

from dataset_modules.sources.corpora.debian_package import packaged_files, unpacked_text
from dataset_modules.sources.corpora.downloads import fetched, sha256_of
from dataset_modules.sources.corpora.g722 import SAMPLING_RATE, decode_g722
from dataset_modules.sources.corpora.prompt_transcripts import (
    Prompt,
    read_transcripts,
    splits_of,
    why_no_speech,
)
from dataset_modules.sources.manifest import CSV_MANIFEST

PUBLIC_MIRROR = "https://deb.debian.org/debian"  # the default; every Debian mirror has the same files
_POOL = "pool/main/a/asterisk-core-sounds"
_VERSION = "1.6.1-1"
ATTRIBUTION = "ATTRIBUTION.md"
_G722 = ".g722"
_LICENCES = ("copyright", "license", "credits")


class PromptSource(NamedTuple):
    """The speaker of a language and the checksums of its two packages."""

    speaker: str
    transcripts_sha256: str
    sounds_sha256: str


SOURCES: Mapping[str, PromptSource] = {
    "en": PromptSource(
        "Allison Smith",
        "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
        "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
    ),
    "es": PromptSource(
        "Allison Smith",
        "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74",
        "e4e3b4281057d3b81b779298fd6be705f57411513955c518eed1bcaabbd615b8",
    ),
    "fr": PromptSource(
        "June Wallack",
        "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056",
        "7add61d5e42279ecff1bbdf842a5a946ac3644fac9a0fe44384731aa7270c8e0",
    ),
    "it": PromptSource(
        "Carlo Flora",
        "3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b",
        "46b4cf7afc508a5fcfc051b7ea233251c0d195dd4ef83cc4b7facb4c6429b016",
    ),
    "ru": PromptSource(
        "Maxim Topal",
        "28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab",
        "673b4238a6b8269960f055d868c6a11083f7a0d00979167cb01554046b48ed9b",
    ),
}


class PackageFile(NamedTuple):
    """A package's file name and checksum."""

    name: str
    sha256: str

    def address(self, mirror: str) -> str:
        """Return where a mirror has it."""
        return f"{mirror.rstrip('/')}/{_POOL}/{self.name}"


class PromptFolder(NamedTuple):
    """What was written."""

    folder: Path
    seconds: float
    splits: Mapping[str, int]
    left_out: Mapping[str, int]  # by reason
    unverified: tuple[Path, ...] = ()


def packages_of(language: str) -> tuple[PackageFile, PackageFile]:
    """Return the package of the transcripts and that of the sounds."""
    source, stem = SOURCES[language], f"asterisk-core-sounds-{language}"
    return (
        PackageFile(f"{stem}_{_VERSION}_all.deb", source.transcripts_sha256),
        PackageFile(f"{stem}-g722_{_VERSION}_all.deb", source.sounds_sha256),
    )


def fetch_packages(language: str, mirror: str, folder: Path) -> list[Path]:
    """Return the two packages in a folder; those that are not there are fetched."""
    packages = packages_of(language)
    try:
        return [
            fetched(package.address(mirror), folder / package.name, package.sha256) for package in packages
        ]
    except ConnectionError as error:
        addresses = "\n".join(f"  {package.address(mirror)}" for package in packages)
        raise ConnectionError(
            f"{error}\nfetch these two files on another machine, or from another mirror (--mirror), and name "
            f"them with --files:\n{addresses}"
        ) from error


def write_prompts(language: str, files: Sequence[Path], folder: Path) -> PromptFolder:
    """Write the recordings of packages, their table and their licence into a new folder."""
    unverified = tuple(path for path in files if not _is_verified(language, path))
    contents = {name: content for path in files for name, content in packaged_files(path)}
    sounds = {name: content for path, content in contents.items() if (name := _prompt_name(path))}
    prompts = _transcripts(contents, language)
    reasons = {prompt.name: why_no_speech(prompt) or _why_missing(prompt, sounds) for prompt in prompts}
    spoken = [prompt for prompt in prompts if reasons[prompt.name] is None]
    if not spoken:
        raise ValueError(
            f"the files must hold sounds in G.722 and their texts, they hold {len(sounds)} and "
            f"{len(prompts)}; give the package of the transcripts and the one whose name has g722"
        )
    incomplete, replaced = (folder.with_name(f"{folder.name}.{end}") for end in ("incomplete", "replaced"))
    for left_over in (incomplete, replaced):
        shutil.rmtree(left_over, ignore_errors=True)
    seconds = _write_sounds(spoken, sounds, incomplete)
    splits = splits_of(spoken)
    _write_table(spoken, splits, SOURCES[language].speaker, incomplete)
    _write_licence(language, contents, incomplete)
    if folder.exists():  # half of it must not stay under its name where this is interrupted
        folder.rename(replaced)
    incomplete.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
    left_out = Counter(reason for reason in reasons.values() if reason)
    return PromptFolder(folder, seconds, Counter(splits.values()), left_out, unverified)


def _is_verified(language: str, path: Path) -> bool:
    """Check a file whose checksum is known; return whether it is."""
    known = {package.name: package.sha256 for package in packages_of(language)}
    if path.name in known and sha256_of(path) != known[path.name]:
        raise ValueError(f"{path}: its SHA-256 must be {known[path.name]}; it is damaged, or another file")
    return path.name in known


def _prompt_name(path: str) -> str | None:
    """Return a sound's name below the folder of its voice.

    >>> _prompt_name("./usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU/digits/1.g722")
    'digits/1'
    """
    parts = PurePosixPath(path).parts
    if not path.endswith(_G722):
        return None
    below = parts[parts.index("sounds") + 2 :] if "sounds" in parts else parts
    return "/".join(below).removesuffix(_G722)


def _transcripts(contents: Mapping[str, bytes], language: str) -> list[Prompt]:
    name = f"core-sounds-{language}.txt"
    for path, content in contents.items():
        if PurePosixPath(path).name in (name, f"{name}.gz"):
            return read_transcripts(unpacked_text(content, path) if path.endswith(".gz") else content)
    return []


def _why_missing(prompt: Prompt, sounds: Mapping[str, bytes]) -> str | None:
    return None if sounds.get(prompt.name) else "no recording"


def _write_sounds(prompts: Sequence[Prompt], sounds: Mapping[str, bytes], folder: Path) -> float:
    """Write FLAC files; return their seconds."""
    total = 0
    for prompt in prompts:
        samples = decode_g722(sounds[prompt.name])
        path = folder / _file_name(prompt)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, SAMPLING_RATE, subtype="PCM_16")
        total += len(samples)
    return total / SAMPLING_RATE


def _file_name(prompt: Prompt) -> str:
    return f"{prompt.name}.flac"


def _write_table(prompts: Sequence[Prompt], splits: Mapping[str, str], speaker: str, folder: Path) -> None:
    with (folder / CSV_MANIFEST).open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("file_name", "text", "speaker", "split"))
        table.writerows((_file_name(prompt), prompt.text, speaker, splits[prompt.name]) for prompt in prompts)


def _write_licence(language: str, contents: Mapping[str, bytes], folder: Path) -> None:
    written: list[str] = []
    for path, content in contents.items():
        name = PurePosixPath(path).name
        if name.lower().startswith(_LICENCES) and name not in written:
            (folder / f"{name}.txt").write_bytes(content)
            written.append(name)
    kept = ", ".join(f"`{name}.txt`" for name in written) or "no licence file (the packages hold none)"
    (folder / ATTRIBUTION).write_text(
        f"""# Telephone prompts ({language})

Core sounds of the Asterisk project (https://www.asterisk.org), spoken by {SOURCES[language].speaker}, from
the Debian packages `asterisk-core-sounds-{language}` and `asterisk-core-sounds-{language}-g722` {_VERSION}.

Licence: Creative Commons Attribution-ShareAlike 3.0, https://creativecommons.org/licenses/by-sa/3.0/;
Debian's copyright file lists the Russian and Italian sounds under CC BY 3.0. Beside this file: {kept}.

Changes: decoded from G.722 to FLAC; prompts without speech, or whose text has digits or brackets or has lost
letters, left out; the column `split` added.
""",
        encoding="utf-8",
    )
