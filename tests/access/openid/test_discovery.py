"""A provider's description, keys and tokens are believed only where they are safe and its own."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from secure_ai.access.openid import discovery, errors, web
from secure_ai.access.openid.discovery import discover
from secure_ai.access.openid.flow import CodeFlow, as_client
from secure_ai.access.openid.keys import SigningKeys, sign
from secure_ai.access.openid.tokens import check_token
from secure_ai.core.errors import UserError

NOW = 1_800_000_000.0


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *args: Any) -> None:
        """A client that gives up is part of the test."""


@contextmanager
def odd_provider(pages: dict[str, tuple[int, Any]]) -> Iterator[str]:
    """Serve ``pages`` (status, and JSON or bytes); ``{issuer}`` in them becomes the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = pages.get(urlsplit(self.path).path, (404, b""))
            content = content() if callable(content) else content
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            body = body.replace(b"{issuer}", issuer.encode())
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    with QuietServer(("127.0.0.1", 0), Handler) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()


DOCUMENT = {
    "issuer": "{issuer}",
    "authorization_endpoint": "{issuer}/authorize",
    "token_endpoint": "{issuer}/token",
    "jwks_uri": "{issuer}/keys",
    "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    "code_challenge_methods_supported": ["S256"],
}
BAD_DOCUMENTS = {
    "missing": (404, b"", "no provider's description"),
    "moved": (302, b"", "no provider's description"),
    "no JSON": (200, b"<html>canary", "no provider's description"),
    "a list": (200, [], "no provider's description"),
    "too long": (200, b'{"a":"' + b"x" * 1_100_000 + b'"}', "too long"),
    "deep": (200, b"[" * 100_000, "no provider's description"),
    "other issuer": (200, DOCUMENT | {"issuer": "https://evil.example.org"}, "another issuer"),
    "issuer missing": (200, {**DOCUMENT, "issuer": None}, "issuer"),
    "keys missing": (200, {**DOCUMENT, "jwks_uri": 7}, "jwks_uri"),
    "unprotected": (200, DOCUMENT | {"token_endpoint": "http://id.example.org/token"}, "not protected"),
    "no address": (200, DOCUMENT | {"token_endpoint": "canary"}, "no complete address"),
    "a file": (200, DOCUMENT | {"jwks_uri": "file:///etc/passwd"}, "no complete address"),
    "no code flow": (200, DOCUMENT | {"response_types_supported": ["id_token"]}, "code flow"),
    "plain PKCE only": (200, DOCUMENT | {"code_challenge_methods_supported": ["plain"]}, "PKCE"),
    "unsigned": (200, DOCUMENT | {"id_token_signing_alg_values_supported": ["none", "HS256"]}, "none of"),
}


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_a_wrong_or_unsafe_description_is_refused_and_said_why(case):
    status, content, words = BAD_DOCUMENTS[case]
    with (
        odd_provider({discovery.WELL_KNOWN: (status, content)}) as issuer,
        pytest.raises(errors.ProviderError, match=words) as caught,
    ):
        discover(issuer)
    assert "canary" not in str(caught.value) and "evil" not in str(caught.value)


# The members that matter here of what these services publish.
KNOWN_SERVICES = {
    "Google": {
        "issuer": "https://accounts.google.com",
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_endpoint": "https://oauth2.googleapis.com/token",
        "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
        "response_types_supported": ["code", "token", "id_token", "none"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["plain", "S256"],
    },
    "Microsoft Entra ID": {
        "issuer": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
        "authorization_endpoint": "https://login.microsoftonline.com/0/oauth2/v2.0/authorize",
        "token_endpoint": "https://login.microsoftonline.com/0/oauth2/v2.0/token",
        "jwks_uri": "https://login.microsoftonline.com/0/discovery/v2.0/keys",
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "kerberos_endpoint": "https://login.microsoftonline.com/0/kerberos",
    },
    "Keycloak": {
        "issuer": "https://keycloak.example.org/realms/hospital",
        "authorization_endpoint": "https://keycloak.example.org/realms/hospital/auth",
        "token_endpoint": "https://keycloak.example.org/realms/hospital/token",
        "jwks_uri": "https://keycloak.example.org/realms/hospital/certs",
        "id_token_signing_alg_values_supported": ["PS384", "RS256", "HS256", "ES256", "EdDSA"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": True,
    },
}


@pytest.mark.parametrize("name", KNOWN_SERVICES)
def test_descriptions_of_services_in_use_are_accepted_and_shared_secrets_never(name):
    content = KNOWN_SERVICES[name]
    found = discovery.DiscoveredProvider(discovery._checked(content, content["issuer"]))
    assert "RS256" in found.algorithms and "HS256" not in found.algorithms


def test_a_provider_of_many_organizations_must_be_named_by_ones_own():
    content = KNOWN_SERVICES["Microsoft Entra ID"]
    with pytest.raises(errors.DiscoveryError, match="your organization"):
        discovery._checked(content, "https://login.microsoftonline.com/common/v2.0")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "canary",
        "http://id.example.org",
        "ftp://127.0.0.1",
        "https://",
        "https://u@x.org",
        "http://[::1",
        7,
    ],
)
def test_an_unsafe_address_is_refused_before_anything_is_sent(address):
    with pytest.raises(errors.DiscoveryError):
        discover(address)


def test_a_provider_of_a_path_of_its_own_is_found():
    pages = {"/realms/x" + discovery.WELL_KNOWN: (200, DOCUMENT | {"issuer": "{issuer}/realms/x"})}
    with odd_provider(pages) as issuer:
        for address in (
            f"{issuer}/realms/x",
            f"{issuer}/realms/x/",
            f"{issuer}/realms/x{discovery.WELL_KNOWN}",
        ):
            assert discover(address).issuer == f"{issuer}/realms/x"


def test_a_description_far_away_may_not_point_back_to_this_machine():
    with pytest.raises(errors.DiscoveryError, match="not protected"):
        discovery._checked(
            {
                **DOCUMENT,
                "issuer": "https://id.example.org",
                "authorization_endpoint": "https://id.example.org/a",
                "token_endpoint": "http://127.0.0.1:8200/token",
                "jwks_uri": "https://id.example.org/keys",
            },
            "https://id.example.org",
        )


def test_a_silent_provider_is_given_up(monkeypatch):
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.2)
    wait = threading.Event()

    def hang() -> bytes:
        wait.wait(5)
        return b""

    with odd_provider({discovery.WELL_KNOWN: (200, hang)}) as issuer:
        with pytest.raises(errors.ProviderUnreachableError, match="took longer"):
            discover(issuer)
        wait.set()


def test_an_unknown_key_is_asked_for_once_and_not_again_for_every_forged_token():
    keys, other, asked = SigningKeys("ES256"), SigningKeys("ES256"), []

    def answer() -> Any:
        asked.append(1)
        return keys.key_set()

    with odd_provider({discovery.WELL_KNOWN: (200, DOCUMENT), "/keys": (200, answer)}) as issuer:
        found = discover(issuer)
        for _ in range(3):
            with pytest.raises(errors.UnknownKeyError):
                check_token(sign({}, other.current, typ="at+jwt"), issuer=issuer, audience="x", keys=found)
    assert len(asked) == 1


def test_a_withdrawn_key_stops_counting_and_a_new_one_is_found(monkeypatch):
    keys = SigningKeys("ES256")
    claims = {"iss": "", "aud": "app", "sub": "a", "iat": NOW, "exp": NOW + 60}
    with odd_provider({discovery.WELL_KNOWN: (200, DOCUMENT), "/keys": (200, keys.key_set)}) as issuer:
        found = discover(issuer)

        def check(text: str) -> Any:
            settings = {"issuer": issuer, "audience": "app", "keys": found, "now": lambda: NOW}
            return check_token(text, kind="id", **settings)

        old = sign(claims | {"iss": issuer}, keys.current, typ="JWT")
        assert check(old)
        keys.rotate()
        keys.retire()
        new = sign(claims | {"iss": issuer}, keys.current, typ="JWT")
        with pytest.raises(errors.UnknownKeyError):
            check(new)
        monkeypatch.setattr(discovery, "REFRESH_SECONDS", 0.0)
        assert check(new)
        with pytest.raises(errors.UnknownKeyError):
            check(old)


@pytest.mark.parametrize("content", [{}, {"keys": []}, {"keys": [{"kty": "oct", "k": "AAAA"}]}, b"x"])
def test_a_provider_without_usable_keys_is_an_error_of_its_own(content):
    with (
        odd_provider({discovery.WELL_KNOWN: (200, DOCUMENT), "/keys": (200, content)}) as issuer,
        pytest.raises(errors.ProviderError, match="no usable keys"),
    ):
        discover(issuer).public_keys("k")


def odd_tokens(change: Callable[[dict[str, Any], SigningKeys], Any]) -> None:
    """Finish a sign-in at a provider whose token answer is changed."""
    keys = SigningKeys("ES256")
    content: dict[str, Any] = {}
    pages = {
        discovery.WELL_KNOWN: (200, DOCUMENT),
        "/keys": (200, keys.key_set()),
        "/token": (200, lambda: content),
    }
    with odd_provider(pages) as issuer:
        started = CodeFlow(discover(issuer), "app", redirect_uri="http://127.0.0.1/callback", scope="openid")
        asked = parse_qs(urlsplit(started.request_address()).query)
        claims = {
            "iss": issuer,
            "aud": "app",
            "sub": "a",
            "iat": NOW,
            "exp": NOW + 60,
            "nonce": asked["nonce"][0],
        }
        content.update({"access_token": "opaque", "token_type": "Bearer", "expires_in": 60})
        content["id_token"] = sign(claims, keys.current, typ="JWT")
        changed = change(claims, keys)
        content.update(changed if isinstance(changed, dict) else {"id_token": changed})
        started._now = lambda: NOW
        assert started.finish({"code": "c", "state": asked["state"][0]}).claims.subject == "a"


def signed(claims: dict[str, Any], keys: SigningKeys, typ: str = "JWT", **changes: Any) -> str:
    """An ID token with claims changed."""
    return sign(claims | changes, keys.current, typ=typ)


def test_a_provider_without_extras_and_with_opaque_access_tokens_is_fine():
    odd_tokens(lambda claims, keys: {})


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda claims, keys: {"id_token": None}, errors.SignInError),
        (lambda claims, keys: {"access_token": 7}, errors.SignInError),
        (lambda claims, keys: {"token_type": "mac"}, errors.ProviderError),
        (lambda claims, keys: signed(claims, keys, nonce="x"), errors.WrongNonceError),
        (lambda claims, keys: signed(claims, keys, aud="b"), errors.WrongAudienceError),
        (lambda claims, keys: signed(claims, keys, iss="x"), errors.WrongIssuerError),
        (lambda claims, keys: signed(claims, keys, "at+jwt"), errors.WrongTypeError),
        (lambda claims, keys: signed(claims, SigningKeys("ES256")), errors.UnknownKeyError),
        (lambda claims, keys: signed(claims, keys, at_hash="x"), errors.BadSignatureError),
    ],
)
def test_tokens_that_do_not_belong_to_the_sign_in_are_refused(change, kind):
    with pytest.raises(kind):
        odd_tokens(change)


def test_every_error_of_this_room_is_a_sentence_for_people():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, UserError) for kind in kinds) and len(kinds) > 20


@pytest.mark.parametrize(
    ("methods", "where"),
    [(["client_secret_basic", "client_secret_post"], "auth"), (["client_secret_post"], "data")],
)
def test_an_application_shows_its_secret_in_the_way_that_the_provider_wants(methods, where):
    content = KNOWN_SERVICES["Keycloak"] | {"token_endpoint_auth_methods_supported": methods}
    found = discovery.DiscoveredProvider(discovery._checked(content, content["issuer"]))
    sent = as_client(found, {"client_id": "app", "code": "c"}, "a secret")
    assert ("auth" in sent, "client_secret" in sent["data"]) == (where == "auth", where == "data")
    assert as_client(found, {"client_id": "app"}, "") == {"data": {"client_id": "app"}}


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.2", "[::ffff:127.0.0.1]", "169.254.169.254", "x.localhost", "0.0.0.0"]
)
def test_a_provider_elsewhere_leads_nobody_to_this_machine(host):
    with pytest.raises(errors.DiscoveryError, match="this machine"):
        web.check_address(f"https://{host}/keys", "address of the keys", loopback=False)


class Hostile(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/bomb":
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(gzip.compress(b" " * 50_000_000))
            return
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(60):  # a byte now and then, never a whole header
            self.wfile.write(b"x")
            time.sleep(0.05)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.parametrize(("path", "said"), [("/bomb", "compressed"), ("/trickle", "took longer")])
def test_what_unfolds_or_trickles_is_not_waited_for(monkeypatch, path, said):
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.2)
    with QuietServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}{path}"
        started = time.monotonic()
        with web.open_client(address) as client, pytest.raises(errors.ProviderError, match=said):
            web.ask(client, "GET", address, "its keys")
        assert time.monotonic() - started < 2
        server.shutdown()
