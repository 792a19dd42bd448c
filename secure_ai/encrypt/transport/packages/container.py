"""Reads a package from a folder or a tar file without following a link or trusting a name."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.packages.errors import HostilePackage, MissingFile
from secure_ai.encrypt.transport.packages.manifest import MAX_FILES, is_safe_name

MANIFEST, SIGNATURE, FILES = "manifest.json", "manifest.sig", "files/"
MAX_MANIFEST_BYTES = 16 << 20
MAX_READ_BYTES = 32 << 20
MAX_ENTRIES = 10 * MAX_FILES + 3
"""Each file may lie in nine folders of its own; the two lists and their folder come on top."""


class Container(Protocol):
    """A package that is read."""

    names: frozenset[str]

    def open(self, name: str) -> BinaryIO:
        """Open one of ``names``."""
        ...


@contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """Open a package; its entries are checked first.

    Raises:
        HostilePackage: if it holds anything but plain files with safe names, or is no package.
    """
    name = shown(path.name)
    if path.is_symlink() or not path.exists():
        raise HostilePackage(f"The package {name} does not exist, or is a link: check the path.")
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.is_file():
        raise HostilePackage(f"The package {name} is a device or a pipe: save it as a file first.")
    with ExitStack() as opened:
        try:
            file = opened.enter_context(_SmallReads(path, "rb"))
            archive = opened.enter_context(tarfile.open(fileobj=file, mode="r:"))
        except (tarfile.TarError, OSError, EOFError, ValueError):
            raise HostilePackage(f"{name} is neither a folder nor an uncompressed tar file.") from None
        yield _Tar(archive)


def read_small(container: Container, name: str) -> bytes:
    """Return the manifest or its signature.

    Raises:
        MissingFile: if it is not there.
        HostilePackage: if it is far too large, or cannot be read.
    """
    if name not in container.names:
        raise MissingFile(f"The package has no {name}: it is incomplete, or no package.")
    try:
        with container.open(name) as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except (OSError, tarfile.TarError, EOFError):
        raise HostilePackage(f"{name} cannot be read: ask the sender for the package again.") from None
    if len(content) > MAX_MANIFEST_BYTES:
        raise HostilePackage(f"{name} is far too large for a list of contents: do not unpack it.")
    return content


class _SmallReads(io.FileIO):
    """A file that is read in small parts only.

    The tar format lets a name or a remark claim any length, and the library reads it at once.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MAX_READ_BYTES:
            raise OSError("more than a package needs")
        return super().read(size)


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        names, entries = [], 0
        for place, folders, files in os.walk(folder, followlinks=False, onerror=_refuse_walk):
            for entry in [*folders, *files]:
                path = Path(place) / entry
                name = path.relative_to(folder).as_posix()
                mode = path.lstat().st_mode
                if not (stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and entry in folders)):
                    raise _hostile(name)
                if stat.S_ISREG(mode):
                    names.append(_checked(name))
            entries += len(folders) + len(files)
            if entries > MAX_ENTRIES:
                raise HostilePackage(f"The package holds more than {MAX_FILES:,} files: ask the sender.")
        self.names = frozenset(names)

    def open(self, name: str) -> BinaryIO:
        return os.fdopen(os.open(self._folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive, self._members = archive, {}
        try:
            for number, member in enumerate(archive, start=1):
                if number > MAX_ENTRIES:
                    raise HostilePackage(f"The package holds more than {MAX_FILES:,} files: ask the sender.")
                if member.isdir():
                    _checked(member.name.rstrip("/"))
                    continue
                # Sparse files (isreg is true for them) could claim any size.
                if not member.isreg() or member.issparse():
                    raise _hostile(member.name)
                if _checked(member.name) in self._members:
                    raise HostilePackage(f"The package holds {shown(member.name)} twice: do not unpack it.")
                self._members[member.name] = member
        except (tarfile.TarError, OSError, EOFError, ValueError):
            raise HostilePackage("The tar file is damaged: ask the sender for the package again.") from None
        self.names = frozenset(self._members)

    def open(self, name: str) -> BinaryIO:
        return self._archive.extractfile(self._members[name])


def _checked(name: str) -> str:
    if not is_safe_name(name):
        raise _hostile(name)
    return name


def _hostile(name: str) -> HostilePackage:
    return HostilePackage(
        f"The package holds {shown(name)}, which is a link, a device or a name that leads out of it: "
        "do not unpack it."
    )


def _refuse_walk(error: OSError) -> None:
    raise HostilePackage("A folder of the package cannot be read: check its rights.") from None
