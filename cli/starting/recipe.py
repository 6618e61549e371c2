"""The settings for a folder, by the amount of speech and the device: network, batches, copies, epochs."""

from typing import Any, NamedTuple

from cli.starting.folder_survey import FolderSurvey

# On a processor: the network, regularisation and mix that docs/benchmarks.md measures.
CPU_BATCH_SECONDS = 30.0
CPU_TRAINED_SECONDS = 51_000.0  # audio that passes through the network in the whole run
_SYNTHETIC = 3_800  # sentences: the first epoch begins with them, and learns to align
_SYNTHETIC_SECONDS = 1.7  # of a sentence
_LITTLE = 7_200.0  # seconds of recorded speech up to which synthetic speech and a language model help
_EPOCHS_WITH_SYNTHETIC, _EPOCHS = 4, 5  # four, so that half of what is trained on is synthetic
GPU_STEPS = 3_000
_GPU_BATCH = 8
_TRIAL_STEPS = 500  # after the synthetic sentences, to try everything


class Recipe(NamedTuple):
    """What the configuration needs besides the data and the vocabulary."""

    on_gpu: bool
    batch_size: int
    repeats: int  # further copies of each training recording in an epoch
    synthetic: int  # sentences in an epoch
    epochs: int
    searches: bool  # whether test data are decoded with a language model of the training labels

    @property
    def trial_steps(self) -> int:
        """The steps that the synthetic sentences of the first epoch take, and some on recordings."""
        return -(-self.synthetic // self.batch_size) + _TRIAL_STEPS


def recipe_for(survey: FolderSurvey, *, on_gpu: bool, can_synthesise: bool) -> Recipe:
    """Choose the settings."""
    return _gpu_recipe(survey) if on_gpu else _cpu_recipe(survey, can_synthesise=can_synthesise)


def _cpu_recipe(survey: FolderSurvey, *, can_synthesise: bool) -> Recipe:
    seconds = max(survey.train_seconds, 1.0)
    synthetic = _SYNTHETIC if can_synthesise and seconds < _LITTLE else 0
    epochs = _EPOCHS_WITH_SYNTHETIC if synthetic else _EPOCHS
    an_epoch = CPU_TRAINED_SECONDS / epochs - synthetic * _SYNTHETIC_SECONDS
    copies = max(round(an_epoch / seconds), 1)
    batch_size = min(max(round(CPU_BATCH_SECONDS / max(survey.mean_seconds, 0.1)), 2), 16)
    return Recipe(False, batch_size, copies - 1, synthetic, epochs, survey.train_seconds < _LITTLE)


def _gpu_recipe(survey: FolderSurvey) -> Recipe:
    an_epoch = -(-survey.counts["train"] // _GPU_BATCH)
    epochs = max(round(GPU_STEPS / an_epoch), 5)
    return Recipe(True, _GPU_BATCH, 0, 0, epochs, survey.train_seconds < _LITTLE)


def model_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the model section without the vocabulary."""
    schedule = {"scheduler": "FAMScheduler", "warmup_steps": 0.06, "total_steps": None}
    if recipe.on_gpu:
        return {
            "network_name": "Wav2Vec2",
            "pretrained_name": "facebook/wav2vec2-large-xlsr-53",
            "freeze_feature_extractor": True,
            "freeze_transformer": False,
            "optimizer": "AdamW",
            "lr": 0.0001,
            "weight_decay": 0.01,
            **schedule,
        }
    return {
        "network_name": "Wav2Vec2Bert",
        "pretrained_name": None,
        "network_config": _small_network(),
        "freeze_feature_extractor": False,
        "freeze_transformer": False,
        "optimizer": {
            "class_path": "torch.optim.AdamW",
            "init_args": {"lr": 0.002, "betas": [0.9, 0.98], "weight_decay": 0.02},
        },
        **schedule,
    }


def _small_network() -> dict[str, Any]:
    return {
        "hidden_size": 144,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 576,
        "conv_depthwise_kernel_size": 15,
        "apply_spec_augment": True,
        "mask_time_prob": 0.05,
        "mask_time_length": 8,
        "mask_time_min_masks": 0,  # else two in every clip: a fifth of a short one
        "mask_feature_prob": 0.05,
        "mask_feature_length": 8,
        "layerdrop": 0.0,
        "hidden_dropout": 0.1,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "feat_proj_dropout": 0.0,
        "final_dropout": 0.0,
        "conformer_conv_dropout": 0.1,
    }


def augmentations() -> list[dict[str, Any]]:
    """Return the augmentation of the training split."""
    return [
        {
            "class_path": "dataset_modules.augmentations.SpeedPerturbation",
            "init_args": {"factors": [0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15]},
        },
        {
            "class_path": "audiomentations.SevenBandParametricEQ",
            "init_args": {"min_gain_db": -8.0, "max_gain_db": 8.0, "p": 0.5},
        },
        {
            "class_path": "audiomentations.AddGaussianSNR",
            "init_args": {"min_snr_db": 10.0, "max_snr_db": 40.0, "p": 0.5},
        },
    ]
