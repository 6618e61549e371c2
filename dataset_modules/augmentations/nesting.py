"""``OneOf``, ``SomeOf`` and ``Compose`` in a configuration, to any depth, checked like everything else.

audiomentations' compositions are not derived from its transforms, and say nothing of the type of what they
hold: a misspelt argument in there would pass unseen. Both is made good here, by a type that transforms and
compositions share and by the annotations that are missing.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np
from audiomentations import Compose, OneOf, SomeOf
from audiomentations.core.composition import BaseCompose
from audiomentations.core.transforms_interface import BaseWaveformTransform
from numpy.typing import NDArray


class Transform(ABC):
    """What changes a waveform: any transform of audiomentations', any composition of them, or a user's."""

    @abstractmethod
    def __call__(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """The samples (T,), changed or not."""


Transform.register(BaseWaveformTransform)
Transform.register(BaseCompose)
for _composition in (Compose, OneOf, SomeOf):
    _composition.__init__.__annotations__["transforms"] = list[Transform]
SomeOf.__init__.__annotations__["num_transforms"] = int | tuple[int, int | None]
OneOf.__init__.__annotations__["weights"] = list[float] | None


def leaves(transforms: Iterable[object]) -> Iterator[BaseWaveformTransform]:
    """The transforms themselves, out of whatever they are nested in.

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
    """What a transform is called in a message.

    >>> from audiomentations import Gain, Reverse
    >>> name_of(OneOf([Gain(), Reverse()]))
    'OneOf(Gain, Reverse)'
    """
    name = type(transform).__name__
    if isinstance(transform, BaseCompose):
        return f"{name}({', '.join(map(name_of, transform.transforms))})"
    return name
