"""Every attack on tokens, against the careless check and ours: one table, one row an attack."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
from joserfc.jwk import Key

from secure_ai.access.openid.client import sign_in_headless
from secure_ai.access.openid.errors import TokenError
from secure_ai.access.openid.model import Client, User
from secure_ai.access.openid.provider import DEFAULT_CLIENT, LocalProvider, local_provider
from secure_ai.access.openid.tokens import ReplayStore, check_token
from secure_ai.attack.tokens import codes, forge
from secure_ai.attack.tokens.careless import careless_check, careless_provider
from secure_ai.core.errors import UserError

COLUMNS = ["attack", "careless", "careful", "reason"]
BELIEVED, REFUSED = "falls for it", "holds"
CANTEEN = Client("canteen-app", title="Canteen", audience="https://canteen.example.org")
PUBLIC_FILE = b"body { color: black }\n"
_USER, _PASSWORD = "clerk", "only for this lesson"


def expired(provider: LocalProvider, username: str, password: str, *, by: float = 3600) -> tuple[str, float]:
    """Return a genuine access token and the time ``by`` seconds after its end, at which it is presented."""
    token = sign_in_headless(provider, username, password).access_token
    _, claims = forge.read_unchecked(token)
    return token, claims["exp"] + by


def other_audience(provider: LocalProvider, username: str, password: str) -> str:
    """Return a genuine access token that the last application of ``provider`` was given for its own service.

    That service, or whoever works there, presents it to another one.
    """
    client = provider.clients[-1]
    return sign_in_headless(provider, username, password, client_id=client.client_id).access_token


def token_attack_table(*, role: str = "administrator") -> pd.DataFrame:
    """Return what each attack achieves against the careless check or provider and against ours.

    Both run on 127.0.0.1 for the purpose; every row is an attack that was really carried out.

    Args:
        role: what the attacker writes into a forged token.

    Returns:
        One row an attack: ``attack``; ``careless`` and ``careful``, each "falls for it" or "holds"; and
        ``reason``, what ours said or did, or in the first row nothing, for the genuine token.
    """
    user = User(_USER, groups=("records",), roles=("clerk",), password=_PASSWORD)
    with (
        local_provider([user], (DEFAULT_CLIENT, CANTEEN), algorithm="ES256") as provider,
        careless_provider([user]) as careless,
    ):
        rows = [*_token_rows(provider, role), *_sign_in_rows(provider, careless)]
    return pd.DataFrame(rows, columns=COLUMNS)


def token_attack_sentence(table: pd.DataFrame) -> str:
    """Say what :func:`token_attack_table` found."""
    attacks = table[table["attack"] != "none: the genuine token"]
    fell, held = (attacks["careless"] == BELIEVED).sum(), (attacks["careful"] == REFUSED).sum()
    return f"Of {len(attacks)} attacks the careless side falls for {fell}; ours holds against {held}."


def _token_rows(provider: LocalProvider, role: str) -> Iterator[tuple[str, str, str, str]]:
    signed_in = sign_in_headless(provider, _USER, _PASSWORD)
    token, roles = signed_in.access_token, [role]
    key = forge.attacker_key()
    late_token, late = expired(provider, _USER, _PASSWORD)
    with _hosted(key) as address, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "keys").mkdir()
        (Path(folder) / "style.css").write_bytes(PUBLIC_FILE)
        leads_out = forge.point_to_known_file(token, "../style.css", PUBLIC_FILE, roles=roles)
        attacks = {
            "none: the genuine token": token,
            "no signature: the header says 'none'": forge.forge_unsigned(token, roles=roles),
            "the public key taken for a shared secret": forge.confuse_algorithm(
                token, provider.public_key_pem, roles=roles
            ),
            "a key name that leads to a known file": leads_out,
            "an address of the attacker's own keys": forge.bring_own_keys(token, key, address, roles=roles),
            "the attacker's key under the provider's key name": forge.sign_with_own_key(
                token, key, roles=roles
            ),
            "another role under the old signature": forge.change_claims(token, roles=roles),
            "an ID token in the place of an access token": signed_in.id_token,
        }
        for name, forged in attacks.items():
            yield _compared(name, forged, provider, Path(folder) / "keys")
        yield _compared("an expired token", late_token, provider, None, now=lambda: late)
        other = other_audience(provider, _USER, _PASSWORD)
        yield _compared("a token for another service", other, provider, None)
        seen = ReplayStore()
        _careful(token, provider, replays=seen)
        yield _compared("a token that was used before", token, provider, None, replays=seen)


def _sign_in_rows(provider: LocalProvider, careless: LocalProvider) -> Iterator[tuple[str, str, str, str]]:
    attacks: dict[str, Callable[[LocalProvider, str, str], codes.Attempt]] = {
        "a code used a second time": codes.replay_code,
        "an intercepted code without its verifier": codes.intercept_code_without_verifier,
        "a sign-in begun without a proof key": codes.ask_without_challenge,
        "a stolen refresh token": codes.reuse_refresh_token,
    }
    for name, attack in attacks.items():
        loose, tight = attack(careless, _USER, _PASSWORD), attack(provider, _USER, _PASSWORD)
        yield name, _outcome(loose.succeeded), _outcome(tight.succeeded), tight.reason


def _compared(
    name: str, token: str, provider: LocalProvider, folder: Path | None, **more: Any
) -> tuple[str, str, str, str]:
    try:
        careless_check(token, public_key_pem=provider.public_key_pem, key_folder=folder)
        careless = True
    except UserError:
        careless = False
    reason = _careful(token, provider, **more)
    genuine = name.startswith("none")
    words = ("accepts it", "refuses it") if genuine else (BELIEVED, REFUSED)
    return name, words[not careless], words[bool(reason)], reason


def _careful(token: str, provider: LocalProvider, **more: Any) -> str:
    """Return why our check refuses a token, nothing if it does not."""
    try:
        check_token(token, issuer=provider.issuer, audience=provider.audience, keys=provider.key_set, **more)
    except TokenError as refused:
        return str(refused)
    return ""


def _outcome(succeeded: bool) -> str:
    return BELIEVED if succeeded else REFUSED


@contextmanager
def _hosted(key: Key) -> Iterator[str]:
    """Serve the attacker's key set on 127.0.0.1 and yield its address."""
    body = json.dumps({"keys": [key.as_dict(private=False)]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys"
        finally:
            server.shutdown()
            thread.join()
