"""What can go wrong with a key ring; each case has a class of its own, and none carries a secret."""

from __future__ import annotations

from typing import ClassVar

from secure_ai.core.errors import UserError


class KeyRingError(UserError):
    """A key ring could not do what was asked.

    Attributes:
        reason: the case in a phrase, as the audit trail has it.
    """

    reason: ClassVar[str] = "refused"


class KeyNameError(KeyRingError):
    """A name that cannot stand for a key or a person."""

    reason = "bad name"


class KeyNotFoundError(KeyRingError):
    """The ring has no key of this name."""

    reason = "no such key"


class KeyExistsError(KeyRingError):
    """A key of this name is there already."""

    reason = "key exists"


class KeyVersionGoneError(KeyRingError):
    """The version that wrapped a data key was destroyed."""

    reason = "key version gone"


class KeyDeletionPendingError(KeyVersionGoneError):
    """The version that wrapped a data key opens nothing, and can be had back until a waiting time is over."""

    reason = "deletion pending"


class KeyDisabledError(KeyRingError):
    """The key exists and is switched off."""

    reason = "key disabled"


class KeyUseDeniedError(KeyRingError):
    """The access policy does not allow this use."""

    reason = "not allowed"


class WrappedKeyError(KeyRingError):
    """A wrapped key does not open: another context, or damaged."""

    reason = "wrong context or damaged"


class ForeignKeyError(KeyRingError):
    """A wrapped key comes from another ring."""

    reason = "another ring's key"


class PersonShreddedError(KeyRingError):
    """The keys of this person were destroyed for good."""

    reason = "person shredded"


class PassphraseError(KeyRingError):
    """The passphrase is missing, too short, or another one."""

    reason = "passphrase"


class RingFileError(KeyRingError):
    """The file of a ring is missing, damaged, or cannot be written."""

    reason = "ring file"


class RingBusyError(KeyRingError):
    """Another process holds the ring's lock."""

    reason = "ring busy"


# What concerns one wrapped key alone; other errors concern the ring, and stop a run over many keys.
ONE_KEY_ERRORS = (
    KeyNameError,
    KeyNotFoundError,
    KeyVersionGoneError,
    KeyUseDeniedError,
    WrappedKeyError,
    ForeignKeyError,
    PersonShreddedError,
)


class ServiceError(KeyRingError):
    """A key service answered something unforeseen."""

    reason = "service error"


class ServiceUnreachableError(ServiceError):
    """A key service cannot be reached, or does not answer in time."""

    reason = "service unreachable"


class ServiceDeniedError(ServiceError):
    """A key service refuses the caller."""

    reason = "service denied access"


class ServiceThrottledError(ServiceError):
    """A key service has had too many requests."""

    reason = "service throttled"
