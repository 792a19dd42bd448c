"""XAES-256-GCM: AES-256-GCM with a nonce so long that random ones never meet, for many short values."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES, TAG_BYTES, KEY_BYTES, BLOCK_BYTES = 24, 16, 32, 16


class XaesKey:
    """A key of 256 bits for practically any number of values (2^80 with random nonces).

    Plain AES-GCM must stop after 2^32 random nonces of 96 bits under one key (NIST SP 800-38D, 8.3), and
    a count would have to be shared by all who write. Here the first half of a nonce of 192 bits derives a
    key of its own for each value (NIST SP 800-108r1, CMAC), the second half is that key's nonce.

    Source: C2SP XAES-256-GCM, https://c2sp.org/XAES-256-GCM; every step is a NIST-approved one.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"An XAES key has {KEY_BYTES} bytes.")
        self._aes = algorithms.AES(secret)
        doubled = int.from_bytes(self._ecb(bytes(BLOCK_BYTES)), "big") << 1
        if doubled >> 128:
            doubled = (doubled & (1 << 128) - 1) ^ 0x87
        subkey = doubled.to_bytes(BLOCK_BYTES, "big")
        # The two CMAC blocks of each nonce differ from these in their last twelve bytes only.
        blocks = b"\0\1X\0" + bytes(12) + b"\0\2X\0" + bytes(12)
        self._blocks = np.frombuffer(blocks, np.uint8) ^ np.frombuffer(subkey * 2, np.uint8)

    def __repr__(self) -> str:
        return "XaesKey(secret)"

    def encrypt(self, plaintexts: Sequence[bytes], associated: Sequence[bytes]) -> list[bytes]:
        """Return nonce (24 bytes), ciphertext and tag (16 bytes) of each plaintext."""
        return self.encrypt_with(os.urandom(NONCE_BYTES * len(plaintexts)), plaintexts, associated)

    def encrypt_with(
        self, nonces: bytes, plaintexts: Sequence[bytes], associated: Sequence[bytes]
    ) -> list[bytes]:
        """Encrypt with ``nonces`` one after the other; for published test vectors only."""
        keys = self._derived(nonces)
        sealed = []
        for i, (plaintext, data) in enumerate(zip(plaintexts, associated, strict=True)):
            nonce = nonces[NONCE_BYTES * i : NONCE_BYTES * (i + 1)]
            key = keys[KEY_BYTES * i : KEY_BYTES * (i + 1)]
            sealed.append(nonce + AESGCM(key).encrypt(nonce[12:], plaintext, data))
        return sealed

    def decrypt(self, sealed: Sequence[bytes], associated: Sequence[bytes]) -> list[bytes | None]:
        """Return the plaintexts; None where a value was changed or is bound to other associated data."""
        keys = self._derived(b"".join(value[:NONCE_BYTES] for value in sealed))
        opened: list[bytes | None] = []
        for i, (value, data) in enumerate(zip(sealed, associated, strict=True)):
            key = AESGCM(keys[KEY_BYTES * i : KEY_BYTES * (i + 1)])
            try:
                opened.append(key.decrypt(value[12:NONCE_BYTES], value[NONCE_BYTES:], data))
            except InvalidTag:
                opened.append(None)
        return opened

    def _derived(self, nonces: bytes) -> bytes:
        halves = np.frombuffer(nonces, np.uint8).reshape(-1, NONCE_BYTES)[:, :12]
        blocks = np.empty((len(halves), 2 * BLOCK_BYTES), np.uint8)
        blocks[:] = self._blocks
        blocks[:, 4:16] ^= halves
        blocks[:, 20:32] ^= halves
        return self._ecb(blocks.tobytes())

    def _ecb(self, blocks: bytes) -> bytes:
        # Not ECB of any data: the block cipher itself, as CMAC uses it.
        encryptor = Cipher(self._aes, modes.ECB()).encryptor()
        return encryptor.update(blocks) + encryptor.finalize()
