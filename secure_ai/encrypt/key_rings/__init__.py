"""Key-encryption keys: on this disk, with AWS KMS or with Vault; rotated, audited, shredded."""

from secure_ai.encrypt.key_rings.aws_kms import AwsKmsRing
from secure_ai.encrypt.key_rings.errors import (
    ForeignKeyError,
    KeyDeletionPendingError,
    KeyDisabledError,
    KeyExistsError,
    KeyNameError,
    KeyNotFoundError,
    KeyRingError,
    KeyUseDeniedError,
    KeyVersionGoneError,
    PassphraseError,
    PersonShreddedError,
    RingBusyError,
    RingFileError,
    ServiceDeniedError,
    ServiceError,
    ServiceThrottledError,
    ServiceUnreachableError,
    WrappedKeyError,
)
from secure_ai.encrypt.key_rings.gate import Gate
from secure_ai.encrypt.key_rings.interface import (
    DataKey,
    KeyRing,
    KeyVersion,
    VersionedKeyRing,
    WrappedKey,
    canonical_context,
    random_data_key,
)
from secure_ai.encrypt.key_rings.local import LocalKeyRing
from secure_ai.encrypt.key_rings.passphrase import read_passphrase
from secure_ai.encrypt.key_rings.person_keys import PersonKeys, Shredding
from secure_ai.encrypt.key_rings.ring_file import DEFAULT_COST, UNSAFE_COST_FOR_TESTS, PassphraseCost
from secure_ai.encrypt.key_rings.rotation import RotationReport, rewrap_all
from secure_ai.encrypt.key_rings.shredding import Attempt, ShreddingProof, prove_shredded
from secure_ai.encrypt.key_rings.vault_transit import VaultTransitRing

__all__ = [
    "DEFAULT_COST",
    "UNSAFE_COST_FOR_TESTS",
    "Attempt",
    "AwsKmsRing",
    "DataKey",
    "ForeignKeyError",
    "Gate",
    "KeyDeletionPendingError",
    "KeyDisabledError",
    "KeyExistsError",
    "KeyNameError",
    "KeyNotFoundError",
    "KeyRing",
    "KeyRingError",
    "KeyUseDeniedError",
    "KeyVersion",
    "KeyVersionGoneError",
    "LocalKeyRing",
    "PassphraseCost",
    "PassphraseError",
    "PersonKeys",
    "PersonShreddedError",
    "RingBusyError",
    "RingFileError",
    "RotationReport",
    "ServiceDeniedError",
    "ServiceError",
    "ServiceThrottledError",
    "ServiceUnreachableError",
    "Shredding",
    "ShreddingProof",
    "VaultTransitRing",
    "VersionedKeyRing",
    "WrappedKey",
    "WrappedKeyError",
    "canonical_context",
    "prove_shredded",
    "random_data_key",
    "read_passphrase",
    "rewrap_all",
]
