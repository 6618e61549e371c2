"""Lightning's Trainer, whose loggers may be chosen by name."""

from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger

LoggerName = Literal["csv", "mlflow", "tensorboard", "wandb"]
LoggerChoice = LoggerName | Logger


class ConfiguredTrainer(Trainer):
    """A Trainer as the configuration describes it; loggers by name are built before it.

    Args:
        logger: mlflow, wandb or a logger by class_path, or a list of these, are added to the local logs
            (true: TensorBoard and CSV). csv alone, false or null leave TensorBoard out. The CSV log is
            always written, because reports draw their learning curves from it.
        **options: of Lightning's Trainer.
    """

    def __init__(
        self,
        logger: bool | LoggerChoice | list[LoggerChoice] | None = True,
        **options: Any,  # noqa: ANN401 - Lightning's arguments
    ) -> None:
        super().__init__(logger=logger, **options)  # type: ignore[arg-type]  # no name is left by now
