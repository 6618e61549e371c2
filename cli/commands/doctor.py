"""``doctor``: examines the data of a configuration, and reports whether training would fail."""

import json
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from callbacks.every_run.counted_batches import faults_of
from cli.configuration.checks import GPU_ACCELERATORS, asked_devices, check_hardware
from cli.configuration.parser_messages import shortened
from cli.phoneme_cli import PhonemeCLI
from dataset_modules.recording import AudioError
from doctor.augmentation_examples import AugmentationExample, augmentation_examples
from doctor.doctor_page import doctor_page
from doctor.examination import examine
from doctor.findings.every_finding import findings_of
from doctor.findings.finding import Finding
from doctor.survey import RunPlan, Survey
from doctor.tables import as_json
from doctor.terminal import survey_summary, wants_colour
from durable_files import write_durably
from experiment.errors import ConfigError
from experiment.folder import claim_folder
from phonetics import VocabularyError
from untrusted.printing import printable

log = logging.getLogger(__name__)

COMMAND = "doctor"
PAGE, NUMBERS, EXAMPLES = "doctor.html", "doctor.json", "examples"
# What the machine must have for training; looking at data needs none of it.
_ON_A_PROCESSOR = {
    "accelerator": "cpu",
    "devices": 1,
    "num_nodes": 1,
    "strategy": "auto",
    "precision": None,
    "plugins": None,
    "logger": False,
    "sync_batchnorm": False,
}


class DoctorCLI(PhonemeCLI):
    """Reads a configuration as ``fit`` does, with the same messages, and trains nothing."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Declare the options of ``fit``, and how many examples to write."""
        super().add_arguments_to_parser(parser)
        parser.add_argument(
            "--audio",
            type=int,
            default=0,
            help="Training clips to write before and after augmentation, to listen to.",
        )

    @property
    def is_search(self) -> bool:
        """A search reads the same data as one of its trials."""
        return False

    def before_instantiate_classes(self) -> None:
        """Check as ``fit`` does; a missing accelerator is only a finding."""
        trainer = self.section.trainer
        if self.section.audio < 0:
            raise ConfigError(f"--audio must be 0 or more examples, got {self.section.audio}")
        self.world_size = world_size_of(trainer)
        self.hardware_fault: str | None = None
        try:
            check_hardware(trainer)
        except ConfigError as error:
            self.hardware_fault = str(error)
        for key, value in _ON_A_PROCESSOR.items():
            trainer[key] = value
        super().before_instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401 - Lightning's signature
        """Build a Trainer that checks its arguments and is never run; no folder is claimed."""
        self._check_data()
        return LightningCLI.instantiate_trainer(self, **kwargs)

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing: Lightning calls this where ``fit`` would begin."""

    def run_plan(self) -> RunPlan:
        """Describe how the run will use the data."""
        trainer = self.trainer
        return RunPlan(
            world_size=self.world_size,
            accumulate=trainer.accumulate_grad_batches,
            limit_batches=trainer.limit_train_batches,
            max_epochs=trainer.max_epochs if (trainer.max_epochs or -1) > 0 else None,
            max_steps=trainer.max_steps if trainer.max_steps > 0 else None,
            hardware_fault=self.hardware_fault,
            faults=lambda batches: faults_of(trainer, "fit", batches, self.model.plan.plateau_metric),
        )


def world_size_of(trainer: Namespace) -> int:
    """Return how many processes will share the batches; by default, as many as this machine has devices.

    >>> world_size_of(Namespace(accelerator="gpu", devices=[0, 3], num_nodes=2))
    4
    >>> world_size_of(Namespace(accelerator="cpu", devices="auto", num_nodes=1))
    1
    """
    import torch

    has_gpus = trainer.accelerator in ("auto", *GPU_ACCELERATORS)
    asked = asked_devices(trainer.devices)
    devices = (torch.cuda.device_count() if has_gpus else 1) if asked is None else len(asked)
    return max(1, devices) * int(trainer.num_nodes)


def run_doctor(arguments: Sequence[str]) -> int:
    """Examine, report, and return the exit status: 1 where training would fail, else 0."""
    cli = DoctorCLI(["fit", *arguments])
    data, number = cli.datamodule, cli.section.audio
    log.info("doctor: prepares the data as training does; for the first time, this takes a while")
    try:
        survey = examine(data, cli.model.num_frames, cli.run_plan())
        if number:
            data.prepare_sounds()
            data.use_prepared_sounds()
        examples = augmentation_examples(data.splits["train"], number, data.seed)
    except (AudioError, VocabularyError):
        raise
    except ValueError as error:  # a data set's own: no language for its texts, for example
        raise ConfigError(shortened(str(error))) from error
    findings = findings_of(survey)
    folder = claim_folder(cli.plan.parent, f"{cli.plan.name}_{COMMAND}")
    _write(folder, cli.plan.name, survey, findings, examples)
    width = min(110, shutil.get_terminal_size((100, 24)).columns)
    text = survey_summary(survey, findings, colour=wants_colour(sys.stdout), width=width)
    sys.stdout.write(f"{text}\npage: {printable(folder / PAGE)}\n")
    return int(any(finding.severity == "fatal" for finding in findings))


def _write(
    folder: Path,
    name: str,
    survey: Survey,
    findings: Sequence[Finding],
    examples: Sequence[AugmentationExample],
) -> None:
    """Write the report, its numbers for programs, and the examples as files."""
    write_durably(folder / PAGE, doctor_page(f"Data of {name}", survey, findings, examples))
    numbers = json.dumps(as_json(survey, findings), ensure_ascii=False, indent=1)
    write_durably(folder / NUMBERS, numbers + "\n")
    for number, example in enumerate(examples, start=1):
        (folder / EXAMPLES).mkdir(exist_ok=True)
        (folder / EXAMPLES / f"{number:03d}_before.wav").write_bytes(example.before_wav)
        (folder / EXAMPLES / f"{number:03d}_after.wav").write_bytes(example.after_wav)
