"""Pictures of file encryption, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent
from secure_ai.encrypt.files.throughput import Throughput, shown_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = {
    "in memory": (GUIDE, "--", "s", "in memory, no file"),
    "verify": (SCORE, "-", "o", "verify: read and open"),
    "encrypt": (RISK, "-", "^", "encrypt: read, seal and write"),
}


def chunk_size_sentence(found: Throughput) -> str:
    """Say what the chunk size does to the encryption of the largest file."""
    rates = _rates(found, "encrypt")
    smallest, largest, best = min(rates), max(rates), max(rates, key=rates.__getitem__)
    return (
        f"With chunks of {shown_size(smallest)} a file is encrypted at {rates[smallest]:.2f} GB a second, "
        f"with chunks of {shown_size(largest)} at {rates[largest]:.2f}; {shown_size(best)} is the quickest "
        f"({rates[best]:.2f})."
    )


def plot_chunk_sizes(found: Throughput) -> Figure:
    """Draw the rates of encryption and verification over the chunk size, beside memory and a plain copy."""
    import matplotlib.pyplot as plt

    rates = _rates(found, "encrypt")
    smallest, best = min(rates), max(rates, key=rates.__getitem__)
    figure, axes = plt.subplots(figsize=(8, 4), dpi=72, layout="constrained")
    for operation, (color, style, marker, label) in LINES.items():
        line = _rates(found, operation)
        axes.plot(list(line), list(line.values()), style, color=color, marker=marker, label=label)
    fastest = max(_rates(found, "copy").values())
    axes.axhline(fastest, color="black", linestyle=":", linewidth=1.2, label="plain copy, at its quickest")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(rates), [shown_size(size) for size in rates])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("bytes in one chunk, with its tag")
    axes.set_ylabel("GB a second")
    axes.set_title(
        f"Chunks of {shown_size(smallest)} reach {percent(rates[smallest] / rates[best])} of the rate with "
        f"{shown_size(best)}",
        loc="left",
    )
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _rates(found: Throughput, operation: str) -> dict[int, float]:
    size = max(timing.size for timing in found.timings)
    rates = {
        timing.chunk_size: timing.rate
        for timing in sorted(found.timings, key=lambda timing: timing.chunk_size)
        if timing.operation == operation and timing.size == size
    }
    if not rates:
        raise UserError(f"The picture needs the operation '{operation}': measure with all operations.")
    return rates
