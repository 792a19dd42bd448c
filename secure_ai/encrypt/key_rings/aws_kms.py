"""Key-encryption keys that AWS KMS holds: they never leave its hardware; every use is a call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.aws_errors import kms_errors
from secure_ai.encrypt.key_rings.errors import (
    KeyExistsError,
    KeyNameError,
    KeyNotFoundError,
    KeyVersionGoneError,
    WrappedKeyError,
)
from secure_ai.encrypt.key_rings.gate import UNNAMED, Allowed, Gate
from secure_ai.encrypt.key_rings.interface import (
    DATA_KEY_BYTES,
    DataKey,
    KeyVersion,
    VersionState,
    WrappedKey,
    check_key_name,
    check_ring,
)

KIND = "aws-kms"
WAITING_DAYS = 7  # the least that AWS allows between asking for a deletion and doing it
CONNECT_SECONDS, READ_SECONDS = 5, 15
_STATES: dict[str, VersionState] = {"Disabled": "disabled", "PendingDeletion": "pending deletion"}
_NO_LIBRARY = (
    "AWS KMS needs the library boto3: install it with "
    "'pip install --no-deps --require-hashes -r requirements-kms.lock'."
)
_NAMES = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class AwsKmsRing:
    """A key ring in AWS KMS.

    Each version is a KMS key of its own, with the aliases ``alias/<prefix>/<name>`` (the newest) and
    ``alias/<prefix>/<name>/<number>``; a wrapped key's version is the identifier of the KMS key. KMS could
    also rotate within one key (RotateKeyOnDemand), but only 10 to 25 times, and its older material opens
    forever: a single version cannot be destroyed there, and here it must be. The price is a monthly fee for
    each version.

    The context is the EncryptionContext (logged in the clear by CloudTrail). Re-wrapping is ReEncrypt: the
    data key does not leave KMS. Requests end after at most 15 seconds, with two tries.

    Destroying schedules the deletion: KMS refuses the version at once, deletes it after 7 days, and until
    then the account can have it back. Deleted versions are no longer listed.

    Args:
        actor: the account or service that uses the ring, as the audit trail names it.
        audit: the trail; one in memory if None.
        allowed: the access policy, see :class:`Gate`; KMS's own comes on top.
        prefix: the first part of the aliases.
        region: the AWS region; None takes the one of the environment.
        client: a boto3 client for KMS; made with the environment's credentials if None.

    Raises:
        UserError: if boto3 is not installed, or there are no credentials or no region.
    """

    def __init__(
        self,
        *,
        actor: str = UNNAMED,
        audit: AuditLog | None = None,
        allowed: Allowed | None = None,
        prefix: str = "secure-ai",
        region: str | None = None,
        client: Any = None,
    ) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise UserError(_NO_LIBRARY) from None
        self.gate = Gate(KIND, actor, audit, allowed)
        _check(prefix)
        self._prefix = f"alias/{prefix}/"
        if client is None:
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 2, "mode": "standard"},
            )
            with kms_errors(""):
                client = boto3.session.Session().client("kms", region_name=region, config=config)
        self._client = client

    def create_key(self, key_name: str) -> str:
        """Make a new KMS key with its aliases and return its identifier.

        Raises:
            KeyExistsError: if there is one of this name.
        """
        with self.gate.use("create", key_name) as use:
            _check(key_name)
            if self._numbered(key_name):
                raise KeyExistsError(f"The key {key_name} exists: rotate it, or choose another name.")
            use.allow()
            version = self._new_version(key_name, 1, self._client.create_alias)
        return version

    def rotate(self, key_name: str) -> str:
        """Make a new version of ``key_name`` and return it; older versions still open what they wrapped."""
        with self.gate.use("rotate", key_name) as use:
            numbered = self._existing(key_name)
            use.allow()
            version = self._new_version(key_name, max(numbered) + 1, self._client.update_alias)
        return version

    def new_data_key(self, key_name: str, context: Mapping[str, str]) -> DataKey:
        """Return a fresh data key, wrapped with the newest version of ``key_name`` (GenerateDataKey)."""
        with self.gate.use("wrap", key_name, context) as use:
            _check(key_name)
            try:
                with kms_errors(key_name):
                    made = self._client.generate_data_key(
                        KeyId=self._prefix + key_name,
                        NumberOfBytes=DATA_KEY_BYTES,
                        EncryptionContext=dict(context),
                    )
            except KeyVersionGoneError:
                self._existing(key_name)
                raise
            wrapped = WrappedKey(KIND, key_name, _identifier(made["KeyId"]), made["CiphertextBlob"])
            use.version = wrapped.version
        return DataKey(made["Plaintext"], wrapped)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Return the 32 bytes of a data key (Decrypt)."""
        with self.gate.use("unwrap", wrapped.key_name, context) as use:
            use.version = shown(wrapped.version)
            _check_wrapped(wrapped)
            with kms_errors(wrapped.key_name):
                opened = self._client.decrypt(
                    KeyId=wrapped.version,
                    CiphertextBlob=wrapped.ciphertext,
                    EncryptionContext=dict(context),
                )
        return opened["Plaintext"]

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Return the same data key, wrapped with the newest version; KMS does it inside (ReEncrypt)."""
        with self.gate.use("rewrap", wrapped.key_name, context) as use:
            use.version = shown(wrapped.version)
            _check_wrapped(wrapped)
            with kms_errors(wrapped.key_name):
                made = self._client.re_encrypt(
                    CiphertextBlob=wrapped.ciphertext,
                    SourceKeyId=wrapped.version,
                    SourceEncryptionContext=dict(context),
                    DestinationKeyId=self._prefix + wrapped.key_name,
                    DestinationEncryptionContext=dict(context),
                )
            again = WrappedKey(KIND, wrapped.key_name, _identifier(made["KeyId"]), made["CiphertextBlob"])
            use.version = again.version
        return again

    def key_names(self) -> tuple[str, ...]:
        """Return the names of all keys under the prefix, sorted."""
        names = {alias[len(self._prefix) :].split("/")[0] for alias, _ in self._aliases()}
        return tuple(sorted(names))

    def versions(self, key_name: str) -> tuple[KeyVersion, ...]:
        """Return the versions of a key that KMS still has, the oldest first."""
        numbered = self._existing(key_name)
        found = []
        for number, version in sorted(numbered.items()):
            with kms_errors(key_name):
                state = self._client.describe_key(KeyId=version)["KeyMetadata"]["KeyState"]
            living: VersionState = "current" if number == max(numbered) else "old"
            found.append(KeyVersion(key_name, version, _STATES.get(state, living)))
        return tuple(found)

    def destroy(self, key_name: str, version: str | None = None) -> None:
        """Schedule the deletion of one version, or of all (None), in 7 days.

        Raises:
            KeyNotFoundError: if there is no such key or version.
            KeyVersionGoneError: if its deletion was scheduled before.
        """
        with self.gate.use("destroy", key_name) as use:
            use.version = "all" if version is None else shown(str(version))
            living = [v for v in self.versions(key_name) if v.state != "pending deletion"]
            chosen = [v for v in living if version in (None, v.version)]
            if version is not None and not chosen:
                if version in self._existing(key_name).values():
                    raise KeyVersionGoneError(
                        f"This version of the key {key_name} waits for its deletion already."
                    )
                raise KeyNotFoundError(
                    f"The key {key_name} has no such version in AWS KMS: look at its versions."
                )
            use.allow()
            for each in chosen:
                with kms_errors(key_name):
                    self._client.schedule_key_deletion(KeyId=each.version, PendingWindowInDays=WAITING_DAYS)

    def __repr__(self) -> str:
        """Show the prefix only."""
        return f"AwsKmsRing({self._prefix})"

    def _new_version(self, key_name: str, number: int, point: Callable[..., Any]) -> str:
        with kms_errors(key_name):
            made = self._client.create_key(Description=f"secure-ai key {key_name}, version {number}")
            version = made["KeyMetadata"]["KeyId"]
            try:
                # This alias is the lock: of two who rotate at once, one is told that it exists.
                self._client.create_alias(AliasName=f"{self._prefix}{key_name}/{number}", TargetKeyId=version)
                point(AliasName=self._prefix + key_name, TargetKeyId=version)
            except Exception:
                self._client.schedule_key_deletion(KeyId=version, PendingWindowInDays=WAITING_DAYS)
                raise
        return version

    def _aliases(self) -> list[tuple[str, str]]:
        with kms_errors(""):
            pages = self._client.get_paginator("list_aliases").paginate()
            return [
                (alias["AliasName"], alias.get("TargetKeyId", ""))
                for page in pages
                for alias in page["Aliases"]
                if alias["AliasName"].startswith(self._prefix)
            ]

    def _numbered(self, key_name: str) -> dict[int, str]:
        alias_of = re.compile(re.escape(f"{self._prefix}{key_name}/") + r"(\d{1,9})", re.ASCII)
        found = ((alias_of.fullmatch(alias), key) for alias, key in self._aliases())
        return {int(match[1]): key for match, key in found if match}

    def _existing(self, key_name: str) -> dict[int, str]:
        _check(key_name)
        numbered = self._numbered(key_name)
        if not numbered:
            raise KeyNotFoundError(
                f"AWS KMS has no key {key_name} under {self._prefix}: create it, or check the region."
            )
        return numbered


def _check(key_name: str) -> None:
    check_key_name(key_name)
    if _NAMES.fullmatch(key_name) is None:
        raise KeyNameError(
            "A key's name in AWS KMS has letters, digits, hyphens and underscores: choose another."
        )


def _check_wrapped(wrapped: WrappedKey) -> None:
    _check(wrapped.key_name)
    check_ring(wrapped, KIND, "AWS KMS")
    if not wrapped.ciphertext or len(wrapped.ciphertext) > 6144 or not wrapped.version:
        raise WrappedKeyError("The wrapped key is damaged: take the file from a backup.")


def _identifier(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
