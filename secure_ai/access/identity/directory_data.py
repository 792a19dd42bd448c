"""The content of a lesson's directory: people, groups within groups and a reader, as LDIF (RFC 2849)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from secure_ai.access.identity.password_hashing import OWASP, HashProfile, directory_hash
from secure_ai.core.errors import UserError

BASE = "dc=example,dc=org"
PEOPLE, GROUPS, SERVICES = f"ou=people,{BASE}", f"ou=groups,{BASE}", f"ou=services,{BASE}"
READER = f"cn=reader,{SERVICES}"
STAFF_COLUMNS = ("staff_id", "username", "role", "department")
ALL_STAFF = "all-staff"
# Far in the past for OpenLDAP's password policy: locked by an administrator until somebody unlocks it.
LOCKED_FOR_GOOD = "000001010000Z"


@dataclass(frozen=True)
class DirectoryContent:
    """What a lesson's directory holds.

    Attributes:
        staff: one row per person with ``staff_id``, ``username``, ``role`` and ``department``.
        passwords: user name → password; who is not named cannot sign in.
        group_members: group → further members, each a user name or another group's name.
        disabled: user names that are locked.
    """

    staff: pd.DataFrame
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    group_members: Mapping[str, Iterable[str]] = field(default_factory=dict)
    disabled: Iterable[str] = ()

    def __post_init__(self) -> None:
        missing = [name for name in STAFF_COLUMNS if name not in self.staff.columns]
        if missing:
            raise UserError(
                f"The staff table lacks {', '.join(missing)}: a directory needs {', '.join(STAFF_COLUMNS)}."
            )
        blank = self.staff.loc[:, STAFF_COLUMNS].isna().any()
        if blank.any():
            raise UserError(f"The staff column {blank[blank].index[0]} has empty cells: fill them in.")
        names = self.staff["username"].astype(str)
        if names.duplicated().any():
            raise UserError("The staff column username names somebody twice: user names must be unique.")
        unknown = (set(self.passwords) | set(self.disabled)) - set(names)
        if unknown:
            raise UserError(
                f"{len(unknown)} user names with a password or a lock are not in the staff table."
            )

    def groups(self) -> dict[str, list[str]]:
        """Return every group and its members' distinguished names: roles, departments, and those added."""
        people = dict(zip(self.staff["username"].astype(str), self._people_names(), strict=True))
        found: dict[str, list[str]] = {}
        for kind in ("role", "department"):
            for value, rows in self.staff.groupby(kind, sort=True):
                found[group_name(kind, str(value))] = [people[str(name)] for name in rows["username"]]
        departments = [name for name in found if name.startswith("department-")]
        found[ALL_STAFF] = [group_dn(name) for name in departments]
        for name in self.group_members:
            found.setdefault(name, [])
        for name, members in self.group_members.items():
            for member in members:
                if member not in found and member not in people:
                    raise UserError(f"The group {name} names a member that is no group and no user name.")
                found[name].append(group_dn(member) if member in found else people[member])
        return {name: members for name, members in found.items() if members}

    def to_ldif(self, reader_hash: str, *, argon2: bool, profile: HashProfile = OWASP) -> str:
        """Return all entries; passwords are hashed with ``{ARGON2}``, or ``{SSHA}`` where that is absent."""
        entries = [
            _entry(BASE, objectClass=["dcObject", "organization"], dc=["example"], o=["Lesson"]),
            *(
                _entry(place, objectClass=["organizationalUnit"], ou=[place.split("=")[1].split(",")[0]])
                for place in (PEOPLE, GROUPS, SERVICES)
            ),
            _entry(
                READER,
                objectClass=["organizationalRole", "simpleSecurityObject"],
                cn=["reader"],
                userPassword=[reader_hash],
            ),
        ]
        locked = set(self.disabled)
        for place, row in zip(self._people_names(), self.staff.itertuples(index=False), strict=True):
            name = str(row.username)
            entry = {
                "objectClass": ["inetOrgPerson"],
                "uid": [name],
                "cn": [name],
                "sn": [name],
                "employeeNumber": [str(row.staff_id)],
                "employeeType": [str(row.role)],
                "departmentNumber": [str(row.department)],
            }
            if name in self.passwords:
                entry["userPassword"] = [directory_hash(self.passwords[name], profile, argon2=argon2)]
            if name in locked:
                entry["pwdAccountLockedTime"] = [LOCKED_FOR_GOOD]
            entries.append(_entry(place, **entry))
        for name, members in self.groups().items():
            entries.append(
                _entry(
                    group_dn(name),
                    objectClass=["groupOfNames"],
                    cn=[name],
                    member=list(dict.fromkeys(members)),
                )
            )
        return "\n".join(entries)

    def _people_names(self) -> list[str]:
        return [f"uid={escape_name(str(name))},{PEOPLE}" for name in self.staff["username"]]


def group_name(kind: str, value: str) -> str:
    """Return the name of the group of a role or a department: ("role", "ICU nurse") gives role-icu-nurse."""
    return f"{kind}-" + (re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-") or "none")


def group_dn(name: str) -> str:
    """Return the distinguished name of a lesson's group."""
    return f"cn={escape_name(name)},{GROUPS}"


def escape_name(text: str) -> str:
    """Escape a value for a distinguished name (RFC 4514)."""
    from ldap3.utils.dn import escape_rdn

    return escape_rdn(text)


def _entry(name: str, **attributes: list[str]) -> str:
    lines = [_line("dn", name)]
    lines += [_line(key, value) for key, values in attributes.items() for value in values]
    return "\n".join(lines) + "\n"


def _line(key: str, value: str) -> str:
    # Base64 throughout: no value can start a line of its own.
    return f"{key}:: {base64.b64encode(value.encode()).decode()}"
