"""The corpora of annotated pronunciations by their names."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from scoring.annotations import annotated_table, l2_arctic, speechocean762
from scoring.annotations.contract import AnnotatedUtterance


class AnnotatedCorpus(NamedTuple):
    """A reader and the splits that it knows."""

    read: Callable[[Path, str], Iterator[AnnotatedUtterance]]
    splits: tuple[str, ...]


CORPORA = {
    "speechocean762": AnnotatedCorpus(speechocean762.speechocean762, speechocean762.SPLITS),
    "l2-arctic": AnnotatedCorpus(l2_arctic.l2_arctic, l2_arctic.SPLITS),
    "table": AnnotatedCorpus(annotated_table.annotated_table, annotated_table.SPLITS),
}
