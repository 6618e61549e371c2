"""Build the parts of a configuration without training: data caches, pretrained weights, frozen features."""

import gc

from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer.states import TrainerFn

from cli.console import set_up_logging
from cli.phoneme_cli import PhonemeCLI


class PreparingCLI(PhonemeCLI):
    """Builds a configuration's data and network; trains nothing, leaves no folder."""

    def _run_subcommand(self, subcommand: str) -> None:
        self.datamodule.prepare_data()
        self.datamodule.setup("fit")
        self.model.configure_model()
        # Encoders with random weights differ between trials: their features cannot be shared.
        if self.model.pretrained_name or self.model.initial_weights:
            self._prepare_states()

    def _prepare_states(self) -> None:
        """Compute the features of the frozen encoder now: within a trial that could exceed its time."""
        trainer = self.trainer
        if not isinstance(trainer.strategy, SingleDeviceStrategy):
            return
        # A fast development run would train on a part of the data.
        limit = self.section.trainer.limit_train_batches
        trainer.limit_train_batches = 1.0 if limit is None else limit
        trainer.state.fn = TrainerFn.FITTING
        self.model.trainer = self.datamodule.trainer = trainer
        model = trainer.precision_plugin.convert_module(self.model)
        model.to(trainer.strategy.root_device)
        try:
            self.datamodule.prepare_encoder_states()
        finally:
            model.to("cpu")  # further configurations are prepared in this process


def prepare_configuration(config_file: str) -> None:
    """Build the parts of a configuration file; a mistake in it raises ``ConfigError``."""
    set_up_logging()
    PreparingCLI(["fit", "--config", config_file, "--trainer.fast_dev_run", "true"])
    gc.collect()  # network and Trainer refer to each other
