"""A drop to a vendor by SFTP: the host key is pinned, the file appears whole and verified or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import asyncssh

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.event_loop import run_apart
from secure_ai.encrypt.transport.sftp_server import PARTIAL
from secure_ai.encrypt.transport.sockets import Address, NotReachable, why
from secure_ai.encrypt.transport.ssh_keys import load_ssh_key, read_public_key

BLOCK_BYTES = 256 * 1024


class SftpError(UserError):
    """A drop that did not happen."""


class HostKeyChanged(SftpError):
    """The server is not the one whose key was pinned: a machine in the middle, or a new key."""


class LoginRefused(SftpError):
    """The server does not know this user with this key."""


class UploadFailed(SftpError):
    """The server did not take the file, or not as it is."""


@dataclass(frozen=True)
class SftpReceipt:
    """A file that has arrived.

    Attributes:
        name: under which it lies on the server.
        size: in bytes.
        sha256: of the bytes that were sent, in hexadecimal.
        read_back: whether the server's bytes were read again and have the same SHA-256; otherwise only the
            size was compared.
    """

    name: str
    size: int
    sha256: str
    read_back: bool

    def sentence(self) -> str:
        """Say what has arrived and how that is known."""
        how = "read back with the same SHA-256" if self.read_back else "its size compared, its bytes not"
        return f"{self.name} has arrived with {self.size:,} bytes, {how}."


def send_by_sftp(
    path: str | Path,
    address: Address | tuple[str, int],
    *,
    user: str,
    key: str | Path,
    host_key: str,
    passphrase: str | None = None,
    folder: str = "/",
    read_back: bool = True,
    timeout: float = 60.0,
) -> SftpReceipt:
    """Send a file: under a name that ends in ``.partial``, verified, then renamed; nothing is overwritten.

    Nothing of ``~/.ssh`` is used: no known hosts, no agent, no other key. It runs in a thread of its own, so
    that a notebook may call it.

    Args:
        path: the file.
        address: host and port of the server.
        user: the name to log in as.
        key: the file of the user's private key.
        host_key: the server's public key, one line, from the vendor by another way than this network.
        passphrase: of the user's key, if it has one.
        folder: where it goes on the server.
        read_back: read the file again before it is renamed and compare its SHA-256; False for servers that
            allow no reading, where only the size is compared.
        timeout: seconds for everything together.

    Raises:
        HostKeyChanged: if the server shows another key than ``host_key``; nothing was sent, no login either.
        LoginRefused: if it does not accept user and key.
        NotReachable: if nobody listens, or not in time.
        UploadFailed: if the disk is full, a right is missing, the name is taken or the bytes differ; what was
            uploaded is removed.
        SshKeyError: if a key cannot be read.
        UserError: if the file cannot be read.
    """
    source = Path(path)
    if not source.is_file():
        raise UserError(f"The file {shown(source.name)} does not exist: check the path.")
    job = _Job(source, Address(*address), user, PurePosixPath(folder), read_back, timeout)
    private, pinned = load_ssh_key(key, passphrase), read_public_key(host_key)
    return run_apart(_send(job, private, pinned))


@dataclass(frozen=True)
class _Job:
    source: Path
    address: Address
    user: str
    folder: PurePosixPath
    read_back: bool
    timeout: float

    @property
    def target(self) -> str:
        return str(self.folder / self.source.name)


async def _send(job: _Job, key: asyncssh.SSHKey, pinned: asyncssh.SSHKey) -> SftpReceipt:
    draft = str(job.folder / f".{job.source.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        async with asyncio.timeout(job.timeout):
            async with _connection(job, key, pinned) as connection, connection.start_sftp_client() as client:
                return await _upload(job, client, draft)
    except UserError:
        raise
    except TimeoutError:
        await _remove_later(job, key, pinned, draft)
        raise NotReachable(
            f"{shown(job.address.host)} did not finish in time: allow more seconds, or ask the vendor."
        ) from None
    except asyncssh.HostKeyNotVerifiable:
        raise HostKeyChanged(
            f"{shown(job.address.host)} shows another host key than the pinned one: nothing was sent. "
            "Ask the vendor by telephone whether the key is new; if it is not, somebody stands in the middle."
        ) from None
    except asyncssh.PermissionDenied:
        raise LoginRefused(
            f"{shown(job.address.host)} does not accept this user with this key: "
            "give the vendor the public key."
        ) from None
    except (ValueError, OverflowError):
        # A port above 65535, half a character or a NUL in a name: refused before anything is sent.
        raise NotReachable(
            f"{shown(str(job.address.host))} cannot be reached with this address and user name: check both."
        ) from None
    except (OSError, asyncssh.Error) as error:
        if isinstance(error, (socket.gaierror, ConnectionRefusedError)):
            raise NotReachable(
                f"{shown(job.address.host)} cannot be reached ({why(error)}): check the address."
            ) from None
        await _remove_later(job, key, pinned, draft)
        raise NotReachable(
            f"The connection to {shown(job.address.host)} broke off: send the file again."
        ) from None


def _connection(job: _Job, key: asyncssh.SSHKey, pinned: asyncssh.SSHKey) -> asyncssh.SSHClientConnection:
    return asyncssh.connect(
        job.address.host,
        job.address.port,
        config=None,
        username=job.user,
        # Nothing of the home of whoever sends takes part.
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],
        client_keys=[key],
        known_hosts=([pinned], [], []),
        server_host_key_algs="default",
        agent_path=None,
        public_key_auth=True,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_auth=False,
        gss_kex=False,
        gss_host=None,
        connect_timeout=job.timeout,
        login_timeout=job.timeout,
    )


async def _upload(job: _Job, client: asyncssh.SFTPClient, draft: str) -> SftpReceipt:
    try:
        if await client.lexists(job.target):
            raise UploadFailed(f"{shown(job.source.name)} is on the server already: choose another name.")
        size, digest = await _write(job.source, client, draft)
        if job.read_back:
            if await _digest(client, draft) != digest:
                raise UploadFailed(
                    f"{shown(job.source.name)} arrived altered and was removed: send it again."
                )
        elif await client.getsize(draft) != size:
            raise UploadFailed(f"{shown(job.source.name)} arrived shortened and was removed: send it again.")
        await client.rename(draft, job.target)
        return SftpReceipt(job.source.name, size, digest, job.read_back)
    except BaseException as error:
        # A cancellation (the time is over) must not cut the removal short, either.
        with suppress(OSError, asyncssh.Error, TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(client.remove(draft)), 5)
        if isinstance(error, asyncssh.SFTPError) and not isinstance(error, asyncssh.SFTPConnectionLost):
            raise UploadFailed(_server_said(job, error)) from None
        raise


async def _write(source: Path, client: asyncssh.SFTPClient, draft: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    try:
        with source.open("rb") as file:
            async with client.open(draft, "xb", block_size=BLOCK_BYTES) as remote:
                while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
                    digest.update(block)
                    await remote.write(block)
                    size += len(block)
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        raise UserError(f"The file {shown(source.name)} cannot be read: check its rights.") from None
    return size, digest.hexdigest()


async def _digest(client: asyncssh.SFTPClient, name: str) -> str:
    digest = hashlib.sha256()
    async with client.open(name, "rb") as remote:
        while block := await remote.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


async def _remove_later(job: _Job, key: asyncssh.SSHKey, pinned: asyncssh.SSHKey, draft: str) -> None:
    """Try once more, over a new connection, to remove what a broken one left."""
    with suppress(OSError, asyncssh.Error, TimeoutError):
        async with asyncio.timeout(min(5.0, job.timeout)):
            async with _connection(job, key, pinned) as connection, connection.start_sftp_client() as client:
                await client.remove(draft)


def _server_said(job: _Job, error: asyncssh.SFTPError) -> str:
    name = shown(job.source.name)
    if isinstance(error, asyncssh.SFTPPermissionDenied):
        return f"The server gives no right to write or read {name} in this folder: ask the vendor."
    if isinstance(error, (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)):
        return f"The folder for {name} does not exist on the server: ask the vendor for its name."
    if "space" in str(error.reason).lower() or "quota" in str(error.reason).lower():
        return f"The server's disk is full: {name} was not stored; ask the vendor for space."
    return f"The server did not take {name}: nothing of it was left there; ask the vendor why."
