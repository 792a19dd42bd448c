"""Key-encryption keys that the Transit engine of HashiCorp Vault (or OpenBao) holds; every use is a call."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from secure_ai.core.audit import AuditLog
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import (
    KeyExistsError,
    KeyNotFoundError,
    KeyRingError,
    KeyVersionGoneError,
    ServiceDeniedError,
    ServiceError,
    ServiceThrottledError,
    ServiceUnreachableError,
    WrappedKeyError,
)
from secure_ai.encrypt.key_rings.gate import UNNAMED, Allowed, Gate
from secure_ai.encrypt.key_rings.interface import (
    DATA_KEY_BYTES,
    DataKey,
    KeyVersion,
    VersionState,
    WrappedKey,
    canonical_context,
    check_key_name,
    check_ring,
)

if TYPE_CHECKING:
    import httpx

KIND = "vault-transit"
TIMEOUT_SECONDS = 10.0
_CIPHERTEXT = re.compile(r"vault:v([1-9]\d{0,8}):[A-Za-z0-9+/=]{1,8192}", re.ASCII)


class VaultTransitRing:
    """A key ring in Vault's Transit engine, over its HTTP interface.

    Keys are made with ``derived``: the context goes into the key derivation, so a data key opens only with
    the context that it was wrapped for. Data keys come from ``datakey/plaintext``, re-wrapping is ``rewrap``:
    the data key does not leave Vault. Versions can be destroyed from the oldest on (``trim``), for good.

    Args:
        address: such as ``https://vault.example.org:8200``; None takes VAULT_ADDR.
        token: the access token; None takes VAULT_TOKEN.
        actor: the account or service that uses the ring, as the audit trail names it.
        audit: the trail; one in memory if None.
        allowed: the access policy, see :class:`Gate`; Vault's own comes on top.
        mount: the path of the engine.
        namespace: for Vault Enterprise.
        certificates: a file of certificates to trust; None takes VAULT_CACERT, else those of the system.

    Raises:
        UserError: if address or token is missing.
    """

    def __init__(
        self,
        address: str | None = None,
        token: str | None = None,
        *,
        actor: str = UNNAMED,
        audit: AuditLog | None = None,
        allowed: Allowed | None = None,
        mount: str = "transit",
        namespace: str | None = None,
        certificates: str | None = None,
    ) -> None:
        import ssl

        import httpx

        self.gate = Gate(KIND, actor, audit, allowed)
        address = address or os.environ.get("VAULT_ADDR", "")
        token = token or os.environ.get("VAULT_TOKEN", "")
        if re.fullmatch(r"https?://[^\s/]+/?", address) is None:
            raise ServiceError("The address of Vault is missing: set VAULT_ADDR, such as https://vault:8200.")
        if re.match(r"http://(?!(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?$)", address):
            raise ServiceError("The token for Vault would travel in the clear: use an https address.")
        if not token or not token.isascii() or not token.isprintable():
            raise ServiceDeniedError("The token for Vault is missing: set VAULT_TOKEN.")
        if re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", mount, re.ASCII) is None:
            raise ServiceError("The mount of the Transit engine is a path such as transit: check it.")
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        certificates = certificates or os.environ.get("VAULT_CACERT")
        try:
            trust = ssl.create_default_context(cafile=certificates)
        except OSError:
            raise ServiceError(
                "The file of trusted certificates cannot be read: check VAULT_CACERT."
            ) from None
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/v1/{mount}/",
            headers=headers, timeout=TIMEOUT_SECONDS, verify=trust, follow_redirects=False,
        )  # fmt: skip

    def create_key(self, key_name: str) -> str:
        """Make a new key (aes256-gcm96, derived) and return its first version.

        Raises:
            KeyExistsError: if there is one of this name.
        """
        with self.gate.use("create", key_name) as use:
            check_key_name(key_name)
            if key_name in self.key_names():
                raise KeyExistsError(f"The key {key_name} exists: rotate it, or choose another name.")
            use.allow("1")
            self._call("POST", f"keys/{key_name}", key_name, {"type": "aes256-gcm96", "derived": True})
        return "1"

    def rotate(self, key_name: str) -> str:
        """Make a new version of ``key_name`` and return it; older versions still open what they wrapped."""
        with self.gate.use("rotate", key_name) as use:
            use.allow(str(self._number(self._read(key_name), "latest_version") + 1))
            self._call("POST", f"keys/{key_name}/rotate", key_name, {})
            version = str(self._number(self._read(key_name), "latest_version"))
        return version

    def new_data_key(self, key_name: str, context: Mapping[str, str]) -> DataKey:
        """Return a fresh data key, wrapped with the newest version of ``key_name``."""
        with self.gate.use("wrap", key_name, context) as use:
            check_key_name(key_name)
            body = {"context": _encoded(canonical_context(context)), "bits": 8 * DATA_KEY_BYTES}
            made = self._call("POST", f"datakey/plaintext/{key_name}", key_name, body)
            secret, wrapped = _secret(made), _wrapped(made, key_name)
            use.version = wrapped.version
        return DataKey(secret, wrapped)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Return the 32 bytes of a data key."""
        with self.gate.use("unwrap", wrapped.key_name, context) as use:
            use.version = shown(wrapped.version)
            body = {"context": _encoded(canonical_context(context)), "ciphertext": _ciphertext(wrapped)}
            secret = _secret(self._call("POST", f"decrypt/{wrapped.key_name}", wrapped.key_name, body))
        return secret

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Return the same data key, wrapped with the newest version; Vault does it inside."""
        with self.gate.use("rewrap", wrapped.key_name, context) as use:
            use.version = shown(wrapped.version)
            body = {"context": _encoded(canonical_context(context)), "ciphertext": _ciphertext(wrapped)}
            made = self._call("POST", f"rewrap/{wrapped.key_name}", wrapped.key_name, body)
            again = _wrapped(made, wrapped.key_name)
            use.version = again.version
        return again

    def key_names(self) -> tuple[str, ...]:
        """Return the names of all keys of the engine, sorted."""
        listed = self._call("LIST", "keys", "", None, missing_is_empty=True).get("keys", [])
        return tuple(sorted(name for name in listed if isinstance(name, str)))

    def versions(self, key_name: str) -> tuple[KeyVersion, ...]:
        """Return the versions of a key, the oldest first.

        One below ``min_decryption_version`` is "disabled" (it can be had back), a trimmed one "destroyed".
        """
        key = self._read(key_name)
        newest, least = self._number(key, "latest_version"), self._number(key, "min_decryption_version")
        kept = key.get("keys") or {}

        def state(number: int) -> VersionState:
            if number < self._number(key, "min_available_version"):
                return "destroyed"
            # Below the least version that may decrypt, Vault moves keys to an archive.
            if number < least:
                return "disabled"
            if str(number) not in kept:
                return "destroyed"
            return "current" if number == newest else "old"

        return tuple(KeyVersion(key_name, str(n), state(n)) for n in range(1, newest + 1))

    def destroy(self, key_name: str, version: str | None = None) -> None:
        """Destroy one version, or the whole key (None): what they wrapped is lost for good.

        Vault destroys versions from the oldest on, and never the newest. Backups and snapshots of Vault's
        storage still hold them until they expire.

        Raises:
            KeyNotFoundError: if there is no such key or version.
            KeyVersionGoneError: if it was destroyed before.
            KeyRingError: if an older version must be destroyed first, or it is the newest.
        """
        with self.gate.use("destroy", key_name) as use:
            use.version = "all" if version is None else shown(str(version))
            states = {v.version: v.state for v in self.versions(key_name)}
            if version is None:
                use.allow()
                self._call("POST", f"keys/{key_name}/config", key_name, {"deletion_allowed": True})
                self._call("DELETE", f"keys/{key_name}", key_name, None)
                return
            self._may_destroy(key_name, version, states)
            use.allow()
            least = int(version) + 1
            limits = {"min_decryption_version": least, "min_encryption_version": least}
            self._call("POST", f"keys/{key_name}/config", key_name, limits)
            self._call("POST", f"keys/{key_name}/trim", key_name, {"min_available_version": least})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> VaultTransitRing:
        """Return the ring, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Show the address only."""
        return f"VaultTransitRing({self._client.base_url})"

    def _may_destroy(self, key_name: str, version: str, states: Mapping[str, VersionState]) -> None:
        if version not in states:
            raise KeyNotFoundError(f"The key {key_name} has no such version in Vault: look at its versions.")
        if states[version] == "destroyed":
            raise KeyVersionGoneError(f"Version {version} of the key {key_name} was destroyed before.")
        if states[version] == "current":
            raise KeyRingError(
                f"Version {version} of the key {key_name} is the newest: rotate the key first."
            )
        if any(state != "destroyed" for other, state in states.items() if int(other) < int(version)):
            raise KeyRingError(
                f"Vault destroys the versions of {key_name} from the oldest on: destroy the older ones first."
            )

    def _read(self, key_name: str) -> dict[str, Any]:
        check_key_name(key_name)
        return self._call("GET", f"keys/{key_name}", key_name, None)

    def _number(self, key: Mapping[str, Any], field: str) -> int:
        number = key.get(field, 0)
        if not isinstance(number, int) or not 0 <= number <= 1_000_000:
            _unforeseen()
        return number

    def _call(
        self,
        method: str,
        path: str,
        key_name: str,
        body: Mapping[str, object] | None,
        *,
        missing_is_empty: bool = False,
    ) -> dict[str, Any]:
        import httpx

        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError:
            raise ServiceUnreachableError(
                "Vault cannot be reached, or does not answer in time: check VAULT_ADDR, the network and the "
                "certificate."
            ) from None
        if answer.status_code == 404 and missing_is_empty:
            return {}
        if answer.status_code >= 300:
            _refused(answer, key_name)
        if answer.status_code == 204 or not answer.content:
            return {}
        try:
            data = answer.json()["data"]
        except (ValueError, KeyError, TypeError):
            _unforeseen()
        return data if isinstance(data, dict) else {}


def _refused(answer: httpx.Response, key_name: str) -> NoReturn:
    """Raise what an error answer means; its text is looked at and not shown."""
    status, text, name = answer.status_code, answer.text[:2000].lower(), shown(key_name)
    if status == 403:
        raise ServiceDeniedError("Vault refuses this token: renew it, or ask for the right in its policy.")
    if status == 404 or "encryption key not found" in text:
        raise KeyNotFoundError(f"Vault has no key {name} here: create it, or check the mount of the engine.")
    if status == 429:
        raise ServiceThrottledError("Vault has had too many requests: wait, then ask for fewer a second.")
    if status == 503:
        raise ServiceUnreachableError("Vault is sealed or being maintained: ask who operates it.")
    if status == 400 and ("too old" in text or "version is too new" in text):
        raise KeyVersionGoneError(
            f"The version of {name} that wrapped this key was destroyed or switched off in Vault."
        )
    if status == 400 and ("authentication failed" in text or "invalid ciphertext" in text):
        raise WrappedKeyError(
            f"The wrapped key of {name} does not open: it was wrapped for another context, or is damaged."
        )
    raise ServiceError(f"Vault refuses the request (status {status}): check key, mount and version of Vault.")


def _unforeseen() -> NoReturn:
    raise ServiceError("The answer is not one of Vault's Transit engine: check VAULT_ADDR and the mount.")


def _ciphertext(wrapped: WrappedKey) -> str:
    check_key_name(wrapped.key_name)
    check_ring(wrapped, KIND, "Vault")
    text = wrapped.ciphertext.decode("ascii", "replace")
    found = _CIPHERTEXT.fullmatch(text)
    if found is None or found[1] != wrapped.version:
        raise WrappedKeyError("The wrapped key is damaged: take the file from a backup.")
    return text


def _wrapped(made: Mapping[str, Any], key_name: str) -> WrappedKey:
    text = made.get("ciphertext")
    found = _CIPHERTEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        _unforeseen()
    return WrappedKey(KIND, key_name, found[1], text.encode("ascii"))


def _secret(made: Mapping[str, Any]) -> bytes:
    try:
        secret = base64.b64decode(made["plaintext"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        secret = b""
    if len(secret) != DATA_KEY_BYTES:
        _unforeseen()
    return secret


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
