"""Commands for keys and encrypted files: keyring, encrypt, decrypt, verify, rewrap, secrets and endpoint."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.app import end_when_terminated, pairs, root
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.core.audit import AuditLog
    from secure_ai.encrypt.key_rings import LocalKeyRing

FILE = click.Path(path_type=Path)
ring_option = click.option(
    "--keyring", "ring", type=FILE, required=True, help="File of the key ring, made with 'keyring create'."
)


@root.group()
def keyring() -> None:
    """Keep the keys that encrypt keys: in one file, sealed under a passphrase, each use audited.

    The passphrase is asked for, or taken from SECURE_AI_PASSPHRASE. Who used which key stands in
    FILE.audit.jsonl beside the ring.
    """
    end_when_terminated()


@keyring.command()
@click.argument("file", type=FILE)
@click.argument("names", metavar="KEY...", nargs=-1)
def create(file: Path, names: tuple[str, ...]) -> None:
    """Make a new key ring in FILE, with a key for each name."""
    from secure_ai.encrypt.key_rings import LocalKeyRing

    with LocalKeyRing.create(file, actor=_account(), audit=_trail(file)) as ring:
        for name in names:
            ring.create_key(name)
    print(f"Wrote {file} with {len(names)} {'key' if len(names) == 1 else 'keys'}.")
    print("Keep a copy of it apart from the data. Without it, or its passphrase, the data are lost.")


@keyring.command("list")
@click.argument("file", type=FILE)
def list_keys(file: Path) -> None:
    """List the keys in FILE and the state of each version."""
    with _open(file) as ring:
        for version in (version for name in ring.key_names() for version in ring.versions(name)):
            print(f"{version.key_name}  version {version.version}  {version.state}")


@keyring.command()
@click.argument("file", type=FILE)
@click.argument("name", metavar="KEY")
def add(file: Path, name: str) -> None:
    """Add a new key to FILE."""
    with _open(file) as ring:
        ring.create_key(name)
    print(f"Added the key {name}.")


@keyring.command()
@click.argument("file", type=FILE)
@click.argument("name", metavar="KEY")
def rotate(file: Path, name: str) -> None:
    """Make a new version of a key; older ones still open what they wrapped."""
    with _open(file) as ring:
        version = ring.rotate(name)
    print(f"The key {name} has version {version} now. Wrap what it protects anew: 'secure-ai rewrap'.")


@keyring.command()
@click.argument("file", type=FILE)
@click.argument("name", metavar="KEY")
@click.option("--version", help="This version alone; all of them if not given.")
@click.option("--yes", is_flag=True, help="Do not ask. What the key protects cannot be had back.")
def destroy(file: Path, name: str, version: str | None, yes: bool) -> None:
    """Destroy a key, or one version of it: what it wrapped is lost for good."""
    what = f"the key {name}" if version is None else f"version {version} of the key {name}"
    if not yes:
        click.confirm(f"Destroy {what}? What it protects is lost for good.", abort=True)
    with _open(file) as ring:
        ring.destroy(name, version)
    print(f"Destroyed {what} in {file}. Copies and backups of {file.name} still hold it: delete them, too.")


@keyring.command()
@click.argument("file", type=FILE)
def passphrase(file: Path) -> None:
    """Seal FILE under another passphrase (asked for, or SECURE_AI_NEW_PASSPHRASE)."""
    with _open(file) as ring:
        ring.change_passphrase()
    print(f"{file} has a new passphrase. Older copies of it still open with the old one.")


@root.command()
@click.argument("source", type=FILE)
@click.argument("out", type=FILE)
@ring_option
@click.option("--key", "key_name", required=True, help="Name of the key in the ring.")
@click.option(
    "--belongs-to",
    multiple=True,
    metavar="NAME=VALUE",
    help="What the file belongs to; readable by all, and must be given again to open it. Repeat for more.",
)
def encrypt(source: Path, out: Path, ring: Path, key_name: str, belongs_to: tuple[str, ...]) -> None:
    """Encrypt the file SOURCE to OUT with AES-256-GCM; any size, in constant memory."""
    from secure_ai.encrypt.files import encrypt_file

    end_when_terminated()
    bound = pairs(belongs_to, "--belongs-to", "table=patients")
    with _open(ring) as opened:
        info = encrypt_file(source, out, opened, key_name, associated_data=bound, durable=True)
    print(info.sentence())


@root.command()
@click.argument("source", type=FILE)
@click.argument("out", type=FILE)
@ring_option
@click.option("--belongs-to", multiple=True, metavar="NAME=VALUE", help="What the file must belong to.")
def decrypt(source: Path, out: Path, ring: Path, belongs_to: tuple[str, ...]) -> None:
    """Decrypt SOURCE to OUT; nothing is written unless all of it is authentic."""
    from secure_ai.encrypt.files import decrypt_file

    end_when_terminated()
    bound = pairs(belongs_to, "--belongs-to", "table=patients") if belongs_to else None
    with _open(ring) as opened:
        info = decrypt_file(source, out, opened, associated_data=bound)
    print(f"Wrote {out}. {info.sentence()}")


@root.command()
@click.argument("file", type=FILE)
@click.option("--keyring", "ring", type=FILE, help="Check all of the file with its key.")
def verify(file: Path, ring: Path | None) -> None:
    """Say what an encrypted FILE holds, and with --keyring whether all of it is authentic."""
    from secure_ai.encrypt.files import inspect_file, verify_file

    if ring is None:
        print(inspect_file(file).sentence())
        return
    with _open(ring) as opened:
        print(verify_file(file, opened).sentence())


@root.command()
@click.argument("files", type=FILE, nargs=-1, required=True)
@ring_option
def rewrap(files: tuple[Path, ...], ring: Path) -> None:
    """Wrap the data keys of FILES with the newest version of their key; the contents stay untouched."""
    from secure_ai.encrypt.files import rewrap_file

    with _open(ring) as opened:
        for file in files:
            print(rewrap_file(file, opened).sentence())


@root.command()
@click.argument("path", type=FILE)
def secrets(path: Path) -> int:
    """Find keys and passwords left in notebooks, scripts and settings below PATH; exit code 1 if any.

    Source and outputs of notebooks are read. What is found is named by place and kind, and never shown.
    """
    from secure_ai.encrypt.leaked_keys import find_leaked_keys

    result = find_leaked_keys(path)
    for leak in result.found:
        cell = "" if leak.cell is None else f" cell {leak.cell} {leak.place},"
        print(f"{leak.file}:{cell} line {leak.line}: {leak.kind} {leak.sample}".rstrip())
    for name, reason in result.not_examined:
        print(f"{name}: not examined, {reason}")
    print(result.sentence())
    return 1 if result.found else 0


def _open(file: Path) -> LocalKeyRing:
    from secure_ai.encrypt.key_rings import LocalKeyRing

    # Asked before the trail is opened: it would be made beside whatever was named.
    if not file.exists():
        raise UserError(f"The key ring {file.name} does not exist: make one with 'secure-ai keyring create'.")
    if not file.is_file():
        raise UserError(f"{file.name or file} is not a key ring but a folder, device or pipe: name its file.")
    return LocalKeyRing.open(file, actor=_account(), audit=_trail(file))


def _trail(file: Path) -> AuditLog:
    from secure_ai.core.audit import AuditLog

    if not file.parent.is_dir():
        raise UserError(f"The folder of {file.name} does not exist: make it, or choose another place.")
    return AuditLog(file.with_name(file.name + ".audit.jsonl"))


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown account"
