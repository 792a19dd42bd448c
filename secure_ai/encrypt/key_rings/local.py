"""The key ring on this disk: versioned key-encryption keys in one file, sealed under a passphrase."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.audit import AuditLog
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import (
    ForeignKeyError,
    KeyExistsError,
    KeyRingError,
    KeyVersionGoneError,
    PassphraseError,
    RingFileError,
    WrappedKeyError,
)
from secure_ai.encrypt.key_rings.gate import UNNAMED, Allowed, Gate
from secure_ai.encrypt.key_rings.interface import (
    DATA_KEY_BYTES,
    DataKey,
    KeyVersion,
    WrappedKey,
    check_key_name,
    check_ring,
    random_data_key,
)
from secure_ai.encrypt.key_rings.passphrase import NEW_VARIABLE, read_passphrase
from secure_ai.encrypt.key_rings.ring_content import RingContent
from secure_ai.encrypt.key_rings.ring_file import (
    DEFAULT_COST,
    PassphraseCost,
    Seal,
    check_mode,
    one_writer,
    read_ring_file,
    write_ring_file,
)
from secure_ai.encrypt.private_files import write_new_private

if TYPE_CHECKING:
    import pandas as pd

KIND = "local"
_TAG, _NONCE = 8, 12


class LocalKeyRing:
    """A key ring in a file, or in memory for a lesson.

    The file holds the key-encryption keys, sealed with AES-256-GCM under a key that argon2id derives from the
    passphrase. A data key is wrapped with AES-256-GCM, too; its context is authenticated with it. Every use
    is written to the audit trail before a key leaves the ring.

    Made with :meth:`create`, :meth:`open` or :meth:`in_memory`. Other processes may change the same file:
    what they rotate or destroy holds here from the next use on.

    What it does not hinder: whoever has the file and the passphrase has the keys, also years later and from a
    copy; whoever may write the file may put an older copy in its place (an open ring notices, one that is
    opened afterwards cannot); Python cannot promise to wipe keys from memory. One version wraps at most 2^32
    data keys (random nonces, NIST SP 800-38D, 8.3): rotate long before.
    """

    def __init__(self, gate: Gate, content: RingContent, path: Path | None, seal: Seal | None) -> None:
        self.gate, self.path = gate, path
        self._content: RingContent | None = content
        self._seal = seal
        self._mutex = threading.RLock()
        self._seen: tuple[int, ...] | None = None

    @classmethod
    def create(
        cls,
        path: str | Path,
        passphrase: str | None = None,
        *,
        actor: str = UNNAMED,
        audit: AuditLog | None = None,
        allowed: Allowed | None = None,
        cost: PassphraseCost = DEFAULT_COST,
    ) -> LocalKeyRing:
        """Make a new, empty ring; an existing file is never overwritten.

        Args:
            path: its file, readable by its owner alone.
            passphrase: at least 15 characters; None takes SECURE_AI_PASSPHRASE, or asks twice.
            actor: the account or service that uses the ring, as the audit trail names it.
            audit: the trail; one in memory if None.
            allowed: the access policy, see :class:`Gate`.
            cost: what one guess of the passphrase costs.

        Raises:
            UserError: if the file exists or cannot be written, or the passphrase is too short.
        """
        path, gate = _real(path), Gate(KIND, actor, audit, allowed)
        with gate.use("create ring", path.name, ask=False) as use:
            secret = read_passphrase(passphrase, confirm=True)
            if path.exists():
                _exists(path)
            _make_folder(path.parent)
            seal = Seal.of(secret, cost)
            ring = cls(gate, RingContent(secrets.token_bytes(16), 0, {}), path, seal)
            with one_writer(path):
                if path.exists():
                    _exists(path)
                use.allow()
                ring._store(ring._content, overwrite_old=False)
        return ring

    @classmethod
    def open(
        cls,
        path: str | Path,
        passphrase: str | None = None,
        *,
        actor: str = UNNAMED,
        audit: AuditLog | None = None,
        allowed: Allowed | None = None,
    ) -> LocalKeyRing:
        """Open the ring of a file; arguments as in :meth:`create`.

        The file holds no policy: ``allowed`` comes from whoever opens it and binds this object alone. Who has
        file and passphrase can open it without one, so a policy that must also hold against them needs a
        process or a service of its own that alone has both (AWS KMS, Vault).

        Warns where others may read the file, or where its passphrase is cheap to guess.

        Raises:
            RingFileError: if the file is missing, no ring, damaged, or asks for more memory than a ring may.
            PassphraseError: if the passphrase is another one.
        """
        path, gate = _real(path), Gate(KIND, actor, audit, allowed)
        with gate.use("open", path.name, ask=False):
            file = read_ring_file(path)
            seal = file.seal(read_passphrase(passphrase))
            ring = cls(gate, RingContent.parsed(file.content(seal), path.name), path, seal)
            check_mode(path)
        if file.cost.weak:
            import warnings

            warnings.warn(
                f"The passphrase of the key ring {file.name} is cheap to guess: change it, which also raises "
                "the cost.",
                UserWarning,
                stacklevel=2,
            )
        return ring

    @classmethod
    def in_memory(
        cls,
        *key_names: str,
        actor: str = UNNAMED,
        audit: AuditLog | None = None,
        allowed: Allowed | None = None,
    ) -> LocalKeyRing:
        """Return a ring that ends with this process, with a key for each name: for lessons and tests."""
        ring = cls(Gate(KIND, actor, audit, allowed), RingContent(secrets.token_bytes(16), 0, {}), None, None)
        for name in key_names:
            ring.create_key(name)
        return ring

    def create_key(self, key_name: str) -> str:
        """Make a new key and return its first version.

        Raises:
            KeyExistsError: if there is one of this name, destroyed ones included.
        """
        with self.gate.use("create", key_name) as use:
            check_key_name(key_name)
            with self._change() as content:
                if key_name in content.keys:
                    raise KeyExistsError(f"The key {key_name} exists: rotate it, or choose another name.")
                content.keys[key_name] = {"1": random_data_key()}
                use.allow("1")
        return "1"

    def rotate(self, key_name: str) -> str:
        """Make a new version of ``key_name`` and return it; older versions still open what they wrapped."""
        with self.gate.use("rotate", key_name) as use, self._change() as content:
            versions = content.versions_of(key_name)
            version = str(len(versions) + 1)
            versions[version] = random_data_key()
            use.allow(version)
        return version

    def new_data_key(self, key_name: str, context: Mapping[str, str]) -> DataKey:
        """Return a fresh data key, wrapped with the newest version of ``key_name``."""
        with self.gate.use("wrap", key_name, context) as use:
            secret = random_data_key()
            wrapped = self._wrap(secret, key_name, context)
            use.version = wrapped.version
        return DataKey(secret, wrapped)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Return the 32 bytes of a data key.

        Raises:
            ForeignKeyError: if another ring wrapped it.
            KeyVersionGoneError: if the version that wrapped it was destroyed.
            WrappedKeyError: if the context is another one, or the wrapped key is damaged.
        """
        with self.gate.use("unwrap", wrapped.key_name, context) as use:
            use.version = shown(wrapped.version)
            secret = self._unwrap(wrapped, context)
        return secret

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Return the same data key, wrapped with the newest version; the data stays as it is."""
        with self.gate.use("rewrap", wrapped.key_name, context) as use:
            use.version = shown(wrapped.version)
            again = self._wrap(self._unwrap(wrapped, context), wrapped.key_name, context)
            use.version = again.version
        return again

    def key_names(self) -> tuple[str, ...]:
        """Return the names of all keys, sorted."""
        return tuple(sorted(self._current().keys))

    def versions(self, key_name: str) -> tuple[KeyVersion, ...]:
        """Return the versions of a key, the oldest first; destroyed ones stay listed."""
        versions = self._current().versions_of(key_name)
        newest = list(versions)[-1]
        return tuple(
            KeyVersion(
                key_name, version, "destroyed" if key is None else "current" if version == newest else "old"
            )
            for version, key in versions.items()
        )

    def destroy(self, key_name: str, version: str | None = None) -> None:
        """Destroy one version of a key, or all (None): what they wrapped is lost for good.

        The file is written anew without them, and the bytes of the old file are overwritten. That reaches
        neither the ring's own backups and snapshots (with the passphrase they still open, and hold the
        version: delete them, too), nor copies that a solid-state disk, a journaling or copy-on-write file
        system keeps, nor the memory of processes that have the ring open. Those copies are sealed: without
        the passphrase of their day they are no use.

        Raises:
            KeyNotFoundError: if there is no such key or version.
            KeyVersionGoneError: if it was destroyed before.
        """
        with self.gate.use("destroy", key_name) as use:
            use.version = "all" if version is None else shown(str(version))
            with self._change(overwrite_old=True) as content:
                versions = content.versions_of(key_name)
                if version is not None:
                    content.key_of(key_name, version)
                for name in versions if version is None else (version,):
                    versions[name] = None
                use.allow()

    def backup(self, target: str | Path) -> Path:
        """Write a copy of the ring's file, readable by its owner alone; it opens with the same passphrase.

        What is destroyed later stays in the copy: keep few, apart from the data, and know where they are.

        Raises:
            UserError: if the ring is in memory, or the copy cannot be written.
        """
        target = Path(target)
        with self.gate.use("backup", target.name, ask=False):
            if self.path is None:
                raise KeyRingError("A key ring in memory has no file to copy: create one in a file.")
            self._current()
            with one_writer(self.path), atomic_file(target) as draft:
                write_new_private(draft, self.path.read_bytes())
        return target

    def change_passphrase(
        self, new_passphrase: str | None = None, *, cost: PassphraseCost = DEFAULT_COST
    ) -> None:
        """Seal the file under another passphrase; the keys stay the same.

        An older copy of the file still opens with the older passphrase: if that is known to others, rotate
        the keys, re-wrap, and destroy the old versions, too.

        Args:
            new_passphrase: at least 15 characters; None takes SECURE_AI_NEW_PASSPHRASE, or asks twice.
            cost: what one guess costs from now on.
        """
        name = "in memory" if self.path is None else self.path.name
        with self.gate.use("change passphrase", name, ask=False) as use:
            if self.path is None:
                raise KeyRingError("A key ring in memory has no passphrase: create one in a file.")
            secret = read_passphrase(
                new_passphrase, confirm=True, variable=NEW_VARIABLE, prompt="New passphrase: "
            )
            with self._change(overwrite_old=True):
                use.allow()
                self._seal = Seal.of(secret, cost)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per version: ``key_name``, ``version``, ``state``."""
        import pandas as pd

        rows = [(v.key_name, v.version, v.state) for name in self.key_names() for v in self.versions(name)]
        return pd.DataFrame(rows, columns=["key_name", "version", "state"])

    def close(self) -> None:
        """Let go of the keys; the ring cannot be used any more."""
        self._content = self._seal = None

    def __enter__(self) -> LocalKeyRing:
        """Return the ring, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ring."""
        self.close()

    def __repr__(self) -> str:
        """Show where the ring is and nothing of what it holds."""
        return f"LocalKeyRing({'in memory' if self.path is None else shown(self.path.name)})"

    def __getstate__(self) -> NoReturn:
        """Refuse to be copied or sent elsewhere."""
        raise KeyRingError("A key ring is neither copied nor sent: open it where it is needed.")

    def _wrap(self, secret: bytes, key_name: str, context: Mapping[str, str]) -> WrappedKey:
        content = self._current()
        versions = content.versions_of(key_name)
        version = list(versions)[-1]
        if versions[version] is None:
            raise KeyVersionGoneError(
                f"The newest version of the key {shown(key_name)} was destroyed: rotate the key first."
            )
        nonce = secrets.token_bytes(_NONCE)
        associated = content.associated(key_name, version, context)
        sealed = AESGCM(versions[version]).encrypt(nonce, secret, associated)
        return WrappedKey(KIND, key_name, version, content.ring_id[:_TAG] + nonce + sealed)

    def _unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        content = self._current()
        check_key_name(wrapped.key_name)
        check_ring(wrapped, KIND, "one on this disk")
        raw = wrapped.ciphertext
        if len(raw) != _TAG + _NONCE + DATA_KEY_BYTES + 16:
            raise WrappedKeyError("The wrapped key is damaged or cut short: take the file from a backup.")
        if raw[:_TAG] != content.ring_id[:_TAG]:
            raise ForeignKeyError(
                f"Another key ring wrapped this key (named {wrapped.key_name}): open the ring that it "
                "belongs to."
            )
        key = content.key_of(wrapped.key_name, wrapped.version)
        associated = content.associated(wrapped.key_name, wrapped.version, context)
        try:
            return AESGCM(key).decrypt(raw[_TAG : _TAG + _NONCE], raw[_TAG + _NONCE :], associated)
        except InvalidTag:
            raise WrappedKeyError(
                f"The wrapped key of {wrapped.key_name} does not open: it was wrapped for another context, "
                "or is damaged."
            ) from None

    def _current(self) -> RingContent:
        """Return the content, read again if another process has changed the file."""
        with self._mutex:
            if self._content is None:
                raise KeyRingError("The key ring was closed: open it again.")
            if self.path is None:
                return self._content
            for attempt in range(3):
                seen = self._stat()
                if seen == self._seen:
                    break
                try:
                    self._reload()
                    self._seen = seen
                except RingFileError:
                    # Written just now: once it is replaced, an old file's bytes are overwritten.
                    if attempt == 2 or self._stat() == seen:
                        raise
            return self._content

    def _reload(self) -> None:
        file = read_ring_file(self.path)
        if file.salt != self._seal.salt or file.cost != self._seal.cost:
            raise PassphraseError(
                f"The passphrase of the key ring {file.name} was changed since it was opened: open it again."
            )
        content = RingContent.parsed(file.content(self._seal), self.path.name)
        if content.ring_id != self._content.ring_id or content.changes < self._content.changes:
            raise RingFileError(
                f"Another or an older copy was put in the place of the key ring {file.name}: what was "
                "destroyed would be back. Put the newest copy there, or open the ring again."
            )
        self._content = content

    def _stat(self) -> tuple[int, ...] | None:
        try:
            now = self.path.stat()
        except OSError:
            return None
        return now.st_ino, now.st_mtime_ns, now.st_size

    @contextmanager
    def _change(self, *, overwrite_old: bool = False) -> Iterator[RingContent]:
        """Yield a copy of the newest content to be changed; it is stored if the block succeeds."""
        with self._mutex:
            self._current()
            with nullcontext() if self.path is None else one_writer(self.path):
                content, seal = self._current().to_change(), self._seal
                try:
                    yield content
                    self._store(content, overwrite_old)
                except BaseException:
                    self._seal = seal
                    raise

    def _store(self, content: RingContent, overwrite_old: bool) -> None:
        if self.path is not None:
            write_ring_file(self.path, self._seal.close(content.to_bytes()), overwrite_old=overwrite_old)
            self._seen = self._stat()
        self._content = content


def _real(path: str | Path) -> Path:
    # A link would be replaced by a file at the first change: two rings, and each rotates alone.
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError):
        return Path(path)


def _exists(path: Path) -> NoReturn:
    raise RingFileError(f"The key ring {shown(path.name)} exists: open it, or name another file.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise RingFileError(
            f"The folder {shown(folder.name)} cannot be made: choose a place that you may write to."
        ) from None
