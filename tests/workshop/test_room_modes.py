"""A room with a platform of its own, and what stays when it is opened again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from secure_ai.cli import invoke
from secure_ai.core.errors import UserError
from secure_ai.workshop import opening
from secure_ai.workshop.folder import CLOSED
from secure_ai.workshop.machine import Machine
from secure_ai.workshop.opening import up
from secure_ai.workshop.platform_file import KEYS, LARGEST_FILE, read_platform
from secure_ai.workshop.terms import Wish

LARGE = Machine(memory_mib=64_000, cpus=16, is_root=False, can_mount=False)
PLATFORM = {
    "issuer": "https://p.example.org", "client_id": "1", "authorize_url": "https://p.example.org/a",
    "jwks_endpoint": "https://p.example.org/j",
}  # fmt: skip
WRONG = {
    "empty": (b"", "must have issuer"),
    "text": (b"platform", "must have issuer"),
    "a value missing": (json.dumps({k: PLATFORM[k] for k in KEYS[:3]}).encode(), "must have issuer"),
    "a value too much": (json.dumps(PLATFORM | {"secret": "hunter2"}).encode(), "nothing else"),
    "no https": (json.dumps(PLATFORM | {"issuer": "http://p.example.org"}).encode(), "issuer in the"),
    "no address": (json.dumps(PLATFORM | {"jwks_endpoint": 5}).encode(), "jwks_endpoint in the"),
    "half an address": (json.dumps(PLATFORM | {"authorize_url": "https://[x"}).encode(), "authorize_url in"),
    "a number as client": (json.dumps(PLATFORM | {"client_id": 10}).encode(), "quotation marks"),
    "no clients": (json.dumps(PLATFORM | {"client_id": []}).encode(), "quotation marks"),
    "broken": (b"issuer: [", "no YAML and no JSON"),
    "deep": (b"[" * 5000, "no YAML and no JSON"),
    "an object": (b"!!python/object/apply:os.getpid []", "no YAML and no JSON"),
    "binary": (b"\x89PNG\xff\x00", "no YAML and no JSON"),
    "large": (b"#" * (LARGEST_FILE + 1), "larger than"),
}


@pytest.fixture
def pair(tmp_path):
    """A certificate and its key."""
    import trustme

    made = trustme.CA().issue_cert("room.example.org")
    made.cert_chain_pems[0].write_to_path(tmp_path / "c.pem")
    made.private_key_pem.write_to_path(tmp_path / "k.pem")
    return tmp_path / "c.pem", tmp_path / "k.pem"


@pytest.fixture
def reopen(tmp_path, monkeypatch):
    """Open a room in which nothing is started, with a wish; return its settings, and close it."""
    monkeypatch.setattr(opening, "furnish", lambda *_: [])
    monkeypatch.setattr(opening, "wait_for_doors", lambda *_: None)
    monkeypatch.setattr(opening.processes, "start_missing", lambda *_: ["hub"])

    def run(wish: Wish):
        opened = up(tmp_path / "room", replace(wish, host="127.0.0.1", minutes=60), machine=LARGE)
        closed = replace(opened.settings, more=opened.settings.more | {CLOSED: True})
        opened.room.write_settings(closed)
        return opened

    return run


@pytest.mark.parametrize(("content", "words"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_platform_ends_in_a_sentence_without_its_values(tmp_path, content, words):
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError, match=words) as refused:
        read_platform(file)
    assert "\n" not in str(refused.value) and "hunter2" not in str(refused.value)


def test_no_file_and_a_folder_are_no_platform(tmp_path):
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(UserError, match="is not there"):
            read_platform(place)


def test_yaml_and_json_with_or_without_a_mark_are_read(tmp_path):
    import yaml

    for text in (json.dumps(PLATFORM), yaml.safe_dump(PLATFORM), "\ufeff" + json.dumps({"lti": PLATFORM})):
        (tmp_path / "p").write_text(text, encoding="utf-8")
        assert read_platform(tmp_path / "p") == PLATFORM


def test_a_platform_without_a_certificate_is_refused_before_anything_starts(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(opening, "this_machine", lambda: LARGE)
    (tmp_path / "p.json").write_text(json.dumps(PLATFORM))
    (tmp_path / "r.csv").write_text("name\nAda\n")
    options = ["--roster", str(tmp_path / "r.csv"), "--room", str(tmp_path / "room"), "--lti"]
    assert invoke(["workshop", "up", *options, str(tmp_path / "p.json")]) == 2
    assert "by HTTPS alone" in capsys.readouterr().err
    assert not (tmp_path / "room" / "private" / "room.json").exists()


def test_a_platform_stays_when_the_room_is_opened_again_and_goes_without_a_certificate(
    hub, reopen, pair, tmp_path
):
    (tmp_path / "p.json").write_text(json.dumps(PLATFORM))
    wish = Wish(names=("Ada", "Alan"), certificate=pair[0], key=pair[1], lti=tmp_path / "p.json")
    assert reopen(wish).settings.more["lti"] == PLATFORM
    again = reopen(replace(wish, lti=None, names=("Alan", "Grace")))
    assert again.settings.more["lti"] == PLATFORM
    assert [(seat.name, seat.learner) for seat in again.settings.seats] == [
        ("seat-02", "Alan"), ("seat-03", "Grace"),
    ]  # fmt: skip
    bare = reopen(Wish(names=("Ada",)))
    assert "lti" not in bare.settings.more and any("are dropped" in remark for remark in bare.remarks)
    assert [seat.name for seat in bare.settings.seats] == ["seat-01"]


@pytest.mark.parametrize("same", [True, False], ids=["the room's certificate", "another's"])
def test_a_seat_trusts_the_certificate_of_its_room_and_no_other(pair, tmp_path, monkeypatch, same):
    import http.server
    import ssl
    import threading

    import httpx
    import trustme

    from secure_ai.learn.seat import Seat
    from secure_ai.workshop.hub.room import CERTIFICATE_VARIABLE, Room
    from secure_ai.workshop.terms import keep_certificate

    room = Room(tmp_path / "room")
    room.private.mkdir(parents=True)
    keep_certificate(room, Wish(certificate=pair[0], key=pair[1]))
    assert b"PRIVATE" not in room.seen_certificate.read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if same:
        context.load_cert_chain(*pair)
    else:
        trustme.CA().issue_cert("room.example.org").configure_cert(context)
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(room.seen_certificate))
    # Called by a number, where the certificate is for a name.
    with Seat(f"https://127.0.0.1:{server.server_port}/", "token").client(60) as client:
        if same:
            assert client.get("x").status_code == 501
        else:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                client.get("x")
    server.shutdown()
    server.server_close()
