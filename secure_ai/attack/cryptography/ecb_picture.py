"""A picture encrypted block by block (ECB) still shows what it is of; with CTR or GCM it is noise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from secure_ai.attack.cryptography.messages import TAG_BYTES, demonstration_bytes
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent

Picture = NDArray[np.uint8]
BLOCK_BYTES = 16
MODES = ("ECB", "CTR", "GCM")


@dataclass(frozen=True)
class EncryptedPictures:
    """One picture, encrypted in three modes.

    Attributes:
        original: gray values, rows by columns.
        encrypted: mode → the ciphertext shown as a picture of the same size.
        repeated: "original" or mode → share of 16-byte blocks that occur more than once.
    """

    original: Picture = field(repr=False)
    encrypted: dict[str, Picture] = field(repr=False)
    repeated: dict[str, float]

    def to_frame(self) -> pd.DataFrame:
        """Return the share of repeated blocks, one row each for the original and the modes."""
        return pd.DataFrame({"picture": list(self.repeated), "repeated_blocks": list(self.repeated.values())})

    def sentence(self) -> str:
        """Say what can be seen."""
        return (
            f"Under ECB {percent(self.repeated['ECB'])} of the blocks occur more than once (in the original "
            f"{percent(self.repeated['original'])}) and draw its outlines; under CTR "
            f"{percent(self.repeated['CTR'])}, under GCM {percent(self.repeated['GCM'])}."
        )


def draw_chest_film(size: int = 256, *, noise: float = 0.0, seed: int = 0) -> Picture:
    """Draw a simple picture in the manner of a chest film: ribs, heart, two lungs, in few gray values.

    Args:
        size: rows and columns, a multiple of 16.
        noise: standard deviation of gray values added to each pixel; a film has some, a drawing none, and
            with it ECB shows less.
        seed: for the noise.

    Raises:
        UserError: if ``size`` is not a multiple of 16.
    """
    y, x = _grid(size)
    picture = np.full(y.shape, 24.0)
    picture[(x / 0.82) ** 2 + ((y - 0.15) / 1.05) ** 2 < 1] = 120
    for side in (-1, 1):
        lung = ((x - side * 0.36) / 0.29) ** 2 + ((y + 0.02) / 0.62) ** 2 < 1
        picture[lung] = 48
        for level in np.arange(-0.55, 0.6, 0.19):
            rib = np.abs(y - level - 0.35 * (x - side * 0.36) ** 2) < 0.028
            picture[rib & lung] = 160
    picture[((x - 0.1) / 0.26) ** 2 + ((y - 0.25) / 0.32) ** 2 < 1] = 176
    picture[(np.abs(x) < 0.055) & (np.abs(y) < 0.95)] = 208
    return _finished(picture, noise, seed)


def draw_bank_mark(size: int = 256, *, noise: float = 0.0, seed: int = 0) -> Picture:
    """Draw the mark of an invented bank: a temple with columns in a ring; arguments as for the film."""
    y, x = _grid(size)
    picture = np.full(y.shape, 240.0)
    ring = x**2 + y**2
    picture[(ring < 0.9) & (ring > 0.74)] = 56
    picture[(y > -0.52) & (y < -0.16) & (np.abs(x) < (y + 0.52) * 1.6)] = 56
    for centre in (-0.42, -0.14, 0.14, 0.42):
        picture[(np.abs(x - centre) < 0.07) & (y > -0.12) & (y < 0.36)] = 88
    picture[(np.abs(x) < 0.58) & (y >= 0.4) & (y < 0.52)] = 56
    return _finished(picture, noise, seed)


def encrypt_picture(picture: Picture, *, key: bytes | None = None) -> EncryptedPictures:
    """Encrypt the pixels of ``picture`` in each of :data:`MODES` and measure what repeats.

    Args:
        picture: gray values from 0 to 255, rows by columns.
        key: 16, 24 or 32 bytes; a fixed one for demonstration if not given.

    Raises:
        UserError: if it is no such array, or its size is not a multiple of 16 bytes.
    """
    pixels = np.ascontiguousarray(picture)
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or pixels.size == 0 or pixels.size % BLOCK_BYTES:
        raise UserError("The picture must be rows by columns of bytes (uint8), a multiple of 16 in all.")
    key = demonstration_bytes("picture", 32) if key is None else key
    if len(key) not in {16, 24, 32}:
        raise UserError("An AES key has 16, 24 or 32 bytes.")
    data = pixels.tobytes()
    nonce = demonstration_bytes("picture nonce", 16)
    ciphertexts = {
        "ECB": _run(Cipher(algorithms.AES(key), modes.ECB()), data),
        "CTR": _run(Cipher(algorithms.AES(key), modes.CTR(nonce)), data),
        "GCM": AESGCM(key).encrypt(nonce[:12], data, None)[:-TAG_BYTES],
    }
    shown = {mode: np.frombuffer(text, np.uint8).reshape(pixels.shape) for mode, text in ciphertexts.items()}
    repeated = {name: repeated_blocks(text) for name, text in {"original": data, **ciphertexts}.items()}
    return EncryptedPictures(pixels, shown, repeated)


def repeated_blocks(data: bytes) -> float:
    """Return the share of whole 16-byte blocks of ``data`` that occur more than once.

    A quick test of any ciphertext: one of good encryption has none.

    Raises:
        UserError: if there is no whole block.
    """
    counts = Counter(data[i : i + BLOCK_BYTES] for i in range(0, len(data) - BLOCK_BYTES + 1, BLOCK_BYTES))
    if not counts:
        raise UserError(f"There is no whole block of {BLOCK_BYTES} bytes in {len(data)} bytes.")
    return sum(count for count in counts.values() if count > 1) / counts.total()


def _run(cipher: Cipher, data: bytes) -> bytes:
    encryptor = cipher.encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if size < BLOCK_BYTES or size % BLOCK_BYTES:
        raise UserError(f"The picture's size must be a multiple of {BLOCK_BYTES} pixels, not {size}.")
    line = np.linspace(-1, 1, size)
    return np.meshgrid(line, line, indexing="ij")


def _finished(picture: NDArray[np.float64], noise: float, seed: int) -> Picture:
    if noise > 0:
        picture = picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
