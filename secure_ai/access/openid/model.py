"""Who may sign in at the local provider, which applications may ask, and what was given out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin

from secure_ai.access.identity.database import account_name
from secure_ai.core.errors import UserError

SCOPES = ("openid", "profile", "email", "roles")
MOST_TICKETS = 1_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class User:
    """A person with an account at the local provider.

    Attributes:
        username: what is typed at the sign-in, and the subject (``sub``) of the tokens.
        groups, roles: what the directory says about the person.
        name, email: given to applications that ask for ``profile`` or ``email``.
        password: only where no ``authenticate`` function checks it; kept as an argon2id hash.
    """

    username: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def claims(self, scope: str) -> dict[str, object]:
        """Return what an application that was given ``scope`` learns about the person."""
        asked = set((scope or "").split())
        found: dict[str, object] = {"sub": self.username}
        if "roles" in asked:
            found |= {"groups": list(self.groups), "roles": list(self.roles)}
        if "profile" in asked and self.name:
            found["name"] = self.name
        if "email" in asked and self.email:
            found["email"] = self.email
        return found


@dataclass(frozen=True)
class Client(ClientMixin):
    """An application that may send people to the local provider.

    Attributes:
        client_id: its name in requests.
        redirect_uris: where answers may go, compared exactly; one on the loopback interface without a
            port stands for every port there (RFC 8252, section 7.3).
        title: what the sign-in page calls it.
        scopes: what it may ask for.
        secret: for an application on a server of its own; a desktop or browser one cannot keep any.
        refresh: whether it gets refresh tokens.
        audience: the service that its access tokens are made for; the provider's usual one if empty.
    """

    client_id: str
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1/callback",)
    title: str = ""
    scopes: tuple[str, ...] = SCOPES
    secret: str = field(default="", repr=False)
    refresh: bool = True
    audience: str = ""

    def __post_init__(self) -> None:
        for address in self.redirect_uris:
            parts = urlsplit(address)
            safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
            if not safe or parts.fragment or not parts.netloc or "*" in address:
                raise UserError(
                    f"A redirect address of the application {self.client_id} is not usable: give full https "
                    "addresses, or http on 127.0.0.1, without a fragment or a wildcard."
                )

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: OAuth 2.1 wants the address in each request."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        asked = scope.split() if scope else ["openid"]
        return " ".join(name for name in asked if name in self.scopes) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris or _without_port(redirect_uri) in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.secret) and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("client_secret_basic" if self.secret else "none")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code" or (grant_type == "refresh_token" and self.refresh)


def _without_port(address: str) -> str:
    """Return an address on a loopback number without its port; others unchanged."""
    for host in ("127.0.0.1", "[::1]"):
        start = f"http://{host}:"
        port, slash, path = address.removeprefix(start).partition("/")
        if address.startswith(start) and port.isascii() and port.isdigit():
            return f"http://{host}{slash}{path}"
    return address


@dataclass
class Family:
    """Everything that goes back to one sign-in; it is revoked as a whole."""

    username: str
    client_id: str
    expires_at: float
    revoked: bool = False


@dataclass(repr=False)
class CodeRecord(AuthorizationCodeMixin):
    """An authorization code that was given out (its digest is the key it is kept under)."""

    family: Family
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    auth_time: int
    expires_at: float
    used: bool = False

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        """None: how strong the sign-in was is not graded."""

    def get_amr(self) -> None:
        """None: the method is the caller's ``authenticate`` function."""


@dataclass(repr=False)
class TokenRecord(TokenMixin):
    """An access or a refresh token that was given out."""

    family: Family
    scope: str
    issued_at: int
    expires_at: float
    refresh: bool
    used: bool = False
    revoked: bool = False

    def check_client(self, client: Client) -> bool:
        return self.family.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope

    def is_revoked(self) -> bool:
        return self.revoked or self.used or self.family.revoked


def digest(value: str) -> str:
    """Return what a secret is kept under, so that the store holds none."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _by_name(things: Iterable[Any], attribute: str, what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for thing in things:
        name = getattr(thing, attribute)
        if not name or name in found:
            raise UserError(f"Two {what} have the same name, or one has none: each needs its own.")
        found[name] = thing
    return found


class Store:
    """The memory of the local provider: nothing of it is ever on disk."""

    def __init__(self, users: Iterable[User], clients: Iterable[Client], clock: Callable[[], float]) -> None:
        self.users = _by_name(users, "username", "users")
        self._by_account = {account_name(name): user for name, user in self.users.items()}
        if len(self._by_account) < len(self.users):
            raise UserError("Two users have names that differ in spelling only: give each another name.")
        self.clients = _by_name(clients, "client_id", "applications")
        self.clock = clock
        self.lock = threading.RLock()
        self.codes: dict[str, CodeRecord] = {}
        self.access_tokens: dict[str, TokenRecord] = {}
        self.refresh_tokens: dict[str, TokenRecord] = {}
        self._tickets: dict[str, tuple[str, float]] = {}

    def user_named(self, typed: str) -> User | None:
        """Return the user whose name was typed, in whatever case; None for nobody's."""
        try:
            return self._by_account.get(account_name(typed))
        except UserError:
            return None

    def new_ticket(self, request: str, seconds: float) -> str:
        """Return a one-time value that ties a sign-in form to the ``request`` that it was shown for."""
        ticket = secrets.token_urlsafe(24)
        with self.lock:
            self._forget_expired()
            while len(self._tickets) >= MOST_TICKETS:  # a flood of forms fills no memory; the oldest go
                del self._tickets[next(iter(self._tickets))]
            self._tickets[digest(ticket)] = (digest(request), self.clock() + seconds)
        return ticket

    def take_ticket(self, ticket: str, request: str) -> bool:
        """Return whether ``ticket`` was given for ``request`` and is used for the first time, in time."""
        with self.lock:
            known, until = self._tickets.pop(digest(ticket), ("", 0.0))
        return known == digest(request) and until > self.clock()

    def has_seen_nonce(self, client_id: str, nonce: str) -> bool:
        """Return whether an application sent this nonce before."""
        with self.lock:
            return any(
                record.nonce == nonce and record.family.client_id == client_id
                for record in self.codes.values()
            )

    def _forget_expired(self) -> None:
        now = self.clock()
        self._tickets = {key: item for key, item in self._tickets.items() if item[1] > now}
        # A used code or token is remembered as long as what came of it lives: its replay must be seen.
        self.codes = {key: item for key, item in self.codes.items() if item.family.expires_at > now}
        for tokens in (self.access_tokens, self.refresh_tokens):
            for key in [key for key, item in tokens.items() if item.family.expires_at <= now]:
                del tokens[key]
