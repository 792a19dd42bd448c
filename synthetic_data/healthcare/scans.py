"""Small invented grey-scale scans: two lung fields on a ground of noise, some with a faint round lesion."""

from __future__ import annotations

import numpy as np

from synthetic_data.dataset import ScanImages
from synthetic_data.healthcare import model

SIZE = 32
_STREAM = 0x5CA4
LESION_CENTER = (12.0, 10.0)
LESION_JITTER = 2.0
LESION_RADIUS = (1.6, 3.0)
LESION_CONTRAST = (20.0, 56.0)
NOISE = 11.0


def scans(seed: int, count: int = model.SCAN_COUNT) -> ScanImages:
    """Pictures for learning, the same for the same seed.

    Every picture has its own brightness, tilt and breadth of the two fields, and noise. A share of
    `model.SCAN_SHARE` has a bright round spot in the left field, of varying place, size and contrast; in the
    other pictures a spot of the same kind may lie on the right, outside the field of interest, so that
    brightness alone says little. Labels are wrong in the share `model.SCAN_LABEL_NOISE`.

    Returns:
        `ScanImages` of shape (count, 32, 32).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM, 0]))
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    sick = rng.random(count) < model.SCAN_SHARE
    light = rng.normal(112, 10, count)[:, None, None]
    tilt = rng.normal(0, 0.7, (count, 2))
    picture = light + tilt[:, 0, None, None] * (x - 16) + tilt[:, 1, None, None] * (y - 16)
    for center in (10.0, 22.0):
        wide = rng.normal(4.6, 0.4, count)[:, None, None]
        tall = rng.normal(10.0, 0.7, count)[:, None, None]
        picture = picture - 48 * _blob(x - center, y - 16, wide, tall)
    picture = picture + _spot(rng, count, x, y, LESION_CENTER[0], LESION_CENTER[1]) * sick[:, None, None]
    decoy = ~sick & (rng.random(count) < 0.5)
    picture = picture + _spot(rng, count, x, y, LESION_CENTER[0], 22.0) * decoy[:, None, None]
    picture = picture + rng.normal(0, NOISE, picture.shape)
    labels = sick ^ (rng.random(count) < model.SCAN_LABEL_NOISE)
    return ScanImages(
        pixels=np.clip(np.round(picture), 0, 255).astype(np.uint8),
        labels=labels.astype(np.int8),
        ids=np.array([f"IMG{number:06d}" for number in range(1, count + 1)], dtype="U9"),
    )


def _blob(x: np.ndarray, y: np.ndarray, wide: np.ndarray, tall: np.ndarray) -> np.ndarray:
    return np.exp(-((x / wide) ** 2) - (y / tall) ** 2)


def _spot(  # noqa: PLR0917
    rng: np.random.Generator, count: int, x: np.ndarray, y: np.ndarray, row: float, column: float
) -> np.ndarray:
    at = rng.normal(0, LESION_JITTER, (count, 2))
    radius = rng.uniform(*LESION_RADIUS, count)[:, None, None]
    contrast = rng.uniform(*LESION_CONTRAST, count)[:, None, None]
    return contrast * _blob(x - column - at[:, 0, None, None], y - row - at[:, 1, None, None], radius, radius)
