"""A stand-in for Vault's Transit engine, for tests: it checks each request and encrypts by itself."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "canary-of-a-token"


class Refusal(Exception):
    """An answer with a status and Vault's text."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Engine:
    """Keys and what is done with them, as Vault documents it (Transit secrets engine, HTTP API)."""

    def __init__(self) -> None:
        self.keys: dict[str, dict] = {}
        self.requests: list[tuple[str, str, dict | None]] = []
        self.next_refusal: Refusal | None = None
        self.raw_answer: bytes | None = None

    def answer(self, method: str, path: str, token: str | None, body: dict | None) -> dict | None:
        """Return the data of an answer, or None for 204."""
        self.requests.append((method, path, body))
        if self.next_refusal:
            refusal, self.next_refusal = self.next_refusal, None
            raise refusal
        if token != TOKEN:
            raise Refusal(403, "permission denied")
        assert path.startswith("/v1/transit/"), path
        match (method, *path.removeprefix("/v1/transit/").split("/")):
            case ("LIST", "keys"):
                if not self.keys:
                    raise Refusal(404)
                return {"keys": sorted(self.keys)}
            case ("POST", "keys", name):
                assert body == {"type": "aes256-gcm96", "derived": True}
                self.keys[name] = {"versions": {1: secrets.token_bytes(32)}, "decrypt": 1, "encrypt": 0,
                                   "available": 0, "latest": 1, "deletable": False}  # fmt: skip
                return {}
            case ("GET", "keys", name):
                key = self._key(name, 404)
                kept = {str(n): {} for n in key["versions"] if n >= key["decrypt"]}
                return {"latest_version": key["latest"], "min_decryption_version": key["decrypt"],
                        "min_encryption_version": key["encrypt"], "min_available_version": key["available"],
                        "keys": kept}  # fmt: skip
            case ("DELETE", "keys", name):
                if not self._key(name, 400)["deletable"]:
                    raise Refusal(400, "deletion is not allowed for this key")
                del self.keys[name]
                return None
            case ("POST", "keys", name, "rotate"):
                assert body == {}
                key = self._key(name, 400)
                key["latest"] += 1
                key["versions"][key["latest"]] = secrets.token_bytes(32)
                return None
            case ("POST", "keys", name, "config"):
                key = self._key(name, 400)
                assert set(body) <= {"min_decryption_version", "min_encryption_version", "deletion_allowed"}
                key["decrypt"] = body.get("min_decryption_version", key["decrypt"])
                key["encrypt"] = body.get("min_encryption_version", key["encrypt"])
                key["deletable"] = body.get("deletion_allowed", key["deletable"])
                return None
            case ("POST", "keys", name, "trim"):
                key, least = self._key(name, 400), body["min_available_version"]
                if not key["encrypt"] or least > min(key["decrypt"], key["encrypt"]):
                    raise Refusal(400, "minimum available version cannot be higher")
                key["available"] = least
                key["versions"] = {n: k for n, k in key["versions"].items() if n >= least}
                return None
            case ("POST", "datakey", "plaintext", name):
                assert set(body) == {"context", "bits"}
                assert body["bits"] == 256
                plaintext = secrets.token_bytes(32)
                return {"plaintext": base64.b64encode(plaintext).decode(),
                        "ciphertext": self._encrypt(name, plaintext, body["context"])}  # fmt: skip
            case ("POST", "decrypt", name):
                assert set(body) == {"context", "ciphertext"}
                return {"plaintext": base64.b64encode(self._decrypt(name, **body)).decode()}
            case ("POST", "rewrap", name):
                assert set(body) == {"context", "ciphertext"}
                return {"ciphertext": self._encrypt(name, self._decrypt(name, **body), body["context"])}
        raise AssertionError(f"{method} {path} is not used")

    def _key(self, name: str, status: int) -> dict:
        if name not in self.keys:
            raise Refusal(status, "" if status == 404 else "encryption key not found")
        return self.keys[name]

    def _encrypt(self, name: str, plaintext: bytes, context: str) -> str:
        key, nonce = self._key(name, 400), secrets.token_bytes(12)
        raw = AESGCM(key["versions"][key["latest"]]).encrypt(nonce, plaintext, base64.b64decode(context))
        return f"vault:v{key['latest']}:{base64.b64encode(nonce + raw).decode()}"

    def _decrypt(self, name: str, ciphertext: str, context: str) -> bytes:
        key, (_, version, encoded) = self._key(name, 400), ciphertext.split(":")
        number, raw = int(version[1:]), base64.b64decode(encoded)
        if number < key["decrypt"]:
            raise Refusal(400, "ciphertext or signature version is disallowed by policy (too old)")
        if number > key["latest"]:
            raise Refusal(400, "invalid ciphertext: version is too new")
        try:
            return AESGCM(key["versions"][number]).decrypt(raw[:12], raw[12:], base64.b64decode(context))
        except InvalidTag:
            raise Refusal(400, "cipher: message authentication failed") from None


@contextmanager
def served() -> Iterator[tuple[str, Engine]]:
    """Serve an engine on a free port of this machine; yield its address and itself."""
    engine = Engine()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            try:
                data = engine.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
                status, raw = (204, b"") if data is None else (200, json.dumps({"data": data}).encode())
            except Refusal as refusal:
                errors = [refusal.text] if refusal.text else []
                status, raw = refusal.status, json.dumps({"errors": errors}).encode()
            except AssertionError as error:
                status, raw = 500, f"unexpected request: {error}".encode()
            if engine.raw_answer is not None:
                status, raw = 200, engine.raw_answer
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_LIST = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
