"""Mozilla Common Voice: a release on disk (a folder or its archive), or a data set of the hub."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from dataset_modules.base_dataset import SPLITS, ListedDataset, Split
from dataset_modules.recording import Recording
from dataset_modules.sources.common_voice_release import (
    find_locale_folder,
    is_archive,
    release_recordings,
    seconds_of,
    stated_locale,
    unpacked,
)
from dataset_modules.sources.hub_dataset import RELEASE_ADVICE, DownloadMode, load_hub_splits
from dataset_modules.sources.packed_recordings import PackedRecordings
from dataset_modules.sources.shares import check_share, in_share
from phonetics.languages import locales_of

log = logging.getLogger(__name__)

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class CommonVoiceDataset(ListedDataset):
    """Sentences read aloud by volunteers, in Common Voice's splits.

    Args:
        language: the recordings' language; null takes the data section's.
        cache_dir: the folder that keeps prepared clips and unpacked archives.
        limit_train_data: the share of the training split to use; always the same clips.
        limit_val_data: the share of the validation split to use.
        use_auth_token: a hub token, or true for that of ``hf auth login``.
        dataset_name: the folder or the .tar.gz of a release, or a hub id.
        download_mode: whether a hub download reuses an earlier one.
        locale: the release's name of the language, where several fit it, such as zh-CN and zh-TW; null takes
            the one that fits.
        options: the further arguments of ``BaseDataset``.
    """

    def __init__(
        self,
        language: str | None = None,
        cache_dir: str | Path = "./data/cache",
        limit_train_data: float = 1.0,
        limit_val_data: float = 1.0,
        use_auth_token: bool | str = False,
        dataset_name: str = "mozilla-foundation/common_voice_13_0",
        download_mode: DownloadMode = "reuse_dataset_if_exists",
        locale: str | None = None,
        **options: Any,  # noqa: ANN401 - jsonargparse reads these from BaseDataset and checks their types
    ) -> None:
        super().__init__(cache_dir, language, **options)
        check_share("CommonVoiceDataset", limit_train_data=limit_train_data, limit_val_data=limit_val_data)
        if not dataset_name:
            raise ValueError(
                "CommonVoiceDataset: dataset_name must be a folder, a .tar.gz or a hub id, got nothing"
            )
        if download_mode not in get_args(DownloadMode):
            raise ValueError(
                f"CommonVoiceDataset: download_mode must be one of {', '.join(get_args(DownloadMode))}, "
                f"got {download_mode!r}"
            )
        self.limits: dict[Split, float] = {"train": limit_train_data, "val": limit_val_data, "test": 1.0}
        self.use_auth_token = use_auth_token
        self.dataset_name = dataset_name
        self.download_mode = download_mode
        self.locale = locale

    def load_data(self, create_dataset: bool = False) -> None:
        """Read the tables once; the cache reads the audio later."""
        if self.splits:
            return
        splits = (
            self._release_splits()
            if self._is_on_disk()
            else load_hub_splits(self.dataset_name, self._locales(), self.use_auth_token, self.download_mode)
        )
        # A share is chosen by name, so that neither order nor additions change the choice.
        self.splits = {
            split: PackedRecordings(recording for recording in splits[split] if in_share(recording.id, limit))
            for split, limit in self.limits.items()
        }

    def _is_on_disk(self) -> bool:
        """Return whether the name is an existing path; a missing one must have the form of a hub id."""
        path = Path(self.dataset_name).expanduser()
        if path.is_dir() or (is_archive(self.dataset_name) and path.is_file()):
            return True
        if is_archive(self.dataset_name) or not _HUB_ID.fullmatch(self.dataset_name):
            raise ValueError(
                f"CommonVoiceDataset: dataset_name must exist, {path} does not. {RELEASE_ADVICE}"
            )
        return False

    def _locales(self) -> list[str]:
        if self.locale is not None:
            return [self.locale]
        if self.language is None:
            raise ValueError("CommonVoiceDataset: language must be given, such as ru or en-us")
        return list(dict.fromkeys((self.language, self.language.split("-")[0])))

    def _release_splits(self) -> Mapping[Split, Sequence[Recording]]:
        path = Path(self.dataset_name).expanduser()
        root = unpacked(path, self.cache_dir / "releases") if path.is_file() else path
        locales = self._locales()
        folder = find_locale_folder(root, locales)
        stated = stated_locale(folder)
        if stated and stated not in locales and not locales_of(locales[0], [stated]):
            log.warning(
                "CommonVoiceDataset: %s holds recordings in %s, asked for is %s", folder, stated, locales[0]
            )
        splits = {split: PackedRecordings(release_recordings(folder, split)) for split in SPLITS}
        for split, recordings in splits.items():
            seconds = seconds_of(folder, (recording.id for recording in recordings))
            length = "" if seconds is None else f", {seconds / 3600:.2f} h"
            log.info("%s: %s: %d recordings%s", folder, split, len(recordings), length)
        return splits
