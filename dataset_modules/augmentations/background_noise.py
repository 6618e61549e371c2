"""Background noise from ESC-50, or from any folder of audio.

ESC-50 may not be used commercially (CC BY-NC); its subset ESC-10 may (CC BY).
"""

import csv
import difflib
from collections.abc import Collection
from pathlib import Path

from audiomentations import AddBackgroundNoise

from untrusted.files import open_text

_NOISE_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".opus"})
# ESC-50's classes that sound like a voice: with them a model would learn to ignore voices.
VOICE_LIKE_CATEGORIES = frozenset({"breathing", "coughing", "crying_baby", "laughing", "sneezing", "snoring"})
_CATEGORY_FILE = Path("meta") / "esc50.csv"


class AddBackgroundNoiseWrapper(AddBackgroundNoise):
    """Background noise from an ESC-50 folder (without voice-like classes), or any folder of audio.

    Args:
        sounds_path: the folder of sounds; ``meta/esc50.csv`` in it gives each sound's category.
        min_snr_db: the smallest signal-to-noise ratio.
        max_snr_db: the largest signal-to-noise ratio.
        p: the probability of adding noise.
        exclude_categories: the categories of ESC-50 to leave out; null leaves out those that sound like a
            voice, an empty list leaves out none.
    """

    def __init__(
        self,
        sounds_path: str | Path,
        min_snr_db: float = 3.0,
        max_snr_db: float = 30.0,
        p: float = 0.5,
        exclude_categories: list[str] | None = None,
    ) -> None:
        files = noise_files(Path(sounds_path), exclude_categories)
        super().__init__(sounds_path=files, min_snr_db=min_snr_db, max_snr_db=max_snr_db, p=p)
        self.exclude_categories = exclude_categories


def noise_files(folder: Path, exclude_categories: Collection[str] | None = None) -> list[Path]:
    """Return a folder's noises, sorted; ESC-50's without the excluded (by default voice-like) categories."""
    if not folder.is_dir():
        raise ValueError(
            f"AddBackgroundNoiseWrapper: sounds_path must be a folder of audio, {folder} is not there"
        )
    if (folder / _CATEGORY_FILE).is_file():
        files = _of_other_categories(folder, exclude_categories)
    elif exclude_categories is not None:
        raise ValueError(
            f"AddBackgroundNoiseWrapper: exclude_categories needs ESC-50's {_CATEGORY_FILE}, "
            f"{folder} holds none"
        )
    else:
        files = [path for path in folder.rglob("*") if path.suffix.lower() in _NOISE_SUFFIXES]
    present = sorted(path for path in files if path.is_file())
    if not present:
        raise ValueError(f"AddBackgroundNoiseWrapper: sounds_path must hold audio files, {folder} holds none")
    return present


def _of_other_categories(folder: Path, exclude_categories: Collection[str] | None) -> list[Path]:
    """Return the files of ESC-50's table without the excluded categories."""
    with open_text(folder / _CATEGORY_FILE, newline="") as stream:
        rows = list(csv.DictReader(stream))
    known = sorted({row["category"] for row in rows})
    for name in exclude_categories or ():
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known, n=3)) or ", ".join(known)
            raise ValueError(
                f"AddBackgroundNoiseWrapper: exclude_categories must be among ESC-50's, got {name!r}; "
                f"nearest: {near}"
            )
    excluded = VOICE_LIKE_CATEGORIES if exclude_categories is None else set(exclude_categories)
    return [folder / "audio" / row["filename"] for row in rows if row["category"] not in excluded]
