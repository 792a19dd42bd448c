"""A provider of sign-in on this machine: OAuth 2.1 and OpenID Connect over real HTTP, all in memory."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from authlib.integrations.flask_oauth2 import AuthorizationServer
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from secure_ai.access.openid import grants
from secure_ai.access.openid.app import Authenticate, make_app
from secure_ai.access.openid.keys import SigningKeys, public_pem
from secure_ai.access.openid.model import Client, Store, User
from secure_ai.access.openid.quiet import no_secrets_logged
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError

DEFAULT_CLIENT = Client("records-app", title="Records application")
DEFAULT_AUDIENCE = "https://records.example.org"
HOST = "127.0.0.1"


class LocalProvider:
    """A running provider; made by :func:`local_provider`.

    Attributes:
        issuer: its address, which is also its name in tokens.
        audience: the service that access tokens are made for.
        clients: the applications that may ask.
    """

    def __init__(
        self,
        users: Iterable[User],
        clients: Iterable[Client],
        *,
        authenticate: Authenticate | None,
        audience: str,
        algorithm: str,
        access_seconds: int,
        code_seconds: int,
        refresh_seconds: int,
        clock: Callable[[], float],
        audit: AuditLog | None,
        port: int,
    ) -> None:
        self.audience, self.clients = audience, tuple(clients)
        self._audit = audit
        if min(access_seconds, code_seconds, refresh_seconds) <= 0:
            raise UserError("Codes and tokens live for at least a second: give positive numbers of seconds.")
        store = Store(users, self.clients, clock)
        if not store.users or not store.clients:
            raise UserError(
                "A provider needs users who sign in and applications that ask: name at least one each."
            )
        check = authenticate or _password_check(store.users.values())
        keys = SigningKeys(algorithm)
        self._server = _listen(port, clock)
        self.issuer = f"http://{HOST}:{self._server.port}"
        terms = grants.Terms(self.issuer, audience, access_seconds, code_seconds, refresh_seconds)
        self.desk = grants.Desk(store, keys, terms, self._report)
        server = AuthorizationServer()
        self._server.app = _quiet(make_app(self.desk, server, check))
        self._register(server)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="local OpenID provider", daemon=True
        )

    def _register(self, server: AuthorizationServer) -> None:
        """Register what this provider gives out; there is no implicit and no password grant (OAuth 2.1)."""
        desk = self.desk
        server.register_token_generator("default", grants.access_token_generator(desk))
        server.register_grant(
            grants.code_grant(desk), [grants.id_token_extension(desk), grants.RequiredS256(required=True)]
        )
        server.register_grant(grants.refresh_grant(desk))
        server.register_endpoint(grants.revocation_endpoint(desk))
        server.register_endpoint(grants.introspection_endpoint(desk))
        server.register_extension(grants.issuer_extension(self.issuer))

    @property
    def discovery_url(self) -> str:
        """Where the provider describes itself."""
        return f"{self.issuer}/.well-known/openid-configuration"

    @property
    def key_set(self) -> dict[str, Any]:
        """The public keys that it publishes now (RFC 7517)."""
        return self.desk.keys.key_set()

    @property
    def public_key_pem(self) -> bytes:
        """The public half of the key that signs now, which everybody may have."""
        return public_pem(self.desk.keys.current)

    def rotate_keys(self) -> None:
        """Sign with a new key; tokens under the former one stay valid until :meth:`retire_keys`."""
        self.desk.keys.rotate()

    def retire_keys(self) -> None:
        """Publish the current key only."""
        self.desk.keys.retire()

    def start(self) -> None:
        """Answer requests, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _report(self, actor: str, action: str, target: str, outcome: Any, **more: Any) -> None:
        if self._audit is not None:
            self._audit.record(actor, action, target, outcome, **more)

    def __repr__(self) -> str:
        return f"LocalProvider({len(self.desk.store.users)} users, {len(self.clients)} applications)"


@contextmanager
def local_provider(
    users: Iterable[User],
    clients: Iterable[Client] = (DEFAULT_CLIENT,),
    *,
    authenticate: Authenticate | None = None,
    audience: str = DEFAULT_AUDIENCE,
    algorithm: str = "RS256",
    access_seconds: int = 300,
    code_seconds: int = 60,
    refresh_seconds: int = 8 * 3600,
    clock: Callable[[], float] = time.time,
    audit: AuditLog | None = None,
    port: int = 0,
) -> Iterator[LocalProvider]:
    """Run a provider on 127.0.0.1 until the end of the ``with`` block.

    It speaks the authorization code flow with PKCE (S256) and nothing older, compares redirect addresses
    exactly, gives codes that work once, signed access tokens (RFC 9068), ID tokens, and refresh tokens
    that are replaced at each use. Nothing is written to disk or to a log.

    Args:
        users: the accounts.
        clients: the applications that may ask.
        authenticate: says whether ``(username, password, one_time_code)`` is right; called for unknown
            names, too. A ``UserError`` from it counts as no. Without it the users' own passwords count.
        audience: the service that access tokens are made for.
        algorithm: ``"RS256"``, ``"ES256"`` or ``"Ed25519"``.
        access_seconds, code_seconds, refresh_seconds: how long tokens and codes live.
        clock: the provider's clock, seconds since 1970.
        audit: where sign-ins and replays are recorded.
        port: 0 for any free one.

    Raises:
        UserError: if the port is taken, no user or application is named, or passwords are missing.

    Source: draft-ietf-oauth-v2-1, RFC 9700 (best practice), OpenID Connect Core 1.0.
    """
    provider = LocalProvider(
        users,
        clients,
        authenticate=authenticate,
        audience=audience,
        algorithm=algorithm,
        access_seconds=access_seconds,
        code_seconds=code_seconds,
        refresh_seconds=refresh_seconds,
        clock=clock,
        audit=audit,
        port=port,
    )
    with running(provider):
        yield provider


@contextmanager
def running(provider: LocalProvider) -> Iterator[None]:
    """Start ``provider`` and stop it whatever happens."""
    try:
        provider.start()
        yield
    finally:
        provider.stop()


class _SilentHandler(WSGIRequestHandler):
    """Writes no log: the request lines hold codes and states."""

    timeout = 30
    # One request for each connection: none outlives the provider.
    protocol_version = "HTTP/1.0"
    clock: Callable[[], float] = staticmethod(time.time)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Drop the line."""

    def version_string(self) -> str:
        return "local"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time by the provider's clock, for the header ``Date``."""
        return formatdate(self.clock() if timestamp is None else timestamp, usegmt=True)


class _SilentServer(ThreadedWSGIServer):
    """Writes no traceback: a caller that went away is no event, and what it sent is nobody's business."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Drop the line."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


def _listen(port: int, clock: Callable[[], float]) -> ThreadedWSGIServer:
    handler = type("Handler", (_SilentHandler,), {"clock": staticmethod(clock)})
    try:
        listener = socket.create_server((HOST, port))
    except (OSError, OverflowError):
        raise UserError(
            f"Port {port} of this machine is taken or not allowed: leave it out and a free one is used."
        ) from None
    # Given a port that is taken, werkzeug itself would end the whole program.
    with listener:
        return _SilentServer(HOST, port, _not_ready, handler, fd=listener.fileno())


def _quiet(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with no_secrets_logged():
            return app(environ, start)

    return answer


def _not_ready(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("503 Service Unavailable", [])
    return []


def _password_check(users: Iterable[User]) -> Authenticate:
    """Return a check of the users' own passwords, kept as argon2id hashes (OWASP's second setting)."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    hashes = {user.username: hasher.hash(user.password) for user in users if user.password}
    if not hashes:
        raise UserError(
            "No user has a password: give passwords, or a function 'authenticate' that checks them."
        )
    unknown = hasher.hash("")

    def authenticate(username: str, password: str, one_time_code: str) -> bool:
        try:
            hasher.verify(hashes.get(username, unknown), password)
        except VerificationError:
            return False
        return username in hashes

    return authenticate
