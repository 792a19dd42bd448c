"""Pictures as the rows that a model takes: one picture per row, grey levels from 0 (black) to 1 (white)."""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.core import UserError

GREY_LEVELS = 255


def picture_rows(pictures: Any) -> np.ndarray:
    """Return (n, height * width) float32 from 0 to 1, for (n, height, width) grey levels from 0 to 255.

    Args:
        pictures: unsigned bytes, or an object with them as ``pixels``.

    Raises:
        UserError: if they are no pictures of bytes.
    """
    pixels = np.asarray(getattr(pictures, "pixels", pictures))
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise UserError("Give pictures as bytes of shape (pictures, height, width), grey levels 0 to 255.")
    return (pixels.reshape(len(pixels), -1) / np.float32(GREY_LEVELS)).astype(np.float32)


def picture_side(pictures: Any) -> tuple[int, int]:
    """Return height and width of pictures of shape (n, height, width), or of an object's ``pixels``."""
    _, height, width = np.asarray(getattr(pictures, "pixels", pictures)).shape
    return height, width
