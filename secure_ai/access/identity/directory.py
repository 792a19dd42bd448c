"""The organization's LDAP directory, asked over TLS: who somebody is, and which roles their groups give."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from secure_ai.access.identity.directory_errors import (
    AccountDisabled,
    DirectoryError,
    DirectoryNotTrusted,
    DirectoryRefusedBind,
    DirectoryUnreachable,
    NoSuchPerson,
)
from secure_ai.access.identity.passwords import MOST_FAILURES, PasswordCheck
from secure_ai.access.identity.roles import RoleMapping
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from ldap3 import Connection

PAGE, BATCH, MOST_GROUPS, LONGEST_NAME = 200, 50, 5000, 256
# OpenLDAP's password policy, Active Directory and 389 Directory Server; each ignores what it does not know.
LOCKED = "(|(pwdAccountLockedTime=*)(userAccountControl:1.2.840.113556.1.4.803:=2)(nsAccountLock=TRUE))"


@dataclass(frozen=True)
class DirectoryPerson:
    """Somebody in the directory.

    Attributes:
        username: as the directory spells it.
        dn: the distinguished name.
        disabled: whether the account is locked.
    """

    username: str
    dn: str
    disabled: bool


class DirectoryClient:
    """Asks an LDAP directory (RFC 4511), over TLS with a checked certificate only.

    Args:
        url: ``ldaps://host`` or ``ldap://host``; with the latter, StartTLS comes before anything else.
        base: the distinguished name under which people are.
        bind_dn: a service account that may read people and groups.
        bind_password: its password.
        ca: the PEM file of the authority to trust; None trusts what the system trusts.
        group_base: where groups are; by default ``base``.
        user_attribute: what a user name is: ``uid``, or ``sAMAccountName`` in Active Directory.
        person_class: the object class of people.
        locked_filter: how the directory marks locked accounts.
        timeout: seconds for connecting and for each answer.

    Raises:
        UserError: if the address, a name or the file of the authority is wrong.
    """

    def __init__(
        self,
        url: str,
        base: str,
        bind_dn: str,
        bind_password: str,
        *,
        ca: str | Path | None = None,
        group_base: str | None = None,
        user_attribute: str = "uid",
        person_class: str = "person",
        locked_filter: str = LOCKED,
        timeout: int = 5,
    ) -> None:
        self._host, self._port, self._tls_first = _address(url)
        if not bind_dn or not bind_password:
            raise UserError("The directory needs a service account: give bind_dn and bind_password.")
        if not all(
            name.isascii() and name.replace("-", "").isalnum() for name in (user_attribute, person_class)
        ):
            raise UserError("user_attribute and person_class are names such as 'uid' and 'person'.")
        if ca is not None and not Path(ca).is_file():
            raise UserError(
                "The directory's authority file does not exist: give the path of its PEM file as ca."
            )
        if not isinstance(timeout, int) or not 1 <= timeout <= 300:
            raise UserError("The directory's timeout is 1 to 300 whole seconds.")
        self.base, self.group_base = base, group_base or base
        self._bind_dn, self._bind_password = bind_dn, bind_password
        self._ca, self._attribute, self._class = ca, user_attribute, person_class
        self._locked, self._timeout = locked_filter, timeout

    def __repr__(self) -> str:
        return f"DirectoryClient(base={self.base!r})"

    def find(self, username: str) -> DirectoryPerson:
        """Return the one person with ``username``.

        Raises:
            NoSuchPerson: if nobody or more than one has it.
            DirectoryError: if the directory cannot be asked.
        """
        with self._service() as connection:
            return self._find(connection, username)

    def authenticate(self, username: str, password: str) -> bool:
        """Whether ``password`` is the person's: the directory itself checks it, by a bind in their name.

        An empty password is never right: a server takes a bind without a password for an anonymous one and
        says "success" (RFC 4513, section 5.1.2). Locked accounts and unknown names are not right
        either; they are refused without a bind, so faster than a wrong password: let
        :class:`~secure_ai.access.identity.sign_in.SignIn` slow attempts down.

        Raises:
            DirectoryError: if the directory cannot be asked.
        """
        # A NUL is in no password that can be typed; servers break the connection off or read up to it.
        if not isinstance(password, str) or not password or "\0" in password or len(password) > 4096:
            return False
        try:
            password.encode()
            with self._service() as connection:
                person = self._find(connection, username)
        except (NoSuchPerson, UnicodeEncodeError):
            return False
        if person.disabled:
            return False
        with self._connected(person.dn, password) as connection:
            return connection is not None

    def groups_of(self, username: str) -> tuple[str, ...]:
        """Return the distinguished names of all groups of a person, also by groups within groups, sorted.

        Groups that contain each other are followed once.

        Raises:
            NoSuchPerson: if nobody or more than one has the name.
            AccountDisabled: if the account is locked.
            DirectoryError: if the directory cannot be asked, or the person is in more than 5,000 groups.
        """
        with self._service() as connection:
            person = self._find(connection, username)
            if person.disabled:
                raise AccountDisabled("The account is locked in the directory: it has no roles.")
            found: dict[str, str] = {}
            waiting = [person.dn]
            while waiting:
                batch, waiting = waiting[:BATCH], waiting[BATCH:]
                for dn in self._containing(connection, batch, person.username):
                    if dn.casefold() not in found:
                        found[dn.casefold()] = dn
                        waiting.append(dn)
                if len(found) > MOST_GROUPS:
                    raise DirectoryError(
                        f"The person is in more than {MOST_GROUPS:,} groups: narrow group_base."
                    )
        return tuple(sorted(found.values()))

    def roles_of(self, username: str, mapping: RoleMapping) -> tuple[str, ...]:
        """Return the roles that a person's groups give, sorted; an empty tuple if none does.

        Raises:
            DirectoryError: as :meth:`groups_of`.
        """
        return mapping.roles(self.groups_of(username))

    def _find(self, connection: Connection, username: str) -> DirectoryPerson:
        from ldap3.utils.conv import escape_filter_chars

        if not isinstance(username, str) or not username or len(username) > LONGEST_NAME:
            raise NoSuchPerson(f"Nobody has this user name: it has 1 to {LONGEST_NAME} characters.")
        try:
            username.encode()
        except UnicodeEncodeError:
            raise NoSuchPerson("Nobody has this user name: it holds half of a character.") from None
        wanted = f"(&(objectClass={self._class})({self._attribute}={escape_filter_chars(username)}))"
        people = self._search(connection, self.base, wanted, [self._attribute])
        if len(people) != 1:
            how_many = "Nobody has" if not people else "More than one person has"
            raise NoSuchPerson(f"{how_many} this user name in the directory under its base.")
        dn, attributes = people[0]
        locked = self._search(connection, dn, f"(&{wanted}{self._locked})", ["1.1"], this_alone=True)
        values = attributes.get(self._attribute) or [username]
        name = values[0] if isinstance(values, list) else values
        return DirectoryPerson(str(name), dn, bool(locked))

    def _containing(self, connection: Connection, members: list[str], username: str) -> list[str]:
        from ldap3.utils.conv import escape_filter_chars

        parts = [
            f"({attribute}={escape_filter_chars(dn)})"
            for dn in members
            for attribute in ("member", "uniqueMember")
        ]
        parts.append(f"(&(objectClass=posixGroup)(memberUid={escape_filter_chars(username)}))")
        return [dn for dn, _ in self._search(connection, self.group_base, f"(|{''.join(parts)})", ["1.1"])]

    def _search(
        self,
        connection: Connection,
        base: str,
        wanted: str,
        attributes: list[str],
        *,
        this_alone: bool = False,
    ) -> list[tuple[str, dict]]:
        """Return distinguished names and attributes, page by page, without referrals to other servers."""
        from ldap3 import BASE, SUBTREE
        from ldap3.core.exceptions import LDAPException, LDAPNoSuchObjectResult

        try:
            entries = connection.extend.standard.paged_search(
                base,
                wanted,
                search_scope=BASE if this_alone else SUBTREE,
                attributes=attributes,
                paged_size=PAGE,
                time_limit=self._timeout,
                generator=True,
            )
            return [
                (entry["dn"], dict(entry["attributes"]))
                for entry in entries
                if entry["type"] == "searchResEntry"
            ]
        except LDAPNoSuchObjectResult:
            return []
        except (LDAPException, OSError):
            raise DirectoryError(
                "The directory did not answer a search: check the base, the service account's rights and the "
                "timeout."
            ) from None

    @contextmanager
    def _service(self) -> Iterator[Connection]:
        with self._connected(self._bind_dn, self._bind_password) as connection:
            if connection is None:
                raise DirectoryRefusedBind(
                    "The directory refuses the service account: check bind_dn and bind_password."
                )
            yield connection

    @contextmanager
    def _connected(self, dn: str, password: str) -> Iterator[Connection | None]:
        """Give a bound connection; None if the name or the password is refused."""
        from ldap3 import NONE, SIMPLE, SYNC, Connection, Server

        from secure_ai.access.identity.directory_tls import CheckedTls

        try:
            tls = CheckedTls(self._ca)
        except (OSError, ssl.SSLError):
            raise DirectoryNotTrusted(
                "The directory's authority file holds no certificate: give a PEM file as ca."
            ) from None
        server = Server(
            self._host,
            port=self._port,
            use_ssl=self._tls_first,
            tls=tls,
            get_info=NONE,
            connect_timeout=self._timeout,
        )
        connection = Connection(
            server,
            user=dn,
            password=password,
            authentication=SIMPLE,
            client_strategy=SYNC,
            receive_timeout=self._timeout,
            auto_referrals=False,  # a referral could name another server, which would get the password
            raise_exceptions=True,
            read_only=True,
        )
        with _unbound(connection):
            self._open(connection)
            yield connection if self._bind(connection) else None

    def _open(self, connection: Connection) -> None:
        from ldap3.core.exceptions import LDAPException

        stage = "connect"
        try:
            connection.open(read_server_info=False)
            if not self._tls_first:
                stage = "tls"
                connection.start_tls(read_server_info=False)
        except (LDAPException, OSError, ssl.SSLError) as error:
            if _is_about_certificate(error):
                raise DirectoryNotTrusted(
                    "The directory's certificate is not trusted: it is not from the given authority (ca), "
                    "has expired, or is for another name."
                ) from None
            if stage == "tls":
                raise DirectoryNotTrusted(
                    "The directory did not start TLS: no password is sent without it; use ldaps:// or switch "
                    "StartTLS on."
                ) from None
            raise DirectoryUnreachable(
                "The directory does not answer: check that the LDAP server runs, its address and port."
            ) from None

    def _bind(self, connection: Connection) -> bool:
        from ldap3.core import exceptions

        try:
            return bool(connection.bind(read_server_info=False)) and connection.bound
        except (
            exceptions.LDAPInvalidCredentialsResult,
            exceptions.LDAPInappropriateAuthenticationResult,
            exceptions.LDAPUnwillingToPerformResult,
            exceptions.LDAPInvalidDNSyntaxResult,
            exceptions.LDAPInsufficientAccessRightsResult,
            exceptions.LDAPInvalidDnError,
            exceptions.LDAPPasswordIsMandatoryError,
        ):
            return False
        except (exceptions.LDAPException, OSError):
            raise DirectoryUnreachable(
                "The directory broke the connection off during a bind: check its log and the timeout."
            ) from None


class DirectoryPasswords:
    """Lets :class:`~secure_ai.access.identity.sign_in.SignIn` check passwords against a directory.

    Failures in a row are left to the directory's own policy, which also sees other doors: set a bound there
    (OpenLDAP: ``pwdMaxFailure``), or only the throttle slows guessing down.
    """

    def __init__(self, client: DirectoryClient) -> None:
        self._client = client

    def __contains__(self, username: str) -> bool:
        try:
            return bool(self._client.find(username))
        except NoSuchPerson:
            return False

    def verify(self, username: str, password: str) -> PasswordCheck:
        """Check a password by a bind."""
        return PasswordCheck(self._client.authenticate(username, password))

    def reserve_attempt(self, username: str, most: int = MOST_FAILURES) -> bool:
        """Leave counting to the directory."""
        return True

    def clear_attempts(self, username: str) -> None:
        """Leave counting to the directory."""


@contextmanager
def _unbound(connection: Connection) -> Iterator[None]:
    from ldap3.core.exceptions import LDAPException

    try:
        yield
    finally:
        with suppress(LDAPException, OSError):
            connection.unbind()
        # ldap3 leaves the socket open where a handshake failed.
        if connection.socket is not None:
            connection.socket.close()


def _address(url: str) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, None
    if parts is None or host is None or parts.scheme not in ("ldap", "ldaps") or parts.username is not None:
        raise UserError(
            "A directory's address is ldaps://host, ldaps://host:port or ldap://host (with StartTLS)."
        )
    tls_first = parts.scheme == "ldaps"
    return host, port or (636 if tls_first else 389), tls_first


def _is_about_certificate(error: BaseException) -> bool:
    text = " ".join(str(part) for part in (error, *error.args)).lower()
    return "certificate" in text or "hostname" in text
