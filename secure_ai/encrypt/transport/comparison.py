"""The same request over plain HTTP and over TLS, recorded on the way: what is read, what still leaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from secure_ai.encrypt.transport.capture import Capture, byte_entropy, random_entropy, recording_relay
from secure_ai.encrypt.transport.certificates import CertificateAuthority
from secure_ai.encrypt.transport.messages import record_to_json
from secure_ai.encrypt.transport.scoring_client import request_score, request_score_without_tls
from secure_ai.encrypt.transport.scoring_service import Score, serve, serve_without_tls

CALLER = "ward-dashboard"


@dataclass(frozen=True)
class Comparison:
    """One request, recorded on the way without and with TLS.

    Attributes:
        record: what was sent, not shown by ``repr``.
        plain: what passed over plain HTTP.
        encrypted: what passed over TLS 1.3.
    """

    record: Mapping = field(repr=False)
    plain: Capture
    encrypted: Capture

    def to_frame(self) -> pd.DataFrame:
        """Return one row a field: ``field`` (its name), ``plain_http`` and ``tls`` (readable or not)."""
        rows = [
            (name, self.plain.contains(pair), self.encrypted.contains(pair))
            for name, pair in _pairs(self.record).items()
        ]
        return pd.DataFrame(rows, columns=["field", "plain_http", "tls"])

    def entropies(self) -> pd.DataFrame:
        """Return the entropy of the request's bytes beside that of as many random ones, in bits per byte.

        Few bytes cannot reach 8 bits, whatever they are: hence the comparison. The noise of TLS is new at
        each request, and so is the last digit.
        """
        messages = {"plain HTTP": self.plain.message(), "TLS 1.3": self.encrypted.message()}
        return pd.DataFrame(
            [
                (name, len(data), byte_entropy(data), random_entropy(len(data)))
                for name, data in messages.items()
            ],
            columns=["request", "bytes", "entropy", "entropy_of_random_bytes"],
        )

    def sentence(self) -> str:
        """Say what could be read, and what TLS does not hide."""
        found = self.to_frame()
        sizes = len(self.plain.message()), len(self.encrypted.message())
        return (
            f"Of {len(found)} fields, {int(found['plain_http'].sum())} could be read over plain HTTP and "
            f"{int(found['tls'].sum())} over TLS 1.3; address, time and size were seen both times "
            f"({sizes[0]:,} bytes of request became {sizes[1]:,} on the wire)."
        )


def compare_captures(score: Score, record: Mapping, authority: CertificateAuthority) -> Comparison:
    """Send one record to a model over plain HTTP and over TLS 1.3, both through a recording relay.

    Args:
        score: the model.
        record: what is sent; for a lesson, of a made-up person.
        authority: issues the certificates of the service and of its caller.

    Raises:
        UserError: as :func:`~secure_ai.encrypt.transport.scoring_client.request_score`.
    """
    with serve_without_tls(score) as service, recording_relay(service.address) as relay:
        request_score_without_tls(relay.address, record)
        plain = relay.capture()
    return Comparison(record, plain, _encrypted(score, [record], authority)[0])


def size_leak(score: Score, records: Sequence[Mapping], authority: CertificateAuthority) -> pd.DataFrame:
    """Measure what the size of an encrypted request tells about the size of its record.

    Returns:
        one row a record: ``record`` (its place), ``bytes_of_json``, ``bytes_on_the_wire``, ``difference``.
        The difference is the same for every record up to the digits of its length: TLS adds a header and a
        tag and pads nothing (RFC 8446, 5.4 leaves padding to the application).
    """
    rows = []
    for place, (record, capture) in enumerate(
        zip(records, _encrypted(score, records, authority), strict=True), start=1
    ):
        size, wire = len(record_to_json(record)), len(capture.message())
        rows.append((place, size, wire, wire - size))
    return pd.DataFrame(rows, columns=["record", "bytes_of_json", "bytes_on_the_wire", "difference"])


def _encrypted(score: Score, records: Sequence[Mapping], authority: CertificateAuthority) -> list[Capture]:
    caller, captures = authority.client(CALLER), []
    with serve(score, authority.server(), allowed={CALLER}) as service:
        for record in records:
            with recording_relay(service.address) as relay:
                request_score(relay.address, record, caller)
                captures.append(relay.capture())
    return captures


def _pairs(record: Mapping) -> dict[str, bytes]:
    # Name and value together: a short value such as 7 also occurs in noise by chance.
    fields = json.loads(record_to_json(record))
    return {
        name: json.dumps({name: value}, separators=(",", ":"))[1:-1].encode()
        for name, value in fields.items()
    }
