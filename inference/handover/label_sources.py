"""The origin of a model's labels by data set: the language, and the conversion of texts to phonemes."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_WITH_PHONEMES = {
    "TimitDataset": "the data contains its phonemes",
    "SyntheticSpeechDataset": "the phonemes that espeak-ng synthesised",
}
_PACKAGES = {"espeak": ("phonemizer", "espeakng-loader"), "epitran": ("epitran",)}
_CLASSES = {"EspeakPhonemes": "espeak", "EpitranPhonemes": "epitran"}
_FALLBACK = {"LexiconPhonemes": "espeak"}  # where the configuration of a backend names none


class LabelSource(NamedTuple):
    """A data set in the configuration of a training."""

    dataset: str  # the class's name
    language: str | None
    to_phonemes: Any  # a backend's name, or its class_path and init_args

    @property
    def backends(self) -> tuple[str, ...]:
        """List the backends that convert its texts, with the fallback of a dictionary last."""
        return () if self.dataset in _WITH_PHONEMES else tuple(_backends(self.to_phonemes))

    def described(self, packages: Mapping[str, str | None]) -> str:
        """Describe the data set in one line, with the versions of the packages in use."""
        if self.dataset in _WITH_PHONEMES:
            how = _WITH_PHONEMES[self.dataset]
        elif not self.backends:
            how = "the data contains its phonemes"
        else:
            names = [name for backend in self.backends for name in _PACKAGES.get(backend, ())]
            versions = ", ".join(f"{name} {packages[name]}" for name in names if packages.get(name))
            backends = ", then ".join(f"`{backend}`" for backend in self.backends)
            how = f"texts converted to phonemes by {backends}" + (f" ({versions})" if versions else "")
            how += ", where the data contains none"
        return f"- {self.dataset}" + (f" ({self.language})" if self.language else "") + f": {how}."


def label_sources(data: Mapping[str, Any]) -> list[LabelSource]:
    """List the sources of a data section; a data set without a choice has that of the section."""
    sources = []
    for dataset in data.get("dataset_classes") or []:
        arguments = dataset.get("init_args") or {}
        sources.append(
            LabelSource(
                str(dataset.get("class_path", "")).rpartition(".")[2],
                arguments.get("language") or data.get("language"),
                arguments.get("text_to_phonemes") or data.get("text_to_phonemes") or "espeak",
            )
        )
    return list({repr(source): source for source in sources}.values())


def _backends(choice: Any) -> Iterator[str]:  # noqa: ANN401 - as YAML has it
    if isinstance(choice, Mapping):
        path = str(choice.get("class_path", ""))
        name = path.rpartition(".")[2]
        yield _CLASSES.get(name, path)
        yield from _backends((choice.get("init_args") or {}).get("fallback", _FALLBACK.get(name)))
    elif choice not in (None, "none"):
        yield str(choice)
