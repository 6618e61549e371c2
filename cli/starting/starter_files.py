"""Write the starter: a configuration, and the vocabulary and sentences that it names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cli.starting.folder_survey import FolderSurvey
from cli.starting.recipe import Recipe, augmentations, model_settings
from dataset_modules.labels.included_vocabularies import included_vocabulary
from dataset_modules.sources.synthesis.sentences import has_word_lists, words_of
from durable_files import write_durably
from installation import PROGRAM
from phonetics import Vocabulary
from phonetics.label_counts import build_vocabulary, merge_vocabularies, missing_and_unused

CONFIG, VOCABULARY, SENTENCES = "config.yaml", "vocabulary.json", "training_texts.txt"
_SPLITS = ("train", "val", "test")
_FEWEST_WORDS = 8
_FEW_CORES = 2  # up to which one thread is used: docs/benchmarks.md measures what a second one saves
_RARE_SHARE = 0.005  # of all phonemes, up to which those outside the usual vocabulary are left out


class ChosenVocabulary(NamedTuple):
    """The vocabulary, where it lies, and what the labels have beyond the language's usual one."""

    path: Path
    vocabulary: Vocabulary
    added: tuple[str, ...] = ()
    is_new: bool = False


def choose_vocabulary(survey: FolderSurvey, language: str, folder: Path) -> ChosenVocabulary:
    """Return the included vocabulary if the labels fit it; otherwise one that has all of their phonemes.

    Few phonemes outside it come from foreign words; their recordings are skipped, and ``doctor`` names them.
    """
    own, _ = build_vocabulary(survey.labels.counts)
    path = included_vocabulary(language)
    if path is None:
        return ChosenVocabulary(folder / VOCABULARY, own, is_new=True)
    usual = Vocabulary.from_file(path)
    missing, unused = missing_and_unused(survey.labels.counts, usual)
    counts = survey.labels.counts
    if sum(counts[phoneme] for phoneme in missing) <= _RARE_SHARE * counts.total():
        return ChosenVocabulary(path, usual)
    if len(missing) > len(usual.phonemes) - len(unused):  # another notation, such as ARPABET
        return ChosenVocabulary(folder / VOCABULARY, own, tuple(missing), is_new=True)
    merged = merge_vocabularies([usual, own])
    return ChosenVocabulary(folder / VOCABULARY, merged, tuple(missing), is_new=True)


def write_starter(
    folder: Path, language: str, survey: FolderSurvey, recipe: Recipe, vocabulary: ChosenVocabulary
) -> Path:
    """Write the files into a folder; return the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    if vocabulary.is_new:
        write_durably(vocabulary.path, vocabulary.vocabulary.to_json())
    if recipe.synthetic and has_words(survey):
        write_durably(folder / SENTENCES, "".join(f"{' '.join(text.split())}\n" for text in survey.texts))
    content = _configuration(folder, language, survey, recipe, vocabulary)
    write_durably(folder / CONFIG, _header(survey, recipe) + _as_yaml(content))
    return folder / CONFIG


def _configuration(
    folder: Path, language: str, survey: FolderSurvey, recipe: Recipe, vocabulary: ChosenVocabulary
) -> dict[str, Any]:
    recorded = {**survey.dataset_options, "multiply_train_data": recipe.repeats}
    datasets = [{"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": recorded}]
    datasets += _synthetic_datasets(folder, language, survey, recipe)
    processes = min(len(os.sched_getaffinity(0)), 8)
    return {
        "seed_everything": 42,
        "custom_folder_name": folder.name,
        **({} if recipe.on_gpu or processes > _FEW_CORES else {"num_threads": 1}),
        "model": {"vocab_file": str(vocabulary.path), **model_settings(recipe)},
        "data": {
            "language": language,
            "batch_size": recipe.batch_size,
            "num_workers": min(processes, 4) if recipe.on_gpu else 0,
            "num_proc": processes,
            "dataset_classes": datasets,
            "augmentations": augmentations(),
        },
        "trainer": _trainer(recipe),
        **({"decoding": {"beam": 16, "language_model": "labels", "order": 6}} if recipe.searches else {}),
    }


def _synthetic_datasets(
    folder: Path, language: str, survey: FolderSurvey, recipe: Recipe
) -> list[dict[str, Any]]:
    """Return sentences of the recordings' words and, where there are lists, of frequent words."""
    from_texts = [{"words_file": str(folder / SENTENCES)}] if has_words(survey) else []
    sources = [*from_texts, {}] if has_word_lists(language) or not from_texts else from_texts
    return [
        {
            "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
            "init_args": _spoken(recipe.synthetic // len(sources)) | words,
        }
        for words in sources
        if recipe.synthetic
    ]


def _spoken(num_sentences: int) -> dict[str, Any]:
    return {
        "num_train": num_sentences,
        "num_val": 0,
        "num_test": 0,
        "comes_first": True,
        "augmented": False,
        "words_per_minute": [140, 190],
        "pitch": [35, 65],
    }


def has_words(survey: FolderSurvey) -> bool:
    """Return whether the texts have enough words for thousands of new sentences."""
    return len(words_of(survey.texts)) >= _FEWEST_WORDS


def _trainer(recipe: Recipe) -> dict[str, Any]:
    bar = {"class_path": "lightning.pytorch.callbacks.TQDMProgressBar", "init_args": {"refresh_rate": 10}}
    return {
        "accelerator": "gpu" if recipe.on_gpu else "cpu",
        "devices": 1,
        "max_epochs": recipe.epochs,
        "gradient_clip_val": 1.0,
        "callbacks": [
            {"class_path": "callbacks.CustomModelCheckpoint"},
            {
                "class_path": "callbacks.LogMetricsCallback",
                "init_args": {"metric_names": ["per", "wer"]},
            },
            {"class_path": "callbacks.CollapseWatch"},
            bar,
        ],
    }


def _header(survey: FolderSurvey, recipe: Recipe) -> str:
    lines = [
        f"Written by {PROGRAM} start: {described(survey)}.",
        _network_line(recipe),
        "warmup_steps below 1 is a share of the run, and total_steps null is the length of the run.",
    ]
    if recipe.searches:
        lines.append(
            "decoding: a language model of the training labels helps new recordings of such texts. It"
        )
        lines.append("hides mispronunciations: remove the section for the speech of learners.")
    return "".join(f"# {line}\n" for line in lines)


def _network_line(recipe: Recipe) -> str:
    if recipe.on_gpu:
        return "Fine-tunes XLSR-53, which is downloaded once."
    order = "the first epoch begins with synthetic speech, " if recipe.synthetic else ""
    return f"A small network from scratch; {order}recordings repeat."


def described(survey: FolderSurvey) -> str:
    """Describe a folder in one line."""
    splits = ", ".join(f"{survey.counts[split]} {split}" for split in _SPLITS)  # type: ignore[index]
    speakers = f"{survey.speakers or 'unknown'} speaker{'' if survey.speakers == 1 else 's'}"
    return f"{splits}; {survey.train_seconds / 60:.1f} minutes to train on; {speakers}"


def _as_yaml(content: Mapping[str, Any]) -> str:
    sections = (
        yaml.safe_dump({key: value}, allow_unicode=True, sort_keys=False, width=110)
        for key, value in content.items()
    )
    return "".join(f"{'' if ':' in text.splitlines()[0][:-1] else chr(10)}{text}" for text in sections)
