"""Which group of a directory gives which role: read from YAML, checked, applied."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown


class RoleMapping(BaseModel):
    """Groups and the roles that they give.

    A group is named by its common name (``role-nurse``) or, where several have the same, by its whole
    distinguished name. Groups that are not listed give nothing.

    Attributes:
        groups: group → roles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    groups: dict[str, list[str]] = Field(min_length=1)

    def roles(self, groups: Iterable[str]) -> tuple[str, ...]:
        """Return the roles, sorted, of somebody who is in ``groups`` (distinguished names)."""
        wanted = {_key(name): roles for name, roles in self.groups.items()}
        found: set[str] = set()
        for group in groups:
            found |= {*wanted.get(_key(group), ()), *wanted.get(common_name(group), ())}
        return tuple(sorted(found))


def read_role_mapping(path: str | Path) -> RoleMapping:
    """Read a mapping from a YAML file: ``groups:`` and under it ``name: [role, ...]``.

    Raises:
        UserError: if the file cannot be read, is no YAML, or is no such mapping.
    """
    file = Path(path)
    name = shown(file.name or str(file))
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"The role mapping {name} cannot be read: check the path and its rights.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(
            f"The role mapping {name} is not valid YAML: check its indentation and quotes."
        ) from None
    try:
        return RoleMapping.model_validate(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the file"
        raise UserError(
            f"The role mapping {name} is wrong at {shown(place)}: under 'groups', give each group a list of "
            "roles, as in 'role-nurse: [nurse]'."
        ) from None


def common_name(group: str) -> str:
    """Return the value of the first part of a distinguished name, case folded; empty if it is none."""
    from ldap3.core.exceptions import LDAPInvalidDnError
    from ldap3.utils.dn import parse_dn

    try:
        return parse_dn(group, escape=False)[0][1].casefold()
    except (LDAPInvalidDnError, IndexError):
        return ""


def _key(name: str) -> str:
    """Return a distinguished name in one spelling, or the name itself."""
    from ldap3.core.exceptions import LDAPInvalidDnError
    from ldap3.utils.dn import parse_dn

    if "=" not in name:
        return name.strip().casefold()
    try:
        parts = parse_dn(name, escape=False, strip=True)
        return ",".join(f"{kind.strip()}={value.strip()}".casefold() for kind, value, _ in parts)
    except LDAPInvalidDnError:
        return name.casefold()
