"""A throw-away environment with a vulnerable package planted in it, to be found, shown and patched.

The package is ours, exists nowhere else, and its flaw is real: an amount in a file of claims is run as code.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.defend.dependencies.bill_of_materials import Bill, environment_bill

PACKAGE, MODULE = "lesson-claim-reader", "lesson_claim_reader"
VULNERABLE, FIXED = "1.0.0", "1.0.1"
ADVISORY = "SAMPLE-2026-0001"
_TIMEOUT_SECONDS = 30
_HEAD = '''"""Read the amounts of claims, one a line."""


def total(text):
    """Return the sum of the amounts in ``text``."""
    return sum(amount(line) for line in text.splitlines() if line.strip())


'''
_SOURCES = {
    VULNERABLE: _HEAD + "def amount(line):\n    return eval(line)\n",
    FIXED: "from decimal import Decimal\n\n"
    + _HEAD
    + "def amount(line):\n    return Decimal(line.strip())\n",
}
# Writes one file into the throw-away folder and nothing else.
_ATTACK = "__import__('pathlib').Path('ran.txt').write_text('x') * 0"
_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: Planted to be found.\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: secure-ai\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_RUN = f"import {MODULE}, sys; print({MODULE}.total(sys.stdin.read()))"


@dataclass(frozen=True)
class Demonstration:
    """What happened when a file of claims with code in it was read.

    Attributes:
        version: of the package.
        code_ran: whether the code in the file was run.
        total: what the reader made of an honest file.
    """

    version: str
    code_ran: bool
    total: str

    def sentence(self) -> str:
        """Say in plain words what happened."""
        ran = "ran the code in an amount" if self.code_ran else "refused the code in an amount"
        return f"{PACKAGE} {self.version} {ran}; the honest file adds up to {self.total}."


@dataclass(frozen=True)
class PlantedEnvironment:
    """A Python environment of its own in a folder that goes when the block ends.

    Attributes:
        folder: where it is.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def installed(self) -> str:
        """The version of the planted package."""
        (info,) = self._packages().glob(f"{MODULE}-*.dist-info")
        return info.name.removeprefix(f"{MODULE}-").removesuffix(".dist-info")

    def install(self, version: str) -> None:
        """Put a version of the planted package in, in the place of the one that is there.

        Raises:
            UserError: if there is no such version.
        """
        if version not in _SOURCES:
            raise UserError(f"{PACKAGE} has the versions {', '.join(_SOURCES)}: choose one of them.")
        packages = self._packages()
        for record in packages.glob(f"{MODULE}-*.dist-info/RECORD"):
            for line in record.read_text(encoding="utf-8").splitlines():
                (packages / line.split(",")[0]).unlink(missing_ok=True)
            record.parent.rmdir()
        wheel = write_wheel(version, self.folder)
        # To install a wheel of pure Python is to unpack it (PEP 427).
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
        wheel.unlink()

    def bill(self) -> Bill:
        """Return its bill of materials."""
        return environment_bill(self.python)

    def demonstrate(self) -> Demonstration:
        """Have the installed version read an honest file of claims, and one with code in it.

        In a process of its own, within the folder; the code writes one file there.
        """
        mark = self.folder / "ran.txt"
        mark.unlink(missing_ok=True)
        honest = self._run("120.50\n79.50\n")
        self._run(f"120.50\n{_ATTACK}\n")
        return Demonstration(self.installed, mark.exists(), honest)

    def _run(self, text: str) -> str:
        # Compiled code of the version before would be taken for the new one within the same second.
        command = [str(self.python), "-I", "-B", "-c", _RUN]
        ended = subprocess.run(
            command,
            cwd=self.folder,
            input=text,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        return ended.stdout.strip() or "nothing: it stopped with an error"

    def _packages(self) -> Path:
        pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
        return next(self.folder.glob(pattern))


@contextmanager
def planted_environment() -> Iterator[PlantedEnvironment]:
    """Make a throw-away environment with the vulnerable version planted; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="lesson-environment-") as folder:
        try:
            venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        except (OSError, subprocess.SubprocessError):
            raise UserError(
                "No throw-away environment could be made: does this Python have the module venv?"
            ) from None
        planted = PlantedEnvironment(Path(folder))
        planted.install(VULNERABLE)
        yield planted


def write_wheel(version: str, folder: Path) -> Path:
    """Write the wheel of a version of the planted package; the same bytes each time.

    Source: PEP 427 (wheel), PEP 376 (RECORD).
    """
    info = f"{MODULE}-{version}.dist-info"
    files = {
        f"{MODULE}.py": _SOURCES[version],
        f"{info}/METADATA": _METADATA.format(name=PACKAGE, version=version),
        f"{info}/WHEEL": _WHEEL,
    }
    lines = [f"{name},sha256={_digest(text)},{len(text.encode())}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"{MODULE}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
