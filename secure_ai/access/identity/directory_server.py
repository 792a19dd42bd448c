"""A lesson's LDAP directory: OpenLDAP's slapd in a temporary folder, on this machine alone, then gone."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from secure_ai.access.identity.directory_data import BASE, READER, DirectoryContent
from secure_ai.access.identity.password_hashing import OWASP, HashProfile, directory_hash
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.certificates import lesson_authority
from secure_ai.encrypt.transport.tls import TlsFiles

SCHEMAS = Path("/etc/ldap/schema")
MODULES = (Path("/usr/lib/ldap"), Path("/usr/lib/openldap"), Path("/usr/lib64/openldap"))
PATIENCE = 15.0
_STARTS = 3
# Ends slapd and removes the folder as soon as the pipe from Python closes, also where Python was killed.
_KEEPER = """
exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ cat <&3 >/dev/null; kill "$child" 2>/dev/null; } &
trap 'kill "$child" 2>/dev/null' TERM INT HUP
wait "$child"
rm -rf "$LESSON_FOLDER"
"""


def why_no_directory() -> str:
    """Return why a directory cannot be started here, as a sentence; empty if it can."""
    if os.name != "posix" or _program("slapd") is None or _program("slapadd") is None:
        return "No LDAP server can be started here: install OpenLDAP's slapd (Debian: apt-get install slapd)."
    if not (SCHEMAS / "inetorgperson.schema").exists():
        return "No LDAP server can be started here: OpenLDAP's schemas are not in /etc/ldap/schema."
    return ""


def directory_available() -> bool:
    """Whether a directory can be started here."""
    return not why_no_directory()


@dataclass(frozen=True)
class DirectoryServer:
    """A running directory.

    Attributes:
        ldaps_url: its address with TLS from the first byte.
        ldap_url: its address with StartTLS; it refuses passwords before that.
        base: the distinguished name under which everything is.
        reader: the account that may read people and groups.
        reader_password: its password, new at each start.
        authority: the certificate file to trust.
        password_scheme: "ARGON2" or "SSHA": how it keeps passwords.
    """

    ldaps_url: str
    ldap_url: str
    base: str
    reader: str
    reader_password: str = field(repr=False)
    authority: Path
    password_scheme: str


@contextmanager
def directory_server(
    content: DirectoryContent, *, tls: TlsFiles | None = None, profile: HashProfile = OWASP
) -> Iterator[DirectoryServer]:
    """Run a directory with ``content`` until the block ends.

    slapd listens on 127.0.0.1 alone, keeps its configuration and data in a temporary folder (mode 0700),
    takes passwords over TLS alone, allows no anonymous reading, and runs as the user "nobody" where this
    process is root. The system's own /etc/ldap and slapd are not touched. Also a killed notebook leaves
    nothing behind.

    Args:
        content: people, groups and passwords.
        tls: the server's certificate, key and authority; None makes an authority for the occasion.
        profile: the work of a password hash.

    Raises:
        UserError: if slapd is not installed, does not start or takes the content for wrong.
    """
    reason = why_no_directory()
    if reason:
        raise UserError(reason)
    for _ in range(_STARTS):  # another program may take a free port in between
        with ExitStack() as stack:
            server = _start(stack, content, tls, profile)
            if server is not None:
                running = stack.pop_all()
                break
    else:
        raise UserError(
            "OpenLDAP's slapd does not start here: run the lesson again, or use a directory by its address."
        )
    with running:
        yield server


def _start(
    stack: ExitStack, content: DirectoryContent, tls: TlsFiles | None, profile: HashProfile
) -> DirectoryServer | None:
    folder = Path(tempfile.mkdtemp(prefix="secure-ai-directory-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    owner = _unprivileged()
    reader_password, argon2 = secrets.token_urlsafe(24), _module("argon2") is not None
    with nullcontext(tls) if tls else _own_certificate() as files:
        _write_configuration(folder, files, argon2)
    reader_hash = directory_hash(reader_password, profile, argon2=argon2)
    ldif = content.to_ldif(reader_hash, argon2=argon2, profile=profile)
    _give(folder, owner)
    _load(folder, ldif, owner)
    ports = _run(stack, folder, owner)
    if ports is None:
        return None
    return DirectoryServer(
        f"ldaps://127.0.0.1:{ports[0]}", f"ldap://127.0.0.1:{ports[1]}", BASE, READER, reader_password,
        folder / "authority.pem", "ARGON2" if argon2 else "SSHA",
    )  # fmt: skip


@contextmanager
def _own_certificate() -> Iterator[TlsFiles]:
    with lesson_authority("Lesson directory") as authority:
        yield authority.server("directory")


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"/usr/sbin:/usr/local/sbin:/usr/libexec:{os.environ.get('PATH', '')}")


def _module(name: str) -> Path | None:
    return next((folder for folder in MODULES if list(folder.glob(f"{name}.so*"))), None)


def _unprivileged() -> dict[str, object]:
    """Return the arguments that make a child process of root run as nobody; none where we are not root."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _write_configuration(folder: Path, files: TlsFiles, argon2: bool) -> None:
    try:
        for name, source in (
            ("server.pem", files.certificate),
            ("server.key", files.key),
            ("authority.pem", files.authority),
        ):
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as target:
                target.write(Path(source).read_bytes())
    except (OSError, TypeError):
        raise UserError(
            "The directory's certificate or key cannot be read: check its path and rights."
        ) from None
    try:
        # slapd reads the key without a passphrase; an empty one keeps OpenSSL from asking at the terminal.
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "server.pem", folder / "server.key", password="")
    except (OSError, ssl.SSLError):
        raise UserError(
            "The directory's certificate and key do not belong together, or the key needs a passphrase: give "
            "the PEM files of one certificate and its unencrypted key."
        ) from None
    (folder / "data").mkdir(mode=0o700)
    modules = [name for name in ("back_mdb", "ppolicy", *(["argon2"] if argon2 else [])) if _module(name)]
    lines = [
        *(f"include {SCHEMAS / name}.schema" for name in ("core", "cosine", "inetorgperson")),
        *([f"modulepath {_module(modules[0])}"] if modules else []),
        *(f"moduleload {name}" for name in modules),
        f"pidfile {folder}/slapd.pid",
        f"argsfile {folder}/slapd.args",
        f"TLSCACertificateFile {folder}/authority.pem",
        f"TLSCertificateFile {folder}/server.pem",
        f"TLSCertificateKeyFile {folder}/server.key",
        "TLSVerifyClient never",
        # No password before TLS, no reading without a name.
        "security simple_bind=128",
        "disallow bind_anon",
        "require authc",
        "sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited",
        "idletimeout 60",
        "threads 4",
        "database mdb",
        f'suffix "{BASE}"',
        f"directory {folder}/data",
        "maxsize 268435456",
        "index objectClass eq",
        "index uid,cn,member eq",
        "access to attrs=userPassword by anonymous auth by * none",
        f'access to * by dn.exact="{READER}" read by self read by * none',
        *(["overlay ppolicy"] if "ppolicy" in modules else []),
    ]
    (folder / "slapd.conf").write_text("\n".join(lines) + "\n")


def _give(folder: Path, owner: dict[str, object]) -> None:
    if owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner["user"], owner["group"])


def _load(folder: Path, ldif: str, owner: dict[str, object]) -> None:
    command = [_program("slapadd"), "-q", "-f", str(folder / "slapd.conf"), "-b", BASE]
    try:
        done = subprocess.run(
            command, input=ldif, text=True, capture_output=True, timeout=60, check=False, cwd=folder, **owner
        )
    except (OSError, subprocess.TimeoutExpired):
        raise UserError(
            "OpenLDAP's slapadd could not be run: check that slapd is installed completely."
        ) from None
    if done.returncode:
        # Its own words may quote an entry.
        raise UserError(
            "OpenLDAP did not take the directory's configuration or content: check that the staff table "
            "holds plain text and no two user names that differ by case alone."
        )


def _run(stack: ExitStack, folder: Path, owner: dict[str, object]) -> tuple[int, int] | None:
    """Start slapd and have ``stack`` end it; None if it does not listen."""
    ports = _free_ports()
    command = [
        "/bin/sh",
        "-c",
        _KEEPER,
        "sh",
        _program("slapd"),
        "-d",
        "none",
        "-f",
        str(folder / "slapd.conf"),
    ]
    command += ["-h", f"ldaps://127.0.0.1:{ports[0]}/ ldap://127.0.0.1:{ports[1]}/"]
    try:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LESSON_FOLDER": str(folder)},
            start_new_session=True,  # Ctrl-C in a notebook stops the cell, not the server
            **owner,
        )
    except OSError:
        return None
    stack.callback(_stop, keeper)
    return ports if _listens(keeper, ports) else None


def _stop(keeper: subprocess.Popen) -> None:
    keeper.stdin.close()
    try:
        keeper.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()


def _listens(keeper: subprocess.Popen, ports: tuple[int, int]) -> bool:
    deadline = time.monotonic() + PATIENCE
    waiting = list(ports)
    while waiting and time.monotonic() < deadline and keeper.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", waiting[0]), timeout=1):
                waiting.pop(0)
        except OSError:
            time.sleep(0.02)
    return not waiting and keeper.poll() is None


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
