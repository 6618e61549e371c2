"""Work that trials share, done once: data caches and pretrained weights."""

from cli.console import quieten
from cli.phoneme_cli import PhonemeCLI


class PreparingCLI(PhonemeCLI):
    """Builds all parts of a configuration, its data and its network; trains nothing, leaves no folder."""

    def _run_subcommand(self, subcommand: str) -> None:
        self.datamodule.prepare_data()
        self.datamodule.setup("fit")
        self.model.configure_model()


def prepare_configuration(config_file: str) -> None:
    """Build what a configuration file names; what is wrong with it is a ``ConfigError``."""
    quieten()
    PreparingCLI(["fit", "--config", config_file, "--trainer.fast_dev_run", "true"])
