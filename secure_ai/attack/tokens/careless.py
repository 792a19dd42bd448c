"""Wrong on purpose: a check of tokens and a provider with the mistakes that real ones had, for comparison."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.util import urlsafe_b64decode

from secure_ai.access.openid import grants
from secure_ai.access.openid.model import Client, CodeRecord, TokenRecord, User, digest
from secure_ai.access.openid.provider import DEFAULT_AUDIENCE, DEFAULT_CLIENT, LocalProvider, running
from secure_ai.attack.tokens.forge import read_unchecked
from secure_ai.core.errors import UserError


def careless_check(token: str, *, public_key_pem: bytes, key_folder: Path | None = None) -> dict[str, Any]:
    """Wrong on purpose: this check lets the token say how it is to be checked. Never use it.

    It takes the algorithm from the token, takes ``kid`` for a file name and ``jku`` for the address of the
    keys, takes a public key for a shared secret, and looks neither at issuer and audience nor at the time.

    Returns:
        The claims of whatever it believes.

    Raises:
        UserError: for what even this check refuses.
    """
    header, claims = read_unchecked(token)
    algorithm = str(header.get("alg"))
    if algorithm == "none":
        return claims
    content, _, signature = token.rpartition(".")
    try:
        if algorithm == "HS256":
            secret = _secret(header, public_key_pem, key_folder)
            expected = hmac.new(secret, content.encode(), hashlib.sha256).digest()
            if hmac.compare_digest(expected, urlsafe_b64decode(signature.encode())):
                return claims
        else:
            key = _keys_from(header["jku"]) if "jku" in header else _imported(public_key_pem, algorithm)
            jws.deserialize_compact(token, key, algorithms=[algorithm])
            return claims
    except (JoseError, ValueError, OSError, httpx.HTTPError):
        pass
    raise UserError("Even the careless check refuses this token: its signature does not belong to it.")


def _secret(header: dict[str, Any], public_key_pem: bytes, key_folder: Path | None) -> bytes:
    named = str(header.get("kid", ""))
    if key_folder is not None and "/" in named:
        return (key_folder / named).read_bytes()
    return public_key_pem


def _keys_from(address: str) -> KeySet:
    with httpx.Client(trust_env=False, timeout=5) as client:
        return KeySet.import_key_set(client.get(address).json())


def _imported(public_key_pem: bytes, algorithm: str) -> Any:
    return import_key(public_key_pem, {"RS": "RSA", "ES": "EC"}.get(algorithm[:2], "OKP"))


class CarelessProvider(LocalProvider):
    """Wrong on purpose: a provider without PKCE, whose codes and refresh tokens work again and again."""

    def _register(self, server: AuthorizationServer) -> None:
        desk = self.desk
        server.register_token_generator("default", grants.access_token_generator(desk))
        server.register_grant(_endless_codes(desk), [grants.id_token_extension(desk)])
        server.register_grant(_endless_refresh(desk))
        server.register_endpoint(grants.revocation_endpoint(desk))
        server.register_endpoint(grants.introspection_endpoint(desk))
        server.register_extension(grants.issuer_extension(self.issuer))


@contextmanager
def careless_provider(
    users: Iterable[User],
    clients: Iterable[Client] = (DEFAULT_CLIENT,),
    *,
    clock: Callable[[], float] = time.time,
) -> Iterator[LocalProvider]:
    """Wrong on purpose: run a provider on 127.0.0.1 that attacks on codes succeed against. Never use it.

    It is Authlib's flow without proof keys, and with the two deletions forgotten that make codes and
    refresh tokens work once.
    """
    provider = CarelessProvider(
        users,
        clients,
        authenticate=None,
        audience=DEFAULT_AUDIENCE,
        algorithm="ES256",
        access_seconds=300,
        code_seconds=60,
        refresh_seconds=8 * 3600,
        clock=clock,
        audit=None,
        port=0,
    )
    with running(provider):
        yield provider


def _endless_codes(desk: grants.Desk) -> Any:
    class EndlessCodes(grants.code_grant(desk)):  # type: ignore[misc]
        def delete_authorization_code(self, authorization_code: CodeRecord) -> None:
            """Forgotten."""

    return EndlessCodes


def _endless_refresh(desk: grants.Desk) -> Any:
    class EndlessRefresh(grants.refresh_grant(desk)):  # type: ignore[misc]
        def authenticate_refresh_token(self, refresh_token: str) -> TokenRecord | None:
            return desk.store.refresh_tokens.get(digest(refresh_token))

        def revoke_old_credential(self, refresh_token: TokenRecord) -> None:
            """Forgotten."""

    return EndlessRefresh
