"""A vendor's SFTP server on this machine: public keys only, one folder and no way out of it, no shell."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.sockets import Address
from secure_ai.encrypt.transport.ssh_keys import load_ssh_key, read_public_key

PARTIAL = ".partial"


@dataclass(frozen=True)
class VendorServer:
    """An SFTP server that runs.

    Attributes:
        address: where it listens, on this machine only.
        host_key: its public key, one line: what the vendor tells by another way than the network, and the
            sender pins.
        folder: what its users see as ``/``.
    """

    address: Address
    host_key: str
    folder: Path

    def received(self) -> list[str]:
        """Return the names of the files that have arrived, unfinished ones included, in order."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@contextmanager
def vendor_sftp_server(
    users: Mapping[str, str],
    *,
    folder: Path | None = None,
    host_key: Path | str | None = None,
    max_bytes: int | None = None,
) -> Iterator[VendorServer]:
    """Run an SFTP server on a free port of 127.0.0.1 while the block runs.

    Args:
        users: for each user name the public key (one line) that logs in as it.
        folder: what is served; a temporary one that vanishes if None.
        host_key: the file of the server's private key; a new key if None.
        max_bytes: how long one file may get before the answer is that of a full disk; no bound if None.

    Raises:
        SshKeyError: if a key cannot be read.
        UserError: if the server does not start.
    """
    key = asyncssh.generate_private_key("ssh-ed25519") if host_key is None else load_ssh_key(host_key)
    keys = {user: read_public_key(line) for user, line in users.items()}
    with tempfile.TemporaryDirectory(prefix="secure-ai-vendor-") as temporary:
        place = Path(temporary if folder is None else folder).resolve()
        with _running(key, keys, place, max_bytes) as address:
            yield VendorServer(address, key.export_public_key().decode().strip(), place)


@contextmanager
def _running(
    key: asyncssh.SSHKey, keys: Mapping[str, asyncssh.SSHKey], folder: Path, max_bytes: int | None
) -> Iterator[Address]:
    started, address, loop = threading.Event(), [], asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _PublicKeysOnly(keys),
            server_host_keys=[key],
            sftp_factory=lambda channel: _OneFolder(channel, folder, max_bytes),
            config=None,
            login_timeout=10,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_pty=False,
        )
        address.append(Address("127.0.0.1", acceptor.get_port()))
        started.set()
        await stop.wait()
        acceptor.close(), await acceptor.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def main() -> None:
        try:
            loop.run_until_complete(run())
        except (OSError, asyncssh.Error):
            pass
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=main, name="vendor-sftp", daemon=True)
    thread.start()
    started.wait()
    if not address:
        thread.join()
        raise UserError("The SFTP server did not start: look whether this machine lets a port be opened.")
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class _PublicKeysOnly(asyncssh.SSHServer):
    def __init__(self, keys: Mapping[str, asyncssh.SSHKey]) -> None:
        self._keys = keys

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return False

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        known = self._keys.get(username)
        return known is not None and known.public_data == key.public_data


class _OneFolder(asyncssh.SFTPServer):
    """The library's change of root does not look at links that lie in the folder: this one does."""

    def __init__(self, channel: asyncssh.SSHServerChannel, folder: Path, max_bytes: int | None) -> None:
        self._folder, self._max_bytes = os.fsencode(folder), max_bytes
        super().__init__(channel, chroot=self._folder)

    def map_path(self, path: bytes) -> bytes:
        mapped = super().map_path(path)
        real = os.path.realpath(mapped)
        if real != self._folder and not real.startswith(self._folder + b"/"):
            raise asyncssh.SFTPPermissionDenied("outside the folder")
        return mapped

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links")

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self._max_bytes is not None and offset + len(data) > self._max_bytes:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)
