"""A picture of FAM's debug record: band energies and effective momentum over steps, layer by layer."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from optim.fam.recorder import FamRecord, read_fam_records
from optim.param_groups import encoder_layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

_COLUMNS = 2
_MOMENTUM_RANGE = (0.84, 0.99)  # range of the handlers with the groups' defaults; wider for other values


def layer_of(name: str) -> str:
    """Return the layer of a parameter's plot: an encoder layer, or the module's first names.

    Example:
        >>> layer_of("model.encoder.layers.3.attention.k_proj.weight")
        'encoder layer 3'
        >>> layer_of("lm_head.weight")
        'lm_head'
    """
    layer = encoder_layer(name)
    return f"encoder layer {layer}" if layer is not None else ".".join(name.split(".")[:-1][:3]) or name


def mean_by_layer(records: list[FamRecord]) -> dict[tuple[str, str], dict[int, tuple[list[float], float]]]:
    """Average records of one layer, handler and step: ``(layer, handler) -> step -> (bands, momentum)``."""
    gathered: dict[tuple[str, str], dict[int, list[FamRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        kind = f"{record['handler']}, {len(record['bands'])} bands"
        gathered[layer_of(record["name"]), kind][record["step"]].append(record)
    return {
        place: {step: _mean(same_step) for step, same_step in sorted(by_step.items())}
        for place, by_step in gathered.items()
    }


def _mean(records: list[FamRecord]) -> tuple[list[float], float]:
    columns = zip(*(record["bands"] for record in records), strict=True)
    bands = [sum(column) / len(records) for column in columns]
    return bands, sum(record["momentum"] for record in records) / len(records)


def plot_fam_record(record_path: str | Path, picture_path: str | Path) -> Path:
    """Plot a record's file as a picture."""
    records = read_fam_records(record_path)
    if not records:
        raise ValueError(
            f"FAM: the debug record {record_path} must hold a step, got none; train past step 10"
        )
    draw_fam_record(records).savefig(picture_path, dpi=110)
    return Path(picture_path)


def draw_fam_record(records: list[FamRecord]) -> "Figure":
    """Plot for each layer and handler the band energies as an image, the mean momentum as a line below.

    The colours of all images share one scale; band 0 holds the lowest frequencies.
    """
    # Imported only now: training does not need it.
    from matplotlib.figure import Figure

    layers = mean_by_layer(records)
    brightest = max(max(bands) for steps in layers.values() for bands, _ in steps.values())
    columns = min(_COLUMNS, len(layers))
    rows = -(-len(layers) // columns)
    figure = Figure(figsize=(4.6 * columns, 2.9 * rows + 0.7), layout="constrained")
    figure.suptitle("Band energies (colour) and effective momentum (line)")
    cells = figure.subfigures(rows, columns, squeeze=False).ravel()
    ordered = sorted(layers.items(), key=_natural)
    for cell, ((layer, kind), steps) in zip(cells, ordered, strict=False):
        _draw_layer(cell, f"{layer} ({kind})", steps, brightest)
    return figure


def _draw_layer(
    cell: "SubFigure", title: str, steps: dict[int, tuple[list[float], float]], brightest: float
) -> None:
    above, below = cell.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    energies = [bands for bands, _ in steps.values()]
    image = above.imshow(
        list(zip(*energies, strict=True)),
        aspect="auto",
        origin="lower",
        extent=(min(steps) - 5, max(steps) + 5, -0.5, len(energies[0]) - 0.5),
        vmin=0,
        vmax=brightest,
    )
    above.set_title(title, fontsize=9)
    above.set_ylabel("band", fontsize=8)
    cell.colorbar(image, ax=above).ax.tick_params(labelsize=7)
    momenta = [momentum for _, momentum in steps.values()]
    below.plot(list(steps), momenta, linewidth=1.5)
    below.set_ylim(min(_MOMENTUM_RANGE[0], *momenta), max(_MOMENTUM_RANGE[1], *momenta))
    below.set_ylabel("momentum", fontsize=8)
    below.set_xlabel("step", fontsize=8)
    below.grid(visible=True, linewidth=0.5)
    for axes in (above, below):
        axes.tick_params(labelsize=7)


def _natural(item: tuple[tuple[str, str], object]) -> tuple[int, str, str]:
    """Return a sort key: encoder layers by number, everything else before them by name."""
    layer, kind = item[0]
    number = layer.removeprefix("encoder layer ")
    return (int(number) if number.isdigit() else -1, layer, kind)
