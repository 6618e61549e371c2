"""The variants that ``little_data.py`` compares, and the configuration of a run."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from cli.configuration.merged_tables import merge_tables

Table = dict[str, Any]
BASE = "base"
DEMO = "demo"  # in place of a language: the synthetic demo
SYNTHETIC = "dataset_modules.synthetic.SyntheticSpeechDataset"
VALIDATIONS = 4  # in a run, the last one after its last step
KEPT_CHECKPOINTS = 3
_SEARCH = {"beam": 16, "language_model": "labels", "order": 6}  # as `start` writes it


class Variant(NamedTuple):
    """What differs from the base, and which variant it is compared with."""

    overrides: Mapping[str, Any] = {}  # noqa: RUF012 - never written to
    callbacks: tuple[Mapping[str, Any], ...] = ()
    synthetic: Literal["first", "mixed", "left out"] = "first"
    from_demo: bool = False  # training starts with the weights of the demo in the same language
    against: str = BASE
    costs_as: str | None = None  # the variant whose step is measured; None measures this one's

    @property
    def needs_recordings(self) -> bool:
        """Whether the variant has no meaning for the demo."""
        return self.from_demo or self.synthetic != "first" or "sampling" in self.overrides.get("data", {})

    def description(self) -> Table:
        """Return what identifies the variant, as a JSON file has it."""
        names = ("overrides", "callbacks", "synthetic", "from_demo")
        return dict(json.loads(json.dumps({name: getattr(self, name) for name in names})))


_SELF_CONDITIONING = {"intermediate_ctc": {"layers": [2], "weight": 0.3, "self_conditioning": True}}
_AVERAGE = (
    {
        "class_path": "callbacks.WeightAverage",
        "init_args": {"ema_decay": 0.999, "best": KEPT_CHECKPOINTS},
    },
)

VARIANTS: dict[str, Variant] = {
    BASE: Variant(),
    "intermediate_ctc": Variant({"model": {"intermediate_ctc": {"layers": [2], "weight": 0.3}}}),
    "self_conditioning": Variant({"model": _SELF_CONDITIONING}),
    "consistency": Variant({"model": {"consistency": {"weight": 0.2, "mask_factor": 2.5}}}),
    "label_prior": Variant({"model": {"label_prior": {"weight": 0.3}}}),
    "layer_mix": Variant({"model": {"layer_mix": True}}),
    "weight_average": Variant(callbacks=_AVERAGE),
    "sampling": Variant({"data": {"sampling": {"by": "dataset", "temperature": 0.5}}}),
    "mixed_from_start": Variant(synthetic="mixed"),
    "recordings_alone": Variant(synthetic="left out"),
    "from_demo": Variant(from_demo=True),
    "lora": Variant(
        {"model": {"adapter": {"kind": "lora", "rank": 16, "alpha": 32, "dropout": 0.05}}},
        from_demo=True,
        against="from_demo",
    ),
    "unfreeze": Variant(
        {"model": {"unfreeze": {0: "head", 100: "top 1", 300: "all"}}},
        from_demo=True,
        against="from_demo",
        costs_as="from_demo",  # its first steps cost less than the others
    ),
    "together": Variant({"model": _SELF_CONDITIONING}, callbacks=_AVERAGE),
}


def variants_of(language: str, chosen: Iterable[str] = VARIANTS) -> list[str]:
    """Return the names of the variants that apply to a language, with those that they are compared with.

    >>> variants_of("ru", ["lora"]), variants_of("demo", ["lora", "consistency"])
    (['base', 'from_demo', 'lora'], ['base', 'consistency'])
    """
    wanted = {BASE, *chosen, *(VARIANTS[name].against for name in chosen)}
    return [
        name
        for name, variant in VARIANTS.items()
        if name in wanted and not (language == DEMO and variant.needs_recordings)
    ]


def with_datasets(base: Mapping[str, Any], synthetic: str) -> Table:
    """Return a configuration whose synthetic speech comes first, is mixed with recordings, or is left out."""
    datasets = base["data"]["dataset_classes"]
    if synthetic == "left out":
        datasets = [one for one in datasets if one["class_path"] != SYNTHETIC]
    if synthetic == "mixed":
        datasets = [{**one, "init_args": {**one["init_args"], "comes_first": False}} for one in datasets]
    return {**base, "data": {**base["data"], "dataset_classes": datasets}}


def configuration(
    base: Mapping[str, Any],
    variant: Variant,
    *,
    name: str,
    steps: int,
    seed: int,
    clock: str,
    weights: str | None = None,
) -> Table:
    """Return the configuration of a run of so many steps; the schedule spans them.

    Args:
        base: what ``start`` has written, or the demo's.
        variant: what is changed.
        name: of the experiment's folder.
        steps: of the optimizer.
        seed: of the run.
        clock: the file for the seconds of the steps.
        weights: a checkpoint whose weights the run starts with.
    """
    callbacks = [
        *variant.callbacks,
        {"class_path": "callbacks.CustomModelCheckpoint", "init_args": {"save_top_k": KEPT_CHECKPOINTS}},
        {"class_path": "callbacks.LogMetricsCallback", "init_args": {"metric_names": ["per"]}},
        {"class_path": "benchmarks.step_clock.StepClock", "init_args": {"path": clock}},
    ]
    run = {
        "seed_everything": seed,
        "custom_folder_name": name,
        "write_report": False,
        "model": {"total_steps": steps, "warmup_steps": 0.06},
        "data": {"num_proc": 1},
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": 1_000_000,  # the steps end the run
            "max_steps": steps,
            "check_val_every_n_epoch": None,  # epochs do not matter, steps do
            "val_check_interval": -(-steps // VALIDATIONS),
            "callbacks": callbacks,
        },
        "decoding": _SEARCH,
    }
    start = {"ckpt_path": weights, "only_weights_load": True} if weights else {}
    return dict(merge_tables([with_datasets(base, variant.synthetic), run, start, variant.overrides]))


def calibration(run: Mapping[str, Any]) -> Table:
    """Return the configuration of a short run whose steps are like those of a long one.

    Synthetic speech is mixed with the recordings, as it is on average, and nothing is evaluated.
    """
    no_evaluation = {"trainer": {"limit_val_batches": 0, "limit_test_batches": 0}, "decoding": None}
    return dict(merge_tables([with_datasets(run, "mixed"), no_evaluation]))


def steps_for(minutes: float, step_seconds: float) -> int:
    """Return how many steps a budget of processor time buys.

    >>> steps_for(2, 0.4)
    300
    """
    return max(1, round(60 * minutes / step_seconds))
