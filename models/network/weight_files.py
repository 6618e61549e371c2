"""Whether weights lie where a configuration names them: known without torch, and so before it is imported."""

import zipfile
from pathlib import Path
from typing import Any

from untrusted.files import FileError
from untrusted.json_text import read_json
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform

_PRETRAINED_FILES = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)


def why_no_checkpoint(path: Path) -> str:
    """Return why a path is no file to read a checkpoint from; empty where it is one.

    >>> why_no_checkpoint(Path("nowhere.ckpt"))
    'ckpt_path must be a checkpoint file, nowhere.ckpt is not there'
    """
    if ":/" in str(path):  # a path swallows one of a URL's two slashes
        return f"ckpt_path must be a file on this machine, got {path}; download it first"
    if path.is_dir():
        return (
            f"ckpt_path must be a checkpoint file, {path} is a folder without a best checkpoint; a Hugging "
            f"Face model is evaluated with --model {path}, and fine-tuned with --model.pretrained_name {path}"
        )
    if not path.is_file():
        return f"ckpt_path must be a checkpoint file, {path} is not there"
    is_other = path.suffix != ".ckpt" and not zipfile.is_zipfile(path)
    return f"ckpt_path must be a checkpoint file, {path} is none" if is_other else ""


def check_pretrained_folder(name: str) -> None:
    """Refuse a path where no folder is, and a folder without weights; names of the hub pass.

    >>> check_pretrained_folder("./nowhere")
    Traceback (most recent call last):
    ValueError: model: pretrained_name looks like a path, but nowhere is not a folder
    """
    folder = Path(name)
    if folder.is_file() or folder.suffix == ".ckpt":
        raise ValueError(
            f"model: pretrained_name must be a folder or a model of the hub, not the file {folder}; to start "
            f"from a checkpoint, give --ckpt_path {folder} --only_weights_load true"
        )
    is_below = "/" in name and folder.parent.is_dir()  # data/NAME
    if not folder.is_dir() and (folder.is_absolute() or name.startswith((".", "~")) or is_below):
        hint = "; write ~ out" if name.startswith("~") else ""
        raise ValueError(f"model: pretrained_name looks like a path, but {folder} is not a folder{hint}")
    if folder.is_dir() and not any((folder / file).is_file() for file in _PRETRAINED_FILES):
        raise ValueError(
            f"model: pretrained_name is a folder, it must hold {_PRETRAINED_FILES[0]}; {folder} does not"
        )
    for index in (folder / file for file in _PRETRAINED_FILES if file.endswith(".index.json")):
        if index.is_file():
            _check_index(index)


def _check_index(index: Path) -> None:
    """Refuse a list of weights by file that names files elsewhere."""
    try:
        files = read_json(index, dict[str, Any]).get("weight_map")
        names = set(conform(files, dict[str, str], "weight_map").values())
    except (FileError, ShapeError) as error:
        raise ValueError(f"model: pretrained_name: {printable(index)} lists no weights: {error}") from error
    if outside := [name for name in names if Path(name).name != name or _is_no_file(index.parent / name)]:
        named = printable(outside[0], most_characters=80)
        raise ValueError(f"model: pretrained_name: {printable(index)} must name files beside it, got {named}")


def _is_no_file(path: Path) -> bool:
    """Return whether a pipe or a device is in the place of a file; it would block."""
    return path.exists() and not path.is_file()
