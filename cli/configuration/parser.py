"""The parser of training and evaluations; importing it imports Lightning, which takes seconds."""

from lightning.pytorch.cli import LightningArgumentParser

from cli.configuration.values.component_parser import ComponentParser


class PhonemeArgumentParser(ComponentParser, LightningArgumentParser):
    """Lightning's parser with our messages."""
