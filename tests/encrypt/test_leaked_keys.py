"""Planted keys are found in code and outputs, clean notebooks stay clean, nothing is passed over."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.leaked_keys import find_leaked_keys
from secure_ai.encrypt.secret_keys import generate_key

ROOT = Path(__file__).parents[2]


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PASSWORD = "Gr8-" + _random(LETTERS, 9)
WORDS = "canary " + " ".join(_random("abcdefghijkmnop", 6) for _ in range(4))
HEX = secrets.token_hex(32)
URL_SAFE = "aZ7" + secrets.token_urlsafe(40)


def _jwt() -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "u1"}]
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*texts, base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()])


AWS = "AKIA" + _random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
KIT = base64.b64encode(secrets.token_bytes(64)).decode()
GITHUB = "ghp_" + _random(LETTERS, 36)
PLANTED = {
    "kit's key file": (KIT, "key.txt", "{}"),
    "kit's key in code": (KIT, "a.py", "x = '{}'"),
    "PEM": ("-----BEGIN PRIVATE KEY-----", "a.pem", "{}"),
    "encrypted PEM": ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "a.txt", "{}"),
    "OpenSSH": ("-----BEGIN OPENSSH PRIVATE KEY-----", "id", "{}"),
    "AWS": (AWS, "a.py", "client(aws_access_key_id='{}')"),
    "JWT": (_jwt(), "log.txt", "GET /me Authorization: {}"),
    "bearer": (_random(LETTERS, 40), "log.txt", "curl -H 'Authorization: Bearer {}'"),
    "GitHub": (GITHUB, "a.sh", "git clone https://{}@github.com/x/y"),
    "vault": ("hvs." + _random(LETTERS, 24), "a.txt", "login {}"),
    "address": (PASSWORD, "a.py", "connect('postgresql://ward:{}@db:5432/x')"),
    "address without user": (PASSWORD, "a.py", "url = 'redis://:{}@cache:6379'"),
    "connection string": (PASSWORD, "a.txt", "Server=db;Database=x;User Id=w;Password={};"),
    "libpq": (PASSWORD, "a.txt", "psql 'host=db user=w password={}'"),
    "python password": (PASSWORD, "a.py", "password = '{}'"),
    "yaml password": (PASSWORD, "a.yaml", "password: {}"),
    "dotenv password": (PASSWORD, ".env", "DB_PASSWORD={}"),
    "ini password": (PASSWORD, "a.ini", "secret = {}"),
    "json password": (PASSWORD, "a.json", '{{"password": "{}"}}'),
    "password in a call": (PASSWORD, "a.py", "conn = connect(user='w', password='{}')"),
    "key in a call": (PASSWORD, "a.py", 'client = Client(api_key="{}")'),
    "passphrase in a call": (WORDS, "a.py", "ring = open_ring('r.keys', passphrase='{}')"),
    "passphrase in the environment": (WORDS, "a.py", 'os.environ["SECURE_AI_PASSPHRASE"] = "{}"'),
    "passphrase in a file of settings": (WORDS, ".env", "SECURE_AI_PASSPHRASE={}"),
    "passphrase in a script": (WORDS, "a.sh", "export SECURE_AI_PASSPHRASE='{}'"),
    "JWK": (URL_SAFE, "a.json", '{{"kty": "OKP", "d": "{}"}}'),
    "age": ("AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0" * 4, "a.txt", "{}"),
    "fine-grained GitHub": ("github_pat_" + _random(LETTERS, 60), "a.txt", "{}"),
    "Google": ("AIza" + _random(LETTERS, 35), "a.txt", "?q={}"),
    "Hugging Face": ("hf_" + _random(LETTERS, 34), "a.py", "login('{}')"),
    "second factor": (
        _random("ABCDEFGHJKLMNPQRSTUVWXYZ234567", 32),
        "a.txt",
        "otpauth://totp/w?secret={}&issuer=x",
    ),
    "basic": (_random(LETTERS, 32), "a.py", "headers = {{'Authorization': 'Basic {}'}}"),
    "curl": (PASSWORD, "a.sh", "curl -s -u ward:{} https://db"),
    "command line": (PASSWORD, "a.sh", "mysql --password={} x"),
    "netrc": (PASSWORD, "a.txt", "machine db login ward password {}"),
    "token of a page": (URL_SAFE, "a.html", "<p>token={}</p>"),
    "hex key": (HEX, "a.py", "key = bytes.fromhex('{}')"),
    "hex token in a log": (HEX, "a.txt", "session token: {}"),
    "base64 key": (URL_SAFE, "a.txt", "api key {}"),
    "bytes": (repr(bytes(range(128, 160)))[2:-1], "a.txt", "b'{}'"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found_and_never_shown(tmp_path, name):
    secret, file, pattern = PLANTED[name]
    (tmp_path / file).write_text(f"first line\n{pattern.format(secret)}\n")
    found = find_leaked_keys(tmp_path)
    assert {(key.file, key.line) for key in found.found} == {(file, 2)}
    shown = repr(found) + found.to_frame().to_string() + found.sentence()
    if not secret.startswith("-----"):
        assert secret not in shown and secret[5:12] not in shown.replace("characters", "")


def test_every_planted_secret_is_found_in_a_notebook_too(tmp_path):
    code = [f"{pattern.format(secret)}\n" for secret, file, pattern in PLANTED.values() if file == "a.py"]
    cells = [
        {"cell_type": "markdown", "source": ["Nothing\n", "here"]},
        {"cell_type": "code", "metadata": {}, "source": code, "outputs": []},
        {
            "cell_type": "code", "metadata": {"tags": ["a"], "password": PASSWORD}, "source": "show()",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["fine\n", f"key {HEX}\n"]},
                {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\x1b[31mx\x1b[0m", KIT]},
                {"output_type": "display_data", "data": {
                    "text/html": f"<b>{AWS}</b>", "image/png": "iVBOR", "application/json": {"a": [GITHUB]},
                }},
            ],
        },
    ]  # fmt: skip
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    found = find_leaked_keys(tmp_path)
    frame = found.to_frame()
    assert frame[(frame["cell"] == 2) & (frame["place"] == "source")]["line"].nunique() == len(code)
    outputs = frame[(frame["cell"] == 3) & (frame["place"] == "output")]
    assert len(outputs) == 4
    assert (frame["place"] == "metadata").sum() == 1
    assert found.not_examined == (("n.ipynb", "1 pictures in it"),)
    assert "in outputs of notebooks" in found.sentence()


def test_this_kit_s_own_notebooks_are_clean():
    for folder in ("notebooks", "solutions"):
        found = find_leaked_keys(ROOT / folder)
        assert found.found == (), found.to_frame().to_string()
        assert found.examined >= 6


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['DB_PASSWORD']",
        "password = getpass.getpass()",
        "password = '<your password>'",
        "api_key: ${API_KEY}",
        "postgresql://user:{password}@host/db",
        "postgresql://ward:***@db/x",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
        "ring = open_ring(path, passphrase=passphrase)",
        'passphrase = os.environ["SECURE_AI_PASSPHRASE"]',
        'export SECURE_AI_PASSPHRASE="$(cat passphrase)"',
        "client = Client(api_key=read_key(path))",
        "Basic Application Confidentiality Profile",
        "curl -u $USER:$PASSWORD https://db",
        "The key is wrapped by the key ring; see key_name='patients'.",
        "trace id 4bf92f3577b34da6a3ce929d0e0e4736",
        "https://example.org/a:b@c",
    ],
)
def test_what_is_no_secret_is_left_alone(tmp_path, line):
    (tmp_path / "a.py").write_text(line)
    assert find_leaked_keys(tmp_path / "a.py").found == ()


def test_a_real_key_file_is_found_where_it_lies(tmp_path):
    generate_key(tmp_path / "study.key")
    found = find_leaked_keys(tmp_path / "study.key")
    assert [key.kind for key in found.found] == ["key file of 64 bytes (base64)"]
    assert "Replace each" in found.sentence()


def test_what_is_not_examined_is_listed(tmp_path):
    (tmp_path / "binary.bin").write_bytes(b"\0\1\2")
    (tmp_path / "broken.ipynb").write_text("{" + f"password = '{PASSWORD}'")
    (tmp_path / "deep.ipynb").write_text("[" * 100_000)
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(20_000_001)
    (tmp_path / ".venv").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "binary.bin")
    os.mkfifo(tmp_path / "pipe")
    found = find_leaked_keys(tmp_path)
    assert dict(found.not_examined) == {
        ".venv": "a folder of tools",
        "binary.bin": "not text",
        "broken.ipynb": "not a notebook, read as plain text",
        "deep.ipynb": "not a notebook, read as plain text",
        "huge.txt": "larger than 20 MB",
        "link": "a link, not followed",
        "pipe": "a device or a pipe",
    }
    assert [key.file for key in found.found] == ["broken.ipynb"]
    assert "not examined: 7" in found.sentence()
    with pytest.raises(UserError, match="does not exist"):
        find_leaked_keys(tmp_path / "nothing")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_other_encodings_and_endless_lines_are_read(tmp_path, encoding):
    line = "ä " * 10_000 + f" password = '{PASSWORD}' " + "ö" * 10_000
    (tmp_path / "a.py").write_bytes(line.encode(encoding))
    found = find_leaked_keys(tmp_path)
    assert [key.line for key in found.found] == [1]


def test_a_folder_without_secrets_says_so(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    found = find_leaked_keys(tmp_path)
    assert found.sentence() == "Nothing that looks like a key or password, 1 file read."
    assert found.to_frame().empty and found.not_examined_frame().empty
