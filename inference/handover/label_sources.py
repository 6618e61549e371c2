"""Where a model's labels came from, data set by data set: the language, and what made phonemes of texts."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_BRING_PHONEMES = {
    "TimitDataset": "the data brings its phonemes",
    "SyntheticSpeechDataset": "the phonemes that espeak-ng spoke",
}
_PACKAGES = {"espeak": ("phonemizer", "espeakng-loader"), "epitran": ("epitran",)}
_CLASSES = {"EspeakPhonemes": "espeak", "EpitranPhonemes": "epitran"}
_FALLBACK = {"LexiconPhonemes": "espeak"}  # of a backend whose configuration names none


class LabelSource(NamedTuple):
    """A data set as its configuration has it."""

    dataset: str  # the class's name
    language: str | None
    to_phonemes: Any  # a backend's name, or its class_path and init_args

    @property
    def backends(self) -> tuple[str, ...]:
        """What makes phonemes of its texts, a dictionary's fallback behind it; empty where nothing does."""
        return () if self.dataset in _BRING_PHONEMES else tuple(_backends(self.to_phonemes))

    def told(self, packages: Mapping[str, str | None]) -> str:
        """One line about it, with the versions of the packages that were at work."""
        if self.dataset in _BRING_PHONEMES:
            how = _BRING_PHONEMES[self.dataset]
        elif not self.backends:
            how = "the data brings its phonemes"
        else:
            names = [name for backend in self.backends for name in _PACKAGES.get(backend, ())]
            versions = ", ".join(f"{name} {packages[name]}" for name in names if packages.get(name))
            made = ", then ".join(f"`{backend}`" for backend in self.backends)
            how = f"texts become phonemes by {made}" + (f" ({versions})" if versions else "")
            how += ", where the data does not bring its own"
        return f"- {self.dataset}" + (f" ({self.language})" if self.language else "") + f": {how}."


def label_sources(data: Mapping[str, Any]) -> list[LabelSource]:
    """The sources of a data section; what a data set leaves open is the section's."""
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
