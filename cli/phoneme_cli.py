"""The LightningCLI of this application: what it accepts, and how the parts are put together."""

import json
import logging
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from callbacks.every_run.callback_list import callbacks_of_every_run
from callbacks.every_run.log_lines import names_a_bar, speak_in_lines
from callbacks.every_run.run_description import RunDescription
from callbacks.every_run.stopping import StopRequests
from cli.configuration.augmentation_checks import check_augmentations
from cli.configuration.checks import (
    LOGGED_FIGURES,
    check_encoder_cache,
    check_hardware,
    check_monitors,
    check_watchers,
    check_weights_only,
    shared_audio_params,
)
from cli.configuration.parser import PhonemeArgumentParser, shortened
from cli.configuration.sections import OptunaSection, SearchRequest
from cli.summary import summarise, write_report
from dataset_modules.base_dataset import Split
from dataset_modules.batches.batch import AudioParams
from dataset_modules.datamodule import PhonemeDataModule
from evaluation.metrics import gather_from_processes
from experiment.checkpoint import Checkpoint
from experiment.errors import ConfigError
from experiment.experiment_plan import ExperimentPlan, checkpoint_to_resume, seed_of
from experiment.layout import PREDICTIONS_FILE
from experiment.ranks import SEED, agree, shorten_timeouts, take_world
from models import PhonemeRecognizer

log = logging.getLogger(__name__)

# What watches a run whose configuration says nothing about callbacks.
DEFAULT_CALLBACKS = [
    {"class_path": "callbacks.CustomModelCheckpoint"},
    {"class_path": "callbacks.LogMetricsCallback"},
    {"class_path": "callbacks.CollapseWatch"},
]
_SPLIT_OF_COMMAND: dict[str, Split] = {"fit": "train", "validate": "val", "test": "test", "predict": "test"}
_CONFIGURATION_FAULTS = (ValueError, TypeError, ImportError, OSError, RuntimeError, MisconfigurationException)


class PhonemeCLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` over one YAML file."""

    def __init__(self, args: ArgsType = None, stop_requests: StopRequests | None = None) -> None:
        self.stop_requests = stop_requests or StopRequests()
        self.folder: Path | None = None  # the experiment's; none in a fast development run
        self._resumed: Checkpoint | None = None  # where it was read for its seed
        super().__init__(
            PhonemeRecognizer,
            PhonemeDataModule,
            save_config_callback=RunDescription,
            # Batches are shared between processes by our own sampler.
            trainer_defaults={"use_distributed_sampler": False},
            parser_kwargs={"default_env": True},
            seed_everything_default=0,
            parser_class=PhonemeArgumentParser,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            args=args,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Declare the sections that Lightning does not know."""
        parser.add_argument("--audio_params", type=AudioParams, default=AudioParams())
        parser.add_argument(
            "--custom_folder_name",
            type=str | None,
            default=None,
            help="The experiment's folder; null names it itself.",
        )
        parser.add_argument(
            "--only_weights_load",
            type=bool,
            default=False,
            help="Take from ckpt_path the weights that fit, and nothing else.",
        )
        parser.add_argument(
            "--write_report",
            type=bool,
            default=True,
            help="Analyse the errors and write report.html when training ends.",
        )
        parser.add_argument("--optuna", type=OptunaSection, default=OptunaSection())
        parser.set_defaults({"trainer.callbacks": DEFAULT_CALLBACKS})

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse; a seed of null is drawn here, so that it is saved with the configuration."""
        self.config = parser.parse_args(args)  # type: ignore[arg-type]
        section = self.config[self.config.subcommand]
        if section.seed_everything is None or section.seed_everything is True:
            if self.config.subcommand == "fit":
                self._resumed = checkpoint_to_resume(section)
            section.seed_everything = int(agree(SEED, lambda: str(_seed(self._resumed))))
            log.info("seed_everything: drawn at random: %d", section.seed_everything)

    def _parse_ckpt_path(self) -> None:
        """Leave the configuration alone: Lightning would overwrite it with what a checkpoint says."""

    @property
    def is_search(self) -> bool:
        """Whether the configuration asks for a search instead of one training run."""
        return self.subcommand == "fit" and bool(self.section.optuna.tune)

    def search_request(self) -> SearchRequest:
        """What a search starts from: the whole configuration, defaults included."""
        parser = self._parser("fit")
        whole = yaml.safe_load(parser.dump(self.section, skip_unset=False))
        return SearchRequest(whole, parser.parse_object, LOGGED_FIGURES)

    @property
    def section(self) -> Namespace:
        """The configuration of the chosen subcommand."""
        return self.config[self.subcommand]

    def before_instantiate_classes(self) -> None:
        """Check what can be checked before anything is loaded; a search looks at its trials one by one."""
        if self.is_search:
            return
        section = self.section
        take_world(section.trainer)
        check_hardware(section.trainer)
        check_weights_only(section)
        check_encoder_cache(section)
        self.plan = ExperimentPlan.of(str(self.subcommand), section, self._resumed)
        parameters = asdict(shared_audio_params(section))
        section.model.audio_params, section.data.audio_params = Namespace(parameters), Namespace(parameters)
        section.data.vocab_file = section.model.vocab_file
        check_augmentations(
            section.data.augmentations,
            parameters["sampling_rate"],
            rehearsed=self.subcommand == "fit",
        )
        # Null would let an environment variable decide whether a checkpoint may run code.
        section.weights_only = section.weights_only is not False
        if section.only_weights_load:
            section.model.initial_weights, section.ckpt_path = self.plan.checkpoint, None
        else:
            section.ckpt_path = self.plan.checkpoint and str(self.plan.checkpoint)

    def instantiate_classes(self) -> None:
        """Build the parts; what their constructors refuse is a configuration mistake."""
        if self.is_search:
            return
        try:
            super().instantiate_classes()
            self.model.awaits_checkpoint = self.section.ckpt_path is not None
            self.datamodule.connect(self.model.interface)
        except ConfigError:
            raise
        except _CONFIGURATION_FAULTS as error:
            raise ConfigError(shortened(str(error)) or type(error).__name__) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401 - Lightning's signature
        """A Trainer whose root is the experiment's folder; it is claimed once everything else stands."""
        self._check_data()
        self._check_monitors()
        shorten_timeouts()
        own_bar = names_a_bar(self.config_init[self.subcommand].trainer.callbacks)
        if self.config_init[self.subcommand].trainer.fast_dev_run:
            return self._watched(super().instantiate_trainer(**kwargs), own_bar=own_bar)
        self.folder = self.plan.claim()
        if self.plan.checkpoint is not None:
            log.info("checkpoint: %s", self.plan.checkpoint)
        try:
            logger = self.plan.loggers(self.folder, self.section.trainer.logger)
            extra = {} if logger is None else {"logger": logger}
            return self._watched(
                super().instantiate_trainer(default_root_dir=str(self.folder), **extra, **kwargs),
                own_bar=own_bar,
            )
        except BaseException:
            self.plan.release(self.folder)
            raise

    def _watched(self, trainer: Trainer, *, own_bar: bool) -> Trainer:
        """With what every run needs, whatever callbacks its configuration names."""
        trainer.callbacks[:0] = callbacks_of_every_run(self.stop_requests)  # type: ignore[attr-defined]
        if not own_bar:
            speak_in_lines(trainer)
        return trainer

    def _check_monitors(self) -> None:
        """Refuse to watch figures that there will not be."""
        callbacks = self.config_init[self.subcommand].trainer.callbacks
        check_monitors(callbacks, self.datamodule.sources.languages("val"))
        if self.subcommand == "fit" and self.datamodule.sources.is_empty("val"):
            why = self.datamodule.sources.why_empty("val")
            check_watchers(callbacks, self.model.plan.plateau_figure, why)

    def _run_subcommand(self, subcommand: str) -> None:
        """Train or evaluate; a search is for whoever has asked for it."""
        if self.is_search:
            return
        try:
            super()._run_subcommand(subcommand)
        except ConfigError:  # known only once the data are counted
            if self.folder is not None:
                self.plan.release(self.folder)
            raise

    def _check_data(self) -> None:
        """Find the recordings, and refuse a split without any where there must be some."""
        self.datamodule.sources.locate()
        split = _SPLIT_OF_COMMAND[str(self.subcommand)]
        if self.datamodule.sources.is_empty(split):
            why = self.datamodule.sources.why_empty(split)
            raise ConfigError(
                f"data: {self.subcommand} needs recordings in the {split} split, there are none"
                f"{why and '; '}{why}"
            )
        self.datamodule.check_texts(str(self.subcommand))

    def after_fit(self) -> None:
        """Judge the best checkpoint on validation and test data, whole."""
        if self.folder is None or self.trainer.interrupted:
            return
        keeper = self.trainer.checkpoint_callback
        best = getattr(keeper, "best_model_path", "") or getattr(keeper, "last_model_path", "")
        if best:
            self._evaluate_best(best)
        if self.section.write_report and self.trainer.is_global_zero:
            write_report(self.folder, summarise(self.folder))
        log.info("experiment: %s", self.folder)

    def after_validate(self) -> None:
        """Say how sure the figures are."""
        self._summarise_evaluation()

    def after_test(self) -> None:
        """Say how sure the figures are."""
        self._summarise_evaluation()

    def _summarise_evaluation(self) -> None:
        if self.folder is None or not self.trainer.is_global_zero:
            return
        if self.section.write_report:
            summarise(self.folder)
        log.info("evaluation: %s", self.folder)

    def predict(self, **arguments: Any) -> None:  # noqa: ANN401 - what Lightning would pass to its Trainer
        """Predict, and write one JSON line per utterance, sorted by id, whoever has heard it."""
        batches = gather_from_processes(self.trainer.predict(**arguments) or [])
        predictions = [prediction for share in batches for batch in share for prediction in batch]
        lines = [
            json.dumps({"id": prediction.id, "phonemes": prediction.phonemes}, ensure_ascii=False)
            for prediction in sorted(predictions, key=lambda one: str(one.id))
        ]
        if self.folder is None or not self.trainer.is_global_zero:
            return
        path = self.folder / PREDICTIONS_FILE
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        log.info("%d predictions: %s", len(lines), path)

    def _evaluate_best(self, checkpoint: str) -> None:
        evaluations = (
            ("val", self.trainer.validate, self.trainer.limit_val_batches),
            ("test", self.trainer.test, self.trainer.limit_test_batches),
        )
        for split, evaluate, batches in evaluations:
            if not batches:
                continue
            if self.datamodule.sources.is_empty(split):
                log.info("%s: no figures, the split has no recordings", split)
            else:
                evaluate(
                    self.model,
                    datamodule=self.datamodule,
                    ckpt_path=checkpoint,
                    verbose=False,
                    weights_only=True,
                )


def _seed(resumed: Checkpoint | None) -> int:
    """Return the seed of the run that is resumed, or a new one."""
    known = seed_of(resumed) if resumed else None
    return random.SystemRandom().randrange(2**31) if known is None else known
