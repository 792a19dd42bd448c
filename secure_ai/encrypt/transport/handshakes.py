"""Which TLS handshakes a service accepts and refuses, tried for real, with the error that each side sees."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Literal

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.alerts import in_words, openssl_text
from secure_ai.encrypt.transport.certificates import CertificateAuthority, lesson_authority
from secure_ai.encrypt.transport.scoring_service import ScoringService, serve
from secure_ai.encrypt.transport.sockets import Address, connect, deadline, drain
from secure_ai.encrypt.transport.tls import TlsFiles, client_context, client_socket, plain_client_context

Version = Literal["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]
# The other side closes once it has written its audit trail, and is waited for as long at most, in seconds.
SETTLED = 0.5
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
VERSIONS: dict[str, ssl.TLSVersion] = {
    "TLS 1.3": ssl.TLSVersion.TLSv1_3,
    "TLS 1.2": ssl.TLSVersion.TLSv1_2,
    "TLS 1.1": ssl.TLSVersion.TLSv1_1,
    "TLS 1.0": ssl.TLSVersion.TLSv1,
}


@dataclass(frozen=True)
class Handshake:
    """What came of one handshake.

    Attributes:
        outcome: ``"accepted"``, ``"refused"``, or ``"not offered"`` where this machine's OpenSSL cannot even
            propose the version.
        protocol: the version that was agreed on; empty if none was.
        cipher: the cipher suite; empty if none was agreed on.
        seen_at: where the outcome was seen: ``"handshake"``, ``"first read"`` (a server of TLS 1.3 looks at
            the client's certificate when the client's side of the handshake is done) or ``"answer"``.
        error: OpenSSL's own text; empty if accepted.
        meaning: the same in words.
    """

    outcome: Literal["accepted", "refused", "not offered"]
    protocol: str
    cipher: str
    seen_at: Literal["handshake", "first read", "answer"]
    error: str = ""
    meaning: str = ""

    def sentence(self) -> str:
        """Say what came of it."""
        if self.outcome == "accepted":
            return f"Accepted: {self.protocol} with {self.cipher}."
        return f"{self.outcome.capitalize()} at the {self.seen_at}: {self.meaning}."


def try_handshake(
    address: Address | tuple[str, int],
    tls: TlsFiles | None = None,
    *,
    version: Version = "TLS 1.3",
    server_name: str = "localhost",
    probe: bytes = b"",
    settle: float = 0.5,
    timeout: float = 5.0,
) -> Handshake:
    """Try one handshake with one version of TLS, and wait for a refusal that comes after it.

    Args:
        address: of the service; nothing else is contacted.
        tls: what the client shows and which authority it trusts, as it is, even expired; None to show
            no certificate and not to check the server's.
        version: the only one that is offered, with every cipher that OpenSSL still has for it.
        server_name: the name that the server's certificate must carry, where it is checked.
        probe: a request to which every caller gets an answer, so that acceptance is seen and not assumed.
        settle: seconds without a refusal after which it counts as accepted where there is no probe.
        timeout: seconds for everything together.

    Raises:
        NotReachable: if nobody listens or answers.
        CertificateError: if ``tls`` names files that OpenSSL cannot read.
    """
    context = version_context(tls, version)
    if not can_offer(context, version):
        meaning = "this machine's OpenSSL cannot offer that version"
        return Handshake("not offered", "", "", "handshake", "no protocols available", meaning)
    with connect(address, timeout) as plain, deadline(plain, timeout):
        plain.settimeout(timeout)
        connection = client_socket(context, plain, server_name)
        with connection:
            try:
                connection.do_handshake()
            except (OSError, ValueError) as error:
                drain(connection, SETTLED)
                return _refused(error, "server", "handshake", tls)
            agreed = connection.version() or "", (connection.cipher() or ("",))[0]
            late = _late_refusal(connection, probe, settle if not probe else timeout)
            drain(connection, SETTLED)
    if late is not None:
        return replace(_refused(late, "client", "first read", tls), protocol=agreed[0], cipher=agreed[1])
    return Handshake("accepted", *agreed, "answer" if probe else "first read")


def handshake_table(service: ScoringService, authority: CertificateAuthority) -> pd.DataFrame:
    """Try everything that a service and its clients must refuse, and the one thing that they accept.

    Args:
        service: one that runs, whose clients' authority is ``authority``.
        authority: issues the good certificates and the bad ones; another is made for the foreign ones.

    Returns:
        ``case``, ``decided_by`` ("server" or "client"), ``expected``, and the fields of :class:`Handshake`,
        ``error`` without OpenSSL's code in brackets (it repeats the words in capitals). Further servers are
        started and stopped for the cases that a client decides.
    """
    caller = min(service.allowed, default="caller")
    with lesson_authority("Another organization") as foreign:
        rows = [
            *_server_decides(service, authority, foreign, caller),
            *_client_decides(authority, foreign, caller),
        ]
    return pd.DataFrame(rows)


def handshake_sentence(table: pd.DataFrame) -> str:
    """Say how many cases of a :func:`handshake_table` came out as they must."""
    right = int((table["outcome"] == table["expected"]).sum())
    late = int(((table["outcome"] == "refused") & (table["seen_at"] == "first read")).sum())
    unknown = int((table["outcome"] == "not offered").sum())
    refused = int((table["outcome"] == "refused").sum())
    rest = f"; {unknown} could not be tried on this machine" if unknown else ""
    return (
        f"{right} of {len(table)} handshakes came out as they must{rest}: {refused} were refused, "
        f"{late} of them only when the client first read."
    )


def _server_decides(
    service: ScoringService, authority: CertificateAuthority, foreign: CertificateAuthority, caller: str
) -> list[dict]:
    good = authority.client(caller)
    early = authority.client(caller, validity="not yet valid")
    nothing = TlsFiles(None, None, authority.certificate)
    stranger = replace(foreign.client(caller), authority=authority.certificate)
    cases: Sequence[tuple[str, TlsFiles, Version]] = (
        ("TLS 1.3, client certificate of a service account", good, "TLS 1.3"),
        ("TLS 1.2, client certificate of a service account", good, "TLS 1.2"),
        ("TLS 1.1, client certificate of a service account", good, "TLS 1.1"),
        ("TLS 1.3, no client certificate", nothing, "TLS 1.3"),
        ("TLS 1.3, expired client certificate", authority.client(caller, validity="expired"), "TLS 1.3"),
        (
            "TLS 1.3, client certificate not valid yet",
            early,
            "TLS 1.3",
        ),
        ("TLS 1.3, client certificate of a foreign authority", stranger, "TLS 1.3"),
        ("TLS 1.3, a server's certificate shown by a client", authority.server(), "TLS 1.3"),
    )
    rows = []
    for case, tls, version in cases:
        handshake = try_handshake(service.address, tls, version=version, probe=HEALTH)
        rows.append(_row(case, "server", handshake, accepted=case == cases[0][0]))
    return rows


def _client_decides(
    authority: CertificateAuthority, foreign: CertificateAuthority, caller: str
) -> list[dict]:
    good = authority.client(caller)
    cases = (
        ("server with an expired certificate", authority.server(validity="expired")),
        ("server with a certificate of a foreign authority", foreign.server()),
        ("server with a certificate for another name", authority.server(hosts=["scoring.example"])),
    )
    rows = []
    for case, tls in cases:
        with serve(
            _no_model, replace(tls, authority=authority.certificate), allowed={caller}, check=False
        ) as other:
            rows.append(
                _row(case, "client", try_handshake(other.address, good, probe=HEALTH), accepted=False)
            )
    return rows


def _row(case: str, decided_by: str, handshake: Handshake, accepted: bool) -> dict:
    expected = "accepted" if accepted else "refused"
    told = replace(handshake, error=re.sub(r"^\[[^]]*\] ", "", handshake.error))
    return {"case": case, "decided_by": decided_by, "expected": expected, **asdict(told)}


def _no_model(record: object) -> float:
    raise UserError("This server is only there for its certificate.")


def version_context(tls: TlsFiles | None, version: Version) -> ssl.SSLContext:
    """Return a client's settings that offer one version alone; see :func:`try_handshake`."""
    if version not in VERSIONS:
        raise UserError(f"A version is one of {', '.join(VERSIONS)}.")
    if tls is None:
        context = plain_client_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context = client_context(tls, check=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = context.minimum_version = VERSIONS[version]
        if version in ("TLS 1.0", "TLS 1.1"):
            # Their SHA-1 signatures are below OpenSSL's level 1: without this no client could ask for them.
            context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def can_offer(context: ssl.SSLContext, version: Version) -> bool:
    """Whether OpenSSL writes a first message with that version; many builds have the old ones left out."""
    sent = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        # ClientHello.legacy_version: 0x0303 also stands for TLS 1.3 (RFC 8446, 4.1.2).
        return sent.read()[9:11] == min(VERSIONS[version], ssl.TLSVersion.TLSv1_2).to_bytes(2, "big")
    except (ssl.SSLError, ValueError):
        return False
    return False


def _late_refusal(connection: ssl.SSLSocket, probe: bytes, patience: float) -> Exception | None:
    connection.settimeout(patience)
    try:
        if probe:
            # The alert that closed the connection may still be there to read.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(probe)
        if not connection.recv(1) and probe:
            return ConnectionResetError("closed")
    except TimeoutError as error:
        return error if probe else None
    except (OSError, ValueError) as error:
        return error
    return None


def _refused(error: BaseException, peer: str, seen_at: str, tls: TlsFiles | None) -> Handshake:
    text = openssl_text(error)
    if isinstance(error, (ssl.SSLEOFError, ConnectionError, socket.timeout)) or "alert" in text.lower():
        # An alert, or a closed connection, is what the server thinks of the client.
        peer = "client"
    return Handshake("refused", "", "", seen_at, text, in_words(text, peer))
