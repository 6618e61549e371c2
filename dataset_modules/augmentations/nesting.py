"""``OneOf``, ``SomeOf`` and ``Compose`` in a configuration, nested to any depth, with checked arguments.

audiomentations' compositions are not derived from its transforms, and do not annotate the type of their
elements: a misspelt argument in an element would not be noticed. This module adds a type that transforms
and compositions share, and the missing annotations.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np
from audiomentations import Compose, OneOf, SomeOf
from audiomentations.core.composition import BaseCompose
from audiomentations.core.transforms_interface import BaseWaveformTransform
from numpy.typing import NDArray


class Transform(ABC):
    """A change of a waveform: a transform or composition of audiomentations, or a user's."""

    @abstractmethod
    def __call__(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Return the samples, (T,), changed or unchanged."""


Transform.register(BaseWaveformTransform)
Transform.register(BaseCompose)
for _composition in (Compose, OneOf, SomeOf):
    _composition.__init__.__annotations__["transforms"] = list[Transform]
SomeOf.__init__.__annotations__["num_transforms"] = int | tuple[int, int | None]
OneOf.__init__.__annotations__["weights"] = list[float] | None


def leaves(transforms: Iterable[object]) -> Iterator[BaseWaveformTransform]:
    """Yield the transforms of all compositions, at any depth.

    >>> from audiomentations import Gain, Reverse
    >>> [type(leaf).__name__ for leaf in leaves([OneOf([Gain(), Compose([Reverse()])]), Gain()])]
    ['Gain', 'Reverse', 'Gain']
    """
    for transform in transforms:
        if isinstance(transform, BaseCompose):
            yield from leaves(transform.transforms)
        elif isinstance(transform, BaseWaveformTransform):
            yield transform
            yield from leaves([getattr(transform, "noise_transform", None)])


def name_of(transform: object) -> str:
    """Return a transform's name for messages.

    >>> from audiomentations import Gain, Reverse
    >>> name_of(OneOf([Gain(), Reverse()]))
    'OneOf(Gain, Reverse)'
    """
    name = type(transform).__name__
    if isinstance(transform, BaseCompose):
        return f"{name}({', '.join(map(name_of, transform.transforms))})"
    return name
