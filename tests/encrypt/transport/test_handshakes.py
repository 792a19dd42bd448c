"""Handshakes tried for real, and what an endpoint offers as measured."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secure_ai.core import UserError
from secure_ai.core.measurement import Unassessed
from secure_ai.encrypt.transport import endpoint as endpoint_module
from secure_ai.encrypt.transport import handshakes as handshakes_module
from secure_ai.encrypt.transport.endpoint import Endpoint, inspect_endpoint
from secure_ai.encrypt.transport.handshakes import handshake_sentence, handshake_table, try_handshake
from secure_ai.encrypt.transport.sockets import Address, NotReachable
from secure_ai.encrypt.transport.tls import CertificateError, TlsFiles

from .conftest import CALLER


@contextmanager
def tls_server(tls, lowest, highest, *, ask=False) -> Iterator[Address]:
    """A server of the standard library with versions of one's own; what it refuses it refuses itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(tls.certificate), str(tls.key))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = lowest, highest
    if ask:
        context.load_verify_locations(str(tls.authority))
        context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                connection.settimeout(2)
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as inside:
                    inside.recv(1)
                connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield Address(*listener.getsockname()[:2])
    finally:
        stopped.set()
        with suppress(OSError), socket.create_connection(listener.getsockname(), timeout=1):
            pass
        thread.join(3)
        listener.close()


def test_everything_but_tls_1_3_with_a_good_certificate_is_refused_on_both_sides(service, authority):
    table = handshake_table(service, authority)
    unknown = table["outcome"] == "not offered"
    assert (table["outcome"] == table["expected"])[~unknown].all()
    assert len(table) == 11 and (table["expected"] == "accepted").sum() == 1
    assert set(table.loc[table["outcome"] == "refused", "meaning"]) == {
        "there is no protocol version in common",
        "the client showed no certificate",
        "the client's certificate has expired",
        "the client's certificate is not valid, perhaps not yet",
        "the server does not trust the authority of the client's certificate",
        "the client's certificate was issued for another purpose",
        "the server's certificate has expired",
        "the server's certificate is of an authority that is not trusted",
        "the server's certificate names another server",
    }
    assert (table.loc[table["outcome"] == "refused", "error"] != "").all()
    assert not table["error"].str.contains(r"_ssl\.c|^\[", regex=True).any()


def test_a_refused_client_certificate_is_seen_only_at_the_first_read(service, authority):
    nothing = TlsFiles(None, None, authority.certificate)
    for probe in (b"", handshakes_module.HEALTH):
        tried = try_handshake(service.address, nothing, probe=probe)
        assert (tried.outcome, tried.seen_at, tried.protocol) == ("refused", "first read", "TLSv1.3")
    assert "client showed no certificate" in tried.sentence()


def test_the_audit_trail_holds_a_refusal_when_the_client_sees_it(service, authority):
    for count in range(1, 9):
        try_handshake(service.address, TlsFiles(None, None, authority.certificate))
        assert [event.reason for event in service.audit.events] == [
            "the client showed no certificate"
        ] * count


def test_the_table_reads_the_same_twice(service, authority):
    first, second = handshake_table(service, authority), handshake_table(service, authority)
    assert first.equals(second)
    assert handshake_sentence(first) == handshake_sentence(second)


def test_a_version_that_openssl_cannot_offer_is_not_called_refused(service, authority, monkeypatch):
    monkeypatch.setattr(handshakes_module, "can_offer", lambda context, version: version != "TLS 1.1")
    table = handshake_table(service, authority).set_index("case")
    assert table.loc["TLS 1.1, client certificate of a service account", "outcome"] == "not offered"
    assert "1 could not be tried" in handshake_sentence(table)


def test_a_handshake_needs_somebody_who_listens(authority):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(NotReachable, match="connection refused"):
        try_handshake(address)
    with pytest.raises(NotReachable, match="name is not known"):
        try_handshake(("no-such-host.invalid", 443))
    with pytest.raises(NotReachable):
        try_handshake(("127.0.0.1", 99999))
    with pytest.raises(UserError, match="A version is one of"):
        try_handshake(address, version="SSL 2")


def test_a_service_that_speaks_no_tls_or_nothing_is_refused_with_that_reason():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tried = try_handshake(listener.getsockname(), timeout=0.3)
        assert tried.outcome == "refused"

    def answer(listener):
        connection, _ = listener.accept()
        connection.recv(100)
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        tried = try_handshake(listener.getsockname())
        thread.join()
    assert tried.meaning == "the peer does not speak TLS"


def test_the_scoring_service_accepts_tls_1_3_alone(service, authority):
    found = inspect_endpoint(*service.address, tls=authority.client(CALLER), server_name="localhost")
    assert found.versions == {"TLS 1.3": True, "TLS 1.2": False, "TLS 1.1": False, "TLS 1.0": False}
    assert (found.key_type, found.chain_verified, found.name_matches) == ("EC P-256", True, True)
    assert found.sentence() == "The service accepts TLS 1.3."


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2"])
def test_old_versions_that_are_accepted_are_found(authority, version):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        lowest = getattr(ssl.TLSVersion, version)
    with tls_server(authority.server(), lowest, ssl.TLSVersion.TLSv1_2) as address:
        found = inspect_endpoint(*address, authority=authority.certificate, server_name="localhost")
    name = {"TLSv1": "TLS 1.0", "TLSv1_1": "TLS 1.1", "TLSv1_2": "TLS 1.2"}[version]
    if isinstance(found.versions[name], Unassessed):
        pytest.skip("OpenSSL is built without this version")
    assert found.versions[name] is True and found.versions["TLS 1.3"] is False
    assert found.chain_verified is True
    assert ("must be switched off" in found.sentence()) == (name != "TLS 1.2")


def test_a_version_refused_for_want_of_a_client_certificate_is_unassessed(authority):
    with tls_server(authority.server(), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, ask=True) as address:
        found = inspect_endpoint(*address, authority=authority.certificate)
    assert isinstance(found.versions["TLS 1.2"], Unassessed)
    assert isinstance(found.chain_verified, Unassessed) and isinstance(found.days_left, Unassessed)
    assert "unassessed" in set(found.to_frame()["result"])
    assert "could not be assessed" in found.sentence()


def test_days_are_counted_from_the_time_given_and_expiry_and_name_are_found(authority, foreign):
    now = datetime.now(UTC)
    for validity, name, chain, matches in (
        ("valid", "localhost", True, True),
        ("valid", "scoring.example", True, False),
        ("expired", "localhost", False, None),
    ):
        tls = authority.server(validity=validity)
        with tls_server(tls, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3) as address:
            found = inspect_endpoint(
                *address, authority=authority.certificate, server_name=name, now=now - timedelta(days=10)
            )
        assert found.chain_verified is chain
        assert found.name_matches is matches or (
            matches is None and isinstance(found.name_matches, Unassessed)
        )
        assert found.days_left in ((39, 40) if validity == "valid" else (8, 9))
    with tls_server(foreign.server(), ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3) as address:
        found = inspect_endpoint(*address, authority=authority.certificate)
    assert found.chain_verified is False
    assert "not trusted" in dict(found.to_frame()[["check", "remark"]].to_numpy())["chain verified"]


def test_a_version_that_this_openssl_cannot_offer_is_unassessed(service, authority, monkeypatch):
    monkeypatch.setattr(endpoint_module, "can_offer", lambda context, version: version != "TLS 1.0")
    found = inspect_endpoint(*service.address, tls=authority.client(CALLER))
    assert found.versions["TLS 1.0"] == Unassessed("this machine's OpenSSL cannot offer it")


def test_an_authority_that_is_none_is_said_so(service, authority, tmp_path):
    with pytest.raises(CertificateError):
        inspect_endpoint(*service.address, authority=tmp_path / "nowhere.pem")
    with pytest.raises(CertificateError):
        inspect_endpoint(*service.address, tls=replace(authority.client("x"), authority=tmp_path))


def test_weaknesses_are_what_is_known_to_be_wrong_and_nothing_that_could_not_be_tried():
    unknown = Unassessed("not tried")
    versions = {"TLS 1.3": True, "TLS 1.2": False, "TLS 1.1": unknown, "TLS 1.0": True}
    found = Endpoint(versions, 9, "EC P-256", chain_verified=unknown, name_matches=False)
    assert found.weaknesses == ("TLS 1.0", "name")
    assert "TLS 1.0 must be switched off" in found.sentence()
