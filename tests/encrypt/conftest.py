"""A key ring in memory, and a table of patients."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings.interface import (
    DataKey,
    WrappedKey,
    canonical_context,
    random_data_key,
)
from synthetic_data import load


class MemoryRing:
    """The least that a key ring must do; ``destroy`` makes a key useless."""

    def __init__(self):
        self.keys: dict[str, list[bytes]] = {}
        self.opened = 0

    def _seal(self, secret, key_name, context):
        versions = self.keys.setdefault(key_name, [AESGCM.generate_key(256)])
        nonce = random_data_key()[:12]
        sealed = nonce + AESGCM(versions[-1]).encrypt(nonce, secret, canonical_context(context))
        return WrappedKey("memory", key_name, str(len(versions)), sealed)

    def new_data_key(self, key_name, context):
        secret = random_data_key()
        return DataKey(secret, self._seal(secret, key_name, context))

    def unwrap(self, wrapped, context):
        self.opened += 1
        try:
            key = AESGCM(self.keys[wrapped.key_name][int(wrapped.version) - 1])
            data = canonical_context(context)
            return key.decrypt(wrapped.ciphertext[:12], wrapped.ciphertext[12:], data)
        except (KeyError, IndexError):
            raise UserError(f"The key {wrapped.key_name} is gone.") from None
        except InvalidTag:
            raise UserError("The data key does not open.") from None

    def rewrap(self, wrapped, context):
        return self._seal(self.unwrap(wrapped, context), wrapped.key_name, context)

    def rotate(self, key_name):
        self.keys[key_name].append(AESGCM.generate_key(256))
        return str(len(self.keys[key_name]))

    def destroy(self, key_name):
        del self.keys[key_name]


@pytest.fixture
def ring():
    return MemoryRing()


@pytest.fixture(scope="session")
def patients():
    return load("healthcare", rows=300, seed=1).tables["patients"]


@pytest.fixture(scope="session")
def diagnoses():
    return load("healthcare", rows=300, seed=1).tables["diagnoses"]


@pytest.fixture(scope="session")
def transactions():
    return load("finance", rows=2000, seed=1).tables["transactions"]
