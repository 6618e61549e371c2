"""Energy over time and frequency."""

import io

import numpy as np
from numpy.typing import NDArray

RANGE_DB = 80.0
_WINDOW_SECONDS = 0.025
_MOST_COLUMNS = 400  # of a picture
_ROWS = 100  # of an image


def log_energy(
    waveform: NDArray[np.float32], sampling_rate: int, most_columns: int = _MOST_COLUMNS
) -> NDArray[np.float64]:
    """Energy in dB below the loudest, (frequencies, windows)."""
    size = max(16, int(_WINDOW_SECONDS * sampling_rate))
    padded = np.pad(waveform.astype(np.float64), (0, max(0, size - len(waveform))))
    shift = max(size // 4, -(-(len(padded) - size) // most_columns))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::shift] * np.hanning(size)
    power = np.abs(np.fft.rfft(windows, axis=1)).T ** 2
    return 10.0 * np.log10(np.maximum(power / max(power.max(), 1e-20), 10 ** (-RANGE_DB / 10)))


def spectrogram_png(waveform: NDArray[np.float32], sampling_rate: int, most_columns: int) -> bytes:
    """A small image of a clip, low frequencies at the bottom; 256 colours."""
    import matplotlib as mpl
    from PIL import Image

    energy = log_energy(waveform, sampling_rate, most_columns)[::-1]
    rows = np.array_split(energy, min(_ROWS, len(energy)))
    levels = np.stack([part.max(axis=0) for part in rows]) / RANGE_DB + 1.0
    image = Image.fromarray(np.rint(levels * 63).astype(np.uint8) * 4, mode="L").convert("P")
    palette = np.rint(mpl.colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    image.putpalette(palette.tobytes())
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
