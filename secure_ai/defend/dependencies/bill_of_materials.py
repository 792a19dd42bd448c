"""The bill of materials: what an environment, a lock file or a CycloneDX document says is installed, and why.

Source: OWASP CycloneDX 1.6 (ECMA-424); package URLs (ECMA-427).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from packageurl import PackageURL
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file

ECOSYSTEMS = {"pypi": "PyPI", "npm": "npm", "cargo": "crates.io", "golang": "Go", "hex": "Hex", "pub": "Pub"}
_TIMEOUT_SECONDS = 300
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Component:
    """One installed package.

    Attributes:
        name: as its ecosystem spells it.
        version: that is installed.
        ecosystem: ``PyPI``, ``npm`` ...; None for one that no advisory can be about.
        purl: its package URL; ``""`` if the document gives none.
        ref: its name within the document.
        licenses: SPDX ids or names.
    """

    name: str
    version: str
    ecosystem: str | None
    purl: str
    ref: str
    licenses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bill:
    """A bill of materials.

    Attributes:
        label: what it is of, for a report.
        components: in the order of the document.
        requires: ref → refs of what it requires.
        document: the CycloneDX document itself.
    """

    label: str
    components: tuple[Component, ...]
    requires: dict[str, tuple[str, ...]]
    document: dict[str, Any] = field(repr=False, compare=False)

    @cached_property
    def _paths(self) -> dict[str, tuple[str, ...]]:
        required = {ref for refs in self.requires.values() for ref in refs}
        known = {one.ref: one.name for one in self.components}
        paths = {ref: (name,) for ref, name in known.items() if ref not in required}
        queue = deque(paths)
        while queue:
            here = queue.popleft()
            for ref in self.requires.get(here, ()):
                if ref in known and ref not in paths:
                    paths[ref] = (*paths[here], known[ref])
                    queue.append(ref)
        return paths

    def path_to(self, component: Component) -> tuple[str, ...]:
        """Return why it is there: the shortest chain of requirements from one that nothing requires."""
        return self._paths.get(component.ref, (component.name,))

    def write(self, path: str | Path) -> None:
        """Write the CycloneDX document as JSON.

        Raises:
            UserError: if it cannot be written.
        """
        with atomic_file(Path(path)) as draft:
            draft.write_text(json.dumps(self.document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def environment_bill(python: str | Path | None = None) -> Bill:
    """Return the bill of materials of a Python environment: this very one, or that of another interpreter.

    Made by cyclonedx-bom; two runs over one environment give the same document. The folders of local
    packages are left out.

    Args:
        python: interpreter or folder of the environment. It is started: give none that you do not trust.

    Raises:
        UserError: if there is no such interpreter, or it cannot be examined.
    """
    if python is not None and not Path(python).exists():
        raise UserError(f"There is no environment {Path(python).name}: name its python or its folder.")
    arguments = ["environment", str(python or sys.executable)]
    return _made(arguments, "this environment" if python is None else "the environment")


def lock_bill(lock: str | Path) -> Bill:
    """Return the bill of materials of a requirements or lock file of pip: every ``name==version`` in it.

    Raises:
        UserError: if there is no such file, or it pins nothing.
    """
    lock = Path(lock)
    if not lock.is_file():
        raise UserError(f"There is no lock file {lock.name}: name one that pip installs from.")
    bill = _made(["requirements", str(lock)], lock.name)
    pinned = tuple(one for one in bill.components if one.version)
    if not pinned:
        raise UserError(f"{lock.name} pins no version (name==version): compile a lock file first.")
    return Bill(lock.name, pinned, bill.requires, bill.document)


def read_bill(path: str | Path) -> Bill:
    """Read a CycloneDX document in JSON, whoever made it.

    Raises:
        UserError: if it cannot be read, or is no CycloneDX document.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path.name} is larger than 256 MB: that is no bill of materials.")
        return _bill(path.name, json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else "it is no JSON"
        raise UserError(f"The bill of materials {path.name} cannot be read: {reason}.") from None


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _LicenseName(_Open):
    id: str | None = None
    name: str | None = None


class _License(_Open):
    license: _LicenseName | None = None
    expression: str | None = None


class _Component(_Open):
    name: str
    version: str | None = None
    group: str | None = None
    purl: str | None = None
    ref: str | None = Field(default=None, alias="bom-ref")
    licenses: tuple[_License, ...] = ()
    components: tuple[_Component, ...] = ()


class _Dependency(_Open):
    ref: str
    requires: tuple[str, ...] = Field(default=(), alias="dependsOn")


class _Document(_Open):
    format: str = Field(alias="bomFormat", pattern="^CycloneDX$")
    components: tuple[_Component, ...] = ()
    dependencies: tuple[_Dependency, ...] = ()


def _bill(label: str, document: Any) -> Bill:
    try:
        read = _Document.model_validate(document)
    except (ValidationError, RecursionError):
        raise UserError(f"{label} is no CycloneDX document in JSON: make one with cyclonedx-bom.") from None
    components = []
    queue = deque(read.components)
    while queue:
        one = queue.popleft()
        queue.extend(one.components)
        components.append(_component(one))
    requires = {one.ref: one.requires for one in read.dependencies}
    return Bill(label, tuple(components), requires, document)


def _component(one: _Component) -> Component:
    name, ecosystem = (f"{one.group}/{one.name}" if one.group else one.name), None
    if one.purl:
        try:
            purl = PackageURL.from_string(one.purl)
        except ValueError:
            purl = None
        if purl is not None:
            ecosystem = ECOSYSTEMS.get(purl.type)
            if purl.namespace:
                name = f"{purl.namespace}/{purl.name}"
    licenses = [
        entry.expression or (entry.license and (entry.license.id or entry.license.name))
        for entry in one.licenses
    ]
    known = tuple(license for license in licenses if license)
    version = one.version or ""
    return Component(name, version, ecosystem, one.purl or "", one.ref or f"{name}=={version}", known)


def _made(arguments: list[str], label: str) -> Bill:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bill.json"
        # Their own check of the result takes twenty seconds; what we use of it is checked on reading.
        options = ["--no-validate", "--output-reproducible", "--of", "JSON", "-o", str(out)]
        command = [sys.executable, "-m", "cyclonedx_py", arguments[0], *options, arguments[1]]
        try:
            ended = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            ended = None
        if ended is None or ended.returncode or not out.is_file():
            raise UserError(
                f"No bill of materials could be made of {label}: is it a Python environment or lock file?"
            )
        document = json.loads(out.read_bytes())
    document.get("metadata", {}).pop("timestamp", None)
    for component in document.get("components", []):
        references = [one for one in component.get("externalReferences", []) if not _is_local(one)]
        component["externalReferences"] = references
        if arguments[0] == "requirements":
            component.pop("description", None)
    return _bill(label, document)


def _is_local(reference: dict[str, Any]) -> bool:
    return str(reference.get("url", "")).startswith("file:")
