"""Pictures of attacks on ciphers, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, RISK, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from secure_ai.attack.cryptography.ecb_picture import EncryptedPictures
    from secure_ai.attack.cryptography.nonce_reuse import CribDrag

# Few gray levels, because noise in all of them cannot be compressed and makes notebooks heavy.
GRAY_BITS_OF_ORIGINAL, GRAY_BITS_OF_NOISE = 4, 1


def plot_pictures(found: EncryptedPictures) -> Figure:
    """Draw the original and its three ciphertexts, each with its share of repeated blocks.

    Of each byte of a ciphertext the first bit is drawn, black or white.
    """
    import matplotlib.pyplot as plt

    pictures = {"original": found.original, **found.encrypted}
    figure, places = plt.subplots(1, len(pictures), figsize=(10, 3.1), dpi=80, layout="constrained")
    for axes, (name, picture) in zip(places, pictures.items(), strict=True):
        left_out = 8 - (GRAY_BITS_OF_ORIGINAL if name == "original" else GRAY_BITS_OF_NOISE)
        shown, lightest = picture >> left_out, 255 >> left_out
        axes.imshow(shown, cmap="gray", vmin=0, vmax=lightest, interpolation="nearest")
        axes.set_title(name if name == "original" else f"AES-{name}", fontsize=11)
        axes.set_xlabel(f"repeated blocks: {percent(found.repeated[name])}")
        axes.set_xticks([])
        axes.set_yticks([])
    figure.suptitle(
        f"ECB keeps {percent(found.repeated['ECB'])} of the blocks repeated and with them the outlines; "
        f"CTR {percent(found.repeated['CTR'])}, GCM {percent(found.repeated['GCM'])}",
        x=0.01, ha="left",
    )  # fmt: skip
    plt.close(figure)
    return figure


def plot_crib(found: CribDrag) -> Figure:
    """Draw how much the other message looks like text, over the places of the guessed phrase."""
    import matplotlib.pyplot as plt

    table = found.table.sort_values("offset")
    best = found.table.iloc[0]
    figure, axes = plt.subplots(figsize=(8, 3), dpi=80, layout="constrained")
    axes.vlines(table["offset"], table["likelihood"].min(), table["likelihood"], color=GUIDE, linewidth=1.5)
    axes.plot([best["offset"]], [best["likelihood"]], "D", color=RISK, markersize=8)
    axes.set_title(
        f"Guessed at byte {best['offset']:,}, the phrase makes the other message readable", loc="left"
    )
    axes.set_xlabel("place of the guessed phrase (byte)")
    axes.set_ylabel("likelihood as text\n(mean score of the bytes)")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
