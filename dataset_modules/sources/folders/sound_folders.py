"""The folders of recordings and of sounds; whether they are there is known without heavy imports."""

from collections.abc import Iterator, Mapping
from pathlib import Path

SOUND_ARGUMENTS = ("sounds_path", "ir_path")


def named_paths(arguments: Mapping[str, object]) -> Iterator[tuple[str, Path]]:
    """Yield the paths of sounds among a transform's arguments, each with its argument.

    >>> list(named_paths({"ir_path": ["rooms"], "p": 0.5}))
    [('ir_path', PosixPath('rooms'))]
    """
    for argument in SOUND_ARGUMENTS:
        value = arguments.get(argument)
        for path in value if isinstance(value, list | tuple) else [value] if value is not None else []:
            yield argument, Path(str(path))


def check_sounds_are_there(argument: str, path: Path) -> None:
    """Raise ``ValueError`` for a path where nothing is."""
    if not path.exists():
        raise ValueError(f"{argument} must be a folder of audio, or an audio file; {path} is not there")


def check_recordings_are_there(key: str, folder: Path) -> None:
    """Raise ``ValueError`` where the folder that a data set names in this key is none."""
    if not folder.is_dir():
        raise ValueError(
            f"CustomAudioDataset: {key} must be a folder of recordings, {folder} is not there; "
            f"put them there, or name the folder that has them"
        )
