"""A learning platform launches into a room: tried with a stand-in platform on this machine."""

from __future__ import annotations

import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from secure_ai.workshop.hub.codes import Codes
from secure_ai.workshop.hub.room import Room
from tests.workshop.lab_rooms import a_room

KIT = Path(__file__).resolve().parents[2]
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"


@pytest.fixture(scope="module")
def hub_python() -> str:
    """The interpreter of the hub's environment, with the authenticator for LTI in it."""
    places = [
        os.environ.get("SECURE_AI_HUB_PYTHON", ""),
        KIT / ".venv-workshop/bin/python",
    ]
    for place in places:
        check = [str(place), "-c", "import jupyterhub, ltiauthenticator.lti13.auth"]
        if (
            place
            and Path(place).exists()
            and subprocess.run(check, capture_output=True, check=False).returncode == 0
        ):
            return str(place)
    if os.environ.get("SECURE_AI_REQUIRE_WORKSHOP") == "1":
        pytest.fail("the hub's environment is not here")
    pytest.skip("the hub's environment is not here: 'secure-ai workshop up' makes it")


@dataclass
class Platform:
    """A stand-in for a learning platform: it publishes a key and signs what it is told to."""

    address: str
    key: RSAKey

    def token(self, nonce: str, /, subject: str = "u-1", key: RSAKey | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.address, "aud": "client-1", "sub": subject, "nonce": nonce,
            "iat": now, "exp": now + 300, "email": "ada@example.org",
            f"{CLAIM}message_type": "LtiResourceLinkRequest", f"{CLAIM}version": "1.3.0",
            f"{CLAIM}deployment_id": "1", f"{CLAIM}target_link_uri": "https://room/hub/",
            f"{CLAIM}resource_link": {"id": "lab"}, f"{CLAIM}roles": ["Instructor"],
        }  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims | changes, key or self.key)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    key = RSAKey.generate_key(2048, {"kid": "k1"})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(
                {"keys": [key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}]}
            ).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Platform(f"http://127.0.0.1:{server.server_port}", key)
    server.shutdown()


@dataclass
class Hub:
    """A hub that runs, and what a browser does with it."""

    address: str
    room: Room
    platform: Platform

    def begin(self) -> tuple[dict[str, str], dict[str, str]]:
        """Begin a launch; return the cookies and what the hub asks the platform."""
        asked = {
            "iss": self.platform.address,
            "login_hint": "x",
            "target_link_uri": "https://room.example.org/hub/",
            "client_id": "client-1",
        }
        answer = httpx.post(f"{self.address}/hub/lti13/oauth_login", data=asked)
        assert answer.status_code == 302, answer.text[:500]
        assert answer.headers["location"].startswith(f"{self.platform.address}/authorize?")
        query = {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        assert all(
            "secure" in line.lower() and "samesite=none" in line.lower() for line in _cookie_lines(answer)
        )
        return _cookies(answer), query

    def finish(self, cookies: dict[str, str], state: str, token: str) -> httpx.Response:
        header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        data = {"state": state, "id_token": token}
        return httpx.post(f"{self.address}/hub/lti13/oauth_callback", data=data, headers=header)

    def launch(self, **claims: Any) -> httpx.Response:
        cookies, query = self.begin()
        return self.finish(cookies, query["state"], self.platform.token(query["nonce"], **claims))

    def user(self, answer: httpx.Response) -> str:
        """Return who a browser is after a launch, as the hub's own page says."""
        header = {"Cookie": "; ".join(f"{name}={value}" for name, value in _cookies(answer).items())}
        page = httpx.get(f"{self.address}/hub/home", headers=header)
        found = re.search(r'user: "([^"]*)"', page.text)
        return found[1] if page.status_code == 200 and found else ""


def _cookie_lines(answer: httpx.Response) -> list[str]:
    lines = answer.headers.get_list("set-cookie")
    return [line for line in lines if line.startswith("lti13")]


def _cookies(answer: httpx.Response) -> dict[str, str]:
    pairs = [line.split(";")[0].partition("=") for line in answer.headers.get_list("set-cookie")]
    return {name: value for name, _, value in pairs if value not in ("", '""')}


@pytest.fixture(scope="module")
def hub(hub_python: str, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("lti")
    room, settings = a_room(folder)
    given = {
        "issuer": platform.address,
        "client_id": "client-1",
        "authorize_url": f"{platform.address}/authorize",
        "jwks_endpoint": f"{platform.address}/jwks",
    }
    room.write_settings(replace(settings, more={"lti": given, "certificate": "yes"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"SECURE_AI_ROOM": str(room.folder), "KIT": str(KIT), "HUB_PORT": str(port)}
    config = str(Path(__file__).with_name("lti_hub.py"))
    log = (folder / "hub.log").open("w")
    process = subprocess.Popen(
        [hub_python, "-m", "jupyterhub", "-f", config], env=environment, cwd=folder, stdout=log, stderr=log
    )
    try:
        for _ in range(600):
            if process.poll() is not None:
                pytest.fail((folder / "hub.log").read_text()[-3000:])
            try:
                httpx.get(f"http://127.0.0.1:{port}/hub/api/")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield Hub(f"http://127.0.0.1:{port}", room, platform)
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def test_launches_take_free_seats_keep_them_and_the_last_is_told_that_the_room_is_full(hub):
    code = Codes(hub.room.codes_file)
    assert code.redeem(code.issue("seat-02")) == "seat-02"
    first = hub.launch(subject="u-1")
    assert first.status_code == 302 and hub.user(first) == "seat-01"
    assert hub.user(hub.launch(subject="u-2")) == "seat-03"
    assert hub.user(hub.launch(subject="u-1")) == "seat-01"
    full = hub.launch(subject="u-3")
    assert full.status_code == 403 and "Every seat of this room is taken" in full.text
    kept = b"".join(path.read_bytes() for path in hub.room.private.glob("launches.sqlite*"))
    assert b"u-1" not in kept and b"ada@" not in kept


def test_the_hub_asks_the_platform_for_a_signed_answer_by_form_to_its_own_address(hub):
    _, query = hub.begin()
    assert query["response_type"] == "id_token" and query["response_mode"] == "form_post"
    assert query["redirect_uri"].startswith("https://") and query["redirect_uri"].endswith(
        "/hub/lti13/oauth_callback"
    )


FORGED = {
    "another key": {"key": RSAKey.generate_key(2048, {"kid": "k1"})},
    "another tool": {"aud": "client-2"},
    "another platform": {"iss": "https://other.example.org"},
    "too old": {"exp": 1_000_000, "iat": 999_000},
    "another nonce": {"nonce": "0" * 64},
    "no subject": {"sub": ""},
    "another message": {f"{CLAIM}message_type": "Other"},
}


@pytest.mark.parametrize("claims", FORGED.values(), ids=FORGED)
def test_a_token_that_is_not_the_platform_s_for_this_launch_signs_nobody_in(hub, claims):
    answer = hub.launch(**claims)
    assert 400 <= answer.status_code < 500 and hub.user(answer) == ""


def test_a_token_without_signature_another_s_state_and_no_cookie_are_refused(hub):
    cookies, query = hub.begin()
    token = hub.platform.token(query["nonce"])
    head, body, _ = token.split(".")
    import base64

    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    for given in (f"{none}.{body}.", f"{head}.{body}.", "", "x"):
        assert hub.finish(cookies, query["state"], given).status_code in (400, 401)
    assert hub.finish({}, query["state"], token).status_code in (400, 403)
    assert hub.finish(cookies, hub.begin()[1]["state"], token).status_code in (400, 403)


GOOD = {
    "issuer": "https://p.example.org", "client_id": "1", "authorize_url": "https://p.example.org/a",
    "jwks_endpoint": "https://p.example.org/j",
}  # fmt: skip
WRONG = [
    {},
    "text",
    {key: value for key, value in GOOD.items() if key != "issuer"},
    GOOD | {"issuer": "http://p.example.org"},
    GOOD | {"jwks_endpoint": 5},
    GOOD | {"client_id": []},
    GOOD | {"more": "x"},
]
ASK = """
import json, sys
from types import SimpleNamespace
from traitlets.config import Config
from secure_ai.workshop.hub import lti
from secure_ai.workshop.hub.room import RoomError
for more in json.loads(sys.argv[1]):
    try:
        lti.configure(Config(), None, SimpleNamespace(more=more))
        print("accepted")
    except RoomError as error:
        print(error)
print(json.dumps(lti.for_platform("https://room.example.org/")))
"""


def test_settings_that_are_no_platform_and_a_room_without_certificate_are_refused_in_a_sentence(hub_python):
    given = [{"lti": wrong, "certificate": "x"} for wrong in WRONG] + [{"lti": GOOD}]
    given.append({"lti": GOOD, "certificate": "x"})
    command = [hub_python, "-c", ASK, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(KIT)})
    *said, tool = done.stdout.splitlines()
    assert len(said) == len(given) and said[-1] == "accepted" and "certificate" in said[-2]
    assert all("platform" in line for line in said[:-2])
    shown = json.loads(tool)
    assert shown["redirect_uris"] == ["https://room.example.org/hub/lti13/oauth_callback"]
    assert shown["oidc_initiation_url"].endswith("/hub/lti13/oauth_login") and shown["scopes"] == []
