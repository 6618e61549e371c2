"""A picture of FAM's debug record: band energies and effective momentum over steps, layer by layer."""

from collections import defaultdict
from pathlib import Path

from optim.fam_debug import FamRecord, read_fam_records
from optim.param_groups import encoder_layer


def layer_of(name: str) -> str:
    """The layer under which a parameter's records are drawn: an encoder layer, or the module's first names.

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
    """Draw a record: per layer and handler the band energies as an image, the mean momentum as a line.

    The colours of all images share one scale; band 0 holds the lowest frequencies.
    """
    # Imported where it is drawn: training does not need it.
    from matplotlib.figure import Figure

    layers = mean_by_layer(read_fam_records(record_path))
    if not layers:
        raise ValueError(
            f"FAM: the debug record {record_path} must hold a step, got none; train past step 10"
        )
    brightest = max(max(bands) for steps in layers.values() for bands, _ in steps.values())
    columns = min(3, len(layers))
    rows = -(-len(layers) // columns)
    figure = Figure(figsize=(5.5 * columns, 2.4 * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(layers) :]:
        axes.set_visible(False)
    for axes, ((layer, kind), steps) in zip(grid, sorted(layers.items(), key=_natural), strict=False):
        energies = [bands for bands, _ in steps.values()]
        first, last = min(steps), max(steps)
        image = axes.imshow(
            list(zip(*energies, strict=True)),
            aspect="auto",
            origin="lower",
            extent=(first - 5, last + 5, -0.5, len(energies[0]) - 0.5),
            vmin=0,
            vmax=brightest,
        )
        axes.set_title(f"{layer} ({kind})", fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.set_ylabel("band", fontsize=8)
        twin = axes.twinx()
        twin.plot(list(steps), [momentum for _, momentum in steps.values()], color="white", linewidth=1.5)
        twin.set_ylim(0.8, 1.0)
        twin.set_ylabel("momentum", fontsize=8)
    figure.colorbar(image, ax=list(grid), label="share of the spectrum", shrink=0.6)
    figure.suptitle("FAM: band energies (colour) and effective momentum (white line)")
    figure.savefig(picture_path, dpi=110)
    return Path(picture_path)


def _natural(item: tuple[tuple[str, str], object]) -> tuple[int, str, str]:
    """Encoder layers by number, everything else before them by name."""
    layer, kind = item[0]
    number = layer.removeprefix("encoder layer ")
    return (int(number) if number.isdigit() else -1, layer, kind)
