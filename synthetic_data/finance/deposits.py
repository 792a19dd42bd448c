"""Small invented grey-scale pictures of checks deposited by telephone, some with an altered amount field.

They are the bank's counterpart of the hospital's scans: the same class, the same size, no part of the tables.

A check shows printed lines, a box with the amount in handwriting, and a signature. Where an
amount was altered, the ink of one digit has been washed out, which leaves a faint bleached patch, and another
digit stands on it, in a pen of its own. A stain of the same kind may lie on a genuine check, outside the box.
"""

from __future__ import annotations

import numpy as np

from synthetic_data.dataset import ScanImages

SIZE = 32
COUNT = 500
ALTERED_SHARE = 0.4
LABEL_NOISE = 0.03
PATCH_CONTRAST = (14.0, 46.0)
PATCH_RADIUS = (2.2, 3.4)
PEN_DIFFERENCE = 14.0
NOISE = 9.0
# What a simple model must reach on held-out pictures above mean brightness; the tests compare.
MARGIN = 0.25
HIGHEST_AUC = 0.99

BOX = (6, 18, 11, 31)
"""First and last row, first and last column of the box that holds the amount."""
_STREAM = 0xC4EC
_DIGIT_ROW, _DIGIT_COLUMNS = 9, (13, 17, 22, 26)
_STAIN = (25.0, 8.0)
_SEGMENTS = np.array([
    [1, 1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 1, 0], [1, 0, 1, 1, 1, 0, 1], [1, 0, 1, 1, 0, 1, 1],
    [0, 1, 1, 1, 0, 1, 0], [1, 1, 0, 1, 0, 1, 1], [1, 1, 0, 1, 1, 1, 1], [1, 0, 1, 0, 0, 1, 0],
    [1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 1, 1],
])  # fmt: skip
"""Of each digit the strokes: top, upper left, upper right, middle, lower left, lower right, bottom."""


def deposits(seed: int, count: int = COUNT) -> ScanImages:
    """Pictures for learning, the same for the same seed.

    Every picture has its own brightness, light from one side, pen, amount, places of the digits, and noise.
    A share of `ALTERED_SHARE` has a bleached patch of varying place, size and contrast under one of the first
    two digits, which is written in a pen of its own. Of the others half have a patch of the same kind at the
    lower left, outside the box, so that brightness alone says little. Labels are wrong in the share
    `LABEL_NOISE`.

    Args:
        seed: a non-negative whole number.
        count: how many pictures.

    Returns:
        `ScanImages` of shape (count, 32, 32); label 1 is an altered amount.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM, 0]))
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    altered = rng.random(count) < ALTERED_SHARE
    stained = ~altered & (rng.random(count) < 0.5)
    light = rng.normal(172, 8, count)[:, None, None]
    tilt = rng.normal(0, 0.6, (count, 2))
    picture = light + tilt[:, 0, None, None] * (x - 16) + tilt[:, 1, None, None] * (y - 16)
    place = rng.integers(0, 2, count)
    row = np.full(count, _DIGIT_ROW + 3.0)
    column = np.asarray(_DIGIT_COLUMNS)[place] + 1.0
    row, column = np.where(stained, _STAIN[0], row), np.where(stained, _STAIN[1], column)
    picture = picture + _patch(rng, x, y, row, column) * (altered | stained)[:, None, None]
    picture = picture - _print() - _amounts(rng, count, altered, place) - _signature(rng, count, x, y)
    picture = picture + rng.normal(0, NOISE, picture.shape)
    labels = altered ^ (rng.random(count) < LABEL_NOISE)
    return ScanImages(
        pixels=np.clip(np.round(picture), 0, 255).astype(np.uint8),
        labels=labels.astype(np.int8),
        ids=np.array([f"CHK{number:06d}" for number in range(1, count + 1)], dtype="U9"),
    )


def _patch(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    row, column = row + rng.normal(0, 1.0, len(row)), column + rng.normal(0, 1.0, len(row))
    radius = rng.uniform(*PATCH_RADIUS, len(row))[:, None, None]
    contrast = rng.uniform(*PATCH_CONTRAST, len(row))[:, None, None]
    squared = (x - column[:, None, None]) ** 2 + (y - row[:, None, None]) ** 2
    return contrast * np.exp(-squared / radius**2)


def _print() -> np.ndarray:
    ink = np.zeros((SIZE, SIZE))
    top, bottom, left, right = BOX
    ink[[top, bottom], left : right + 1] = 34
    ink[top : bottom + 1, [left, right]] = 34
    ink[2, 2:14] = ink[4, 2:10] = 26
    ink[12, 1:10] = ink[28, 17:30] = 30
    return ink


def _amounts(rng: np.random.Generator, count: int, altered: np.ndarray, place: np.ndarray) -> np.ndarray:
    pen = rng.normal(62, 8, count)
    own = pen + rng.choice([-1, 1], count) * PEN_DIFFERENCE
    ink = np.zeros((count, SIZE, SIZE))
    for number, left in enumerate(_DIGIT_COLUMNS):
        glyphs = _glyphs()[rng.integers(0, 10, count)]
        strength = np.where(altered & (place == number), own, pen)[:, None, None]
        down, across = rng.integers(0, 2, (2, count))
        for d in (0, 1):
            for a in (0, 1):
                here = (down == d) & (across == a)
                rows = slice(_DIGIT_ROW + d, _DIGIT_ROW + d + 7)
                ink[here, rows, left + a : left + a + 3] += (glyphs * strength)[here]
    return ink


def _glyphs() -> np.ndarray:
    found = np.zeros((10, 7, 3))
    top, upper_left, upper_right, middle, lower_left, lower_right, bottom = _SEGMENTS.T[:, :, None]
    found[:, 0], found[:, 3], found[:, 6] = top, middle, bottom
    found[:, 0:4, 0] = np.maximum(found[:, 0:4, 0], upper_left)
    found[:, 0:4, 2] = np.maximum(found[:, 0:4, 2], upper_right)
    found[:, 3:7, 0] = np.maximum(found[:, 3:7, 0], lower_left)
    found[:, 3:7, 2] = np.maximum(found[:, 3:7, 2], lower_right)
    return found


def _signature(rng: np.random.Generator, count: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    height, pace, phase = (
        part[:, None, None]
        for part in (rng.uniform(1, 2.4, count), rng.uniform(0.8, 1.6, count), rng.uniform(0, 6, count))
    )
    curve = 25 + height * np.sin(pace * x + phase)
    written = (x >= 18) & (x <= 29)
    return 48 * np.exp(-((y - curve) ** 2) / 0.8) * written
