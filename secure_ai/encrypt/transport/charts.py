"""Pictures of data on the way, each with a title computed from what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.figures import RISK, SCORE
from secure_ai.encrypt.transport.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_comparison(found: Comparison) -> Figure:
    """Draw how often each byte occurs in the two requests: text has its few letters, noise has everything."""
    import matplotlib.pyplot as plt

    table = found.to_frame()
    figure, panels = plt.subplots(1, 2, figsize=(9, 3), dpi=80, layout="constrained", sharey=True)
    requests = (
        ("plain HTTP", found.plain.message(), RISK),
        ("TLS 1.3", found.encrypted.message(), SCORE),
    )
    for axes, (name, data, color) in zip(panels, requests, strict=True):
        axes.hist(list(data), bins=range(0, 257, 8), color=color)
        axes.set_title(f"{name}: {len(data):,} bytes", fontsize=10, loc="left")
        axes.set_xlabel("value of the byte (32 to 126: printable)")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("bytes in the request")
    figure.suptitle(
        f"On the way, {int(table['plain_http'].sum())} of {len(table)} fields can be read over plain HTTP, "
        f"{int(table['tls'].sum())} over TLS 1.3",
        x=0.01, ha="left",
    )  # fmt: skip
    plt.close(figure)
    return figure
