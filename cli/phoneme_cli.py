"""The LightningCLI of this application: data, model, callbacks, trainer; then fit, evaluate, report."""

import logging
import random
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

from callbacks.every_run.callback_list import callbacks_of_every_run
from callbacks.every_run.log_lines import (
    has_progress_bar,
    log_progress_in_lines,
    without_progress_bars,
)
from callbacks.every_run.run_description import RunDescription
from callbacks.every_run.stopping import keep_signals_from
from callbacks.every_run.utterance_keeper import UtteranceKeeper
from callbacks.lightning_callbacks import check_callbacks, complaints_of_callbacks
from cli.configuration.checks import (
    LOGGED_METRICS,
    check_augmentations,
    check_hardware,
    check_monitors,
    check_recordings,
    check_strategy,
    check_watchers,
)
from cli.configuration.fact_checks import (
    check_encoder_cache,
    check_languages,
    check_one_search,
    check_weights_only,
    chosen_vocabulary,
    shared_audio_params,
)
from cli.configuration.merged_tables import merged_words
from cli.configuration.parser import PhonemeArgumentParser
from cli.configuration.parser_messages import shortened
from cli.configuration.sections import DecodingSection, OptunaSection, SearchRequest, StudySection
from cli.configuration.values.value_checks import check_values
from cli.evaluating.decoding import check_decoding, set_test_decoder
from cli.evaluating.published_model import (
    log_symbols,
    pronouncer,
    published_model,
    take_published,
    write_symbols,
)
from cli.evaluation import conclude, evaluate_best, write_predictions
from cli.loggers.choice import build_loggers, check_loggers, services, start_services
from cli.loggers.configured_trainer import ConfiguredTrainer
from cli.loggers.results import publish_results
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.datamodule import PhonemeDataModule
from durable_files import named_in_errors
from experiment.checkpoint import Checkpoint
from experiment.checkpoint_checks import seed_of
from experiment.checkpoint_damage import named_damage
from experiment.errors import ConfigError, FolderError
from experiment.experiment_plan import ExperimentPlan, checkpoint_to_resume
from experiment.ranks import SEED, agree, shorten_timeouts, take_world
from models import PhonemeRecognizer
from models.huggingface import HuggingFaceModel

log = logging.getLogger(__name__)

# The callbacks of a configuration that names none.
DEFAULT_CALLBACKS = [
    {"class_path": "callbacks.CustomModelCheckpoint"},
    {"class_path": "callbacks.LogMetricsCallback"},
    {"class_path": "callbacks.CollapseWatch"},
]
_CONFIGURATION_FAULTS = (ValueError, TypeError, ImportError, OSError, RuntimeError, MisconfigurationException)


class PhonemeCLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` over one YAML file.

    The methods stand in the order in which they are called.
    """

    def __init__(
        self,
        args: ArgsType = None,
        model_name: str | None = None,  # a Hugging Face model to evaluate
    ) -> None:
        self.folder: Path | None = None  # the experiment's folder; None in a fast development run
        self._model_name = model_name
        self.published: HuggingFaceModel | None = None  # what is evaluated instead of a checkpoint
        self._resumed: Checkpoint | None = None  # set where the seed is read from it
        super().__init__(
            PhonemeRecognizer,
            PhonemeDataModule,
            save_config_callback=RunDescription,
            trainer_class=ConfiguredTrainer,
            # Our own sampler shares batches between processes.
            trainer_defaults={"use_distributed_sampler": False, "callbacks": [UtteranceKeeper()]},
            parser_kwargs={"default_env": True},
            seed_everything_default=0,
            parser_class=PhonemeArgumentParser,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            args=args,
        )

    @property
    def section(self) -> Namespace:
        """The configuration of the chosen subcommand."""
        return self.config[self.subcommand]

    @property
    def is_search(self) -> bool:
        """Whether the configuration asks for a search or a study instead of one training run."""
        return self.subcommand == "fit" and bool(self.section.optuna.tune or self.section.study.run)

    def search_request(self) -> SearchRequest:
        """Return the whole configuration, defaults included, for a search to start from."""
        return SearchRequest(self._whole_section(), self._parser("fit").parse_object, LOGGED_METRICS)

    def _whole_section(self) -> dict[str, Any]:
        """Return the configuration of the chosen subcommand as YAML has it, defaults included."""
        return dict(yaml.safe_load(self._parser(self.subcommand).dump(self.section, skip_unset=False)))

    # Configuration

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Declare the sections that Lightning does not know."""
        parser.add_argument("--audio_params", type=AudioParams, default=AudioParams())
        parser.add_argument(
            "--custom_folder_name",
            type=str | None,
            default=None,
            help="The name of the experiment's folder; null derives it from the configuration.",
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
        parser.add_argument(
            "--num_threads",
            type=int | None,
            default=None,
            help="Processor threads of each process; null leaves the number to PyTorch.",
        )
        parser.add_argument("--decoding", type=DecodingSection, default=DecodingSection())
        parser.add_argument("--optuna", type=OptunaSection, default=OptunaSection())
        parser.add_argument("--study", type=StudySection, default=StudySection())
        parser.set_defaults({"trainer.callbacks": DEFAULT_CALLBACKS})

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse; a seed of null is drawn here, so that it is saved with the configuration."""
        self.config = parser.parse_args(merged_words(parser, sys.argv[1:] if args is None else args))
        section = self.config[self.config.subcommand]
        check_values(section)
        if section.seed_everything is None or section.seed_everything is True:
            if self.config.subcommand == "fit":
                self._resumed = checkpoint_to_resume(section)
            section.seed_everything = int(agree(SEED, lambda: str(_seed(self._resumed))))
            log.info("seed_everything: drawn at random: %d", section.seed_everything)

    def _parse_ckpt_path(self) -> None:
        """Keep Lightning from replacing the configuration by the checkpoint's hyperparameters."""

    def before_instantiate_classes(self) -> None:
        """Check what can be checked before anything is loaded; a search checks its trials one by one."""
        section = self.section
        check_languages(section)
        if self.is_search:
            check_one_search(section)
            return
        if section.num_threads:
            torch.set_num_threads(section.num_threads)
        section.model.vocab_file = chosen_vocabulary(section)
        take_world(section.trainer)
        check_hardware(section.trainer)
        check_strategy(section.trainer)
        check_weights_only(section)
        check_encoder_cache(section)
        check_decoding(section.decoding)
        check_loggers(section.trainer.logger)
        self.plan = self._plan(section)
        self._resumed = None  # it maps the file, whose space a later save could not free
        parameters = shared_audio_params(section)
        section.model.audio_params, section.data.audio_params = Namespace(parameters), Namespace(parameters)
        section.data.vocab_file = section.model.vocab_file
        check_augmentations(section.data, parameters["sampling_rate"], rehearsed=self.subcommand == "fit")
        # Null would let an environment variable decide whether a checkpoint may run code.
        section.weights_only = section.weights_only is not False
        if section.only_weights_load:
            section.model.initial_weights, section.ckpt_path = self.plan.checkpoint, None
        else:
            section.ckpt_path = self.plan.checkpoint and str(self.plan.checkpoint)

    def _plan(self, section: Namespace) -> ExperimentPlan:
        command = str(self.subcommand)
        self.published = published_model(command, section, self._model_name)
        if self.published is None:
            return ExperimentPlan.of(command, section, self._resumed)
        take_published(section, self.published)
        return ExperimentPlan.of_published(command, section, self.published.name)

    # Data, model, callbacks, trainer

    def instantiate_classes(self) -> None:
        """Build data and model; what their constructors refuse is a configuration mistake."""
        if self.is_search:
            return
        try:
            super().instantiate_classes()
            self.model.awaits_checkpoint = self.section.ckpt_path is not None
            self.datamodule.connect(self.model.interface)
        except (ConfigError, FolderError):
            raise
        except _CONFIGURATION_FAULTS as error:
            raise ConfigError(shortened(str(error)) or type(error).__name__) from error

    def _take_published(self, published: HuggingFaceModel) -> None:
        self.model.evaluate_as_published(published)
        log_symbols(published, self.model.output)
        if published.kind == "letters":
            self.model.output.pronounce = pronouncer(self.datamodule)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401 - Lightning's signature
        """Build the Trainer, whose root is the experiment's folder; all else is checked before."""
        self._check_data()
        if self.published is not None:
            self._take_published(self.published)
        shorten_timeouts()
        if self.config_init[self.subcommand].trainer.fast_dev_run:
            return self._build_trainer(logger=True, **kwargs)  # Lightning lets it write nothing
        self.folder = self.plan.claim()
        if self.plan.checkpoint is not None:
            log.info("checkpoint: %s", self.plan.checkpoint)
        try:
            loggers = self._loggers(self.folder) if self.plan.logs else []
            return self._build_trainer(default_root_dir=str(self.folder), logger=loggers, **kwargs)
        except BaseException:
            self.plan.release(self.folder)
            raise

    def _loggers(self, folder: Path) -> list[Logger]:
        """Build the loggers; services receive the configuration."""
        loggers = build_loggers(self.config_init[self.subcommand].trainer.logger, folder, self.plan.parent)
        start_services(loggers)
        for service in services(loggers):
            service.log_hyperparams(self._whole_section())
        return loggers

    def _check_data(self) -> None:
        """Find the recordings; refuse an empty split, and callbacks that watch metrics nobody computes."""
        data, callbacks = self.datamodule, self.config_init[self.subcommand].trainer.callbacks
        check_callbacks(callbacks)
        check_recordings(data, str(self.subcommand))
        check_monitors(callbacks, data.sources.languages("val"))
        if self.subcommand == "fit" and data.sources.is_empty("val"):
            check_watchers(callbacks, self.model.plan.plateau_metric, data.sources.why_empty("val"))

    def _build_trainer(self, **arguments: Any) -> Trainer:  # noqa: ANN401 - Lightning's signature
        section = self.config_init[self.subcommand].trainer
        if section.enable_progress_bar is False:  # Lightning refuses a configured bar then
            section.callbacks = without_progress_bars(section.callbacks)
        # Read before Lightning adds its own bar to the list.
        has_bar = has_progress_bar(section.callbacks)
        trainer = super().instantiate_trainer(**arguments)
        keep_signals_from(trainer)
        trainer.callbacks[:0] = callbacks_of_every_run()  # type: ignore[attr-defined]
        if not has_bar:
            log_progress_in_lines(trainer)
        return trainer

    # Fit, evaluate, report

    def _run_subcommand(self, subcommand: str) -> None:
        """Train or evaluate; a search is started by the caller."""
        if self.is_search:
            return
        try:
            with (
                named_damage(self._restored),
                complaints_of_callbacks(),
                named_in_errors(self.folder or Path()),
            ):
                super()._run_subcommand(subcommand)
        except ConfigError:  # found when the data are counted
            if self.folder is not None:
                self.plan.release(self.folder)
            raise

    def _restored(self) -> str | None:
        """Return the checkpoint that Lightning is restoring; None before and after."""
        return (self.trainer._checkpoint_connector._loaded_checkpoint and self.section.ckpt_path) or None

    def after_fit(self) -> None:
        """Evaluate the best checkpoint on all validation and test data, and write the report."""
        if self.folder is None or self.trainer.interrupted:
            return
        self.before_test()
        evaluate_best(self.trainer, self.model, self.datamodule)
        incomplete = None
        if self.trainer.is_global_zero:
            wanted = self.section.write_report
            incomplete = conclude(self.trainer, self.folder, analyse=wanted, report=wanted)
        publish_results(self.trainer.loggers, self.folder)
        if incomplete is not None:
            raise incomplete
        log.info("experiment: %s", self.folder)

    def before_test(self) -> None:
        """Build the search that test data are decoded with."""
        set_test_decoder(self.section.decoding, self.model, self.datamodule, self.folder)

    before_predict = before_test

    def after_validate(self) -> None:
        """Add intervals to the metrics."""
        if self.folder is None or not self.trainer.is_global_zero:
            return
        if self.published is not None:
            write_symbols(self.folder, self.model.output)
        analyse = self.section.write_report
        report = analyse and self.published is not None
        if incomplete := conclude(self.trainer, self.folder, analyse=analyse, report=report):
            raise incomplete
        log.info("evaluation: %s", self.folder)

    after_test = after_validate

    def predict(self, **arguments: Any) -> None:  # noqa: ANN401 - what Lightning passes to its Trainer
        """Predict, and write the predictions into the folder."""
        write_predictions(self.trainer, self.folder, self.trainer.predict(**arguments) or [])


def _seed(resumed: Checkpoint | None) -> int:
    """Return the seed of the run that is resumed, or a new one."""
    known = seed_of(resumed) if resumed else None
    return random.SystemRandom().randrange(2**31) if known is None else known
