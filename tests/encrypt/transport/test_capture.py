"""What a relay on the way reads: everything over plain HTTP, nothing but sizes and names over TLS."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.encrypt.transport.capture import (
    Capture,
    Segment,
    byte_entropy,
    random_entropy,
    recording_relay,
)
from secure_ai.encrypt.transport.charts import plot_comparison
from secure_ai.encrypt.transport.client_hello import records, server_name
from secure_ai.encrypt.transport.comparison import compare_captures, size_leak
from secure_ai.encrypt.transport.layers import what_each_layer_hides, what_each_observer_learns
from secure_ai.encrypt.transport.scoring_client import request_score
from secure_ai.encrypt.transport.sockets import NotReachable

from .conftest import CALLER

RECORD = {"patient_id": "P-000017", "name": "Zoë Quartermaine", "reason_code": "F32.1", "age": 7}


@pytest.fixture(scope="module")
def compared(authority):
    return compare_captures(lambda record: 0.25, RECORD, authority)


def test_every_field_is_read_over_plain_http_and_none_over_tls(compared):
    table = compared.to_frame()
    assert table["plain_http"].all() and not table["tls"].any()
    for value in ("P-000017", "Zoë Quartermaine", "F32.1"):
        assert compared.plain.contains(value) and not compared.encrypted.contains(value)


def test_no_value_is_in_a_repr_frame_or_sentence(compared):
    shown = repr(compared) + compared.sentence() + compared.to_frame().to_string()
    shown += compared.plain.leaks().to_string() + repr(compared.plain.segments)
    assert not any(str(value) in shown for value in ("P-000017", "Quartermaine", "F32.1"))


def test_the_excerpt_shows_text_or_noise_in_printable_characters(compared):
    assert "F32.1" in compared.plain.excerpt()
    assert compared.plain.excerpt().isprintable() and compared.encrypted.excerpt().isprintable()


def test_tls_is_as_noisy_as_random_bytes_and_text_is_not(compared):
    table = compared.entropies().set_index("request")
    share = table["entropy"] / table["entropy_of_random_bytes"]
    assert share["plain HTTP"] < 0.85 and share["TLS 1.3"] > 0.97


def test_address_name_and_sizes_still_leak(compared):
    leaks = dict(compared.encrypted.leaks().to_numpy())
    assert leaks["name of the server (SNI)"] == "localhost"
    assert leaks["address of the service"] == "127.0.0.1"
    # TLS 1.3 adds a header of 5 bytes, a content type and a tag of 16 (RFC 8446, 5.2).
    assert len(compared.encrypted.message()) - len(compared.plain.message()) == 22


def test_the_sentence_is_the_same_at_each_run(compared, authority):
    again = compare_captures(lambda record: 0.25, RECORD, authority)
    assert again.sentence() == compared.sentence()
    assert again.encrypted.leaks().equals(compared.encrypted.leaks())


def test_a_longer_record_is_seen_to_be_longer(authority):
    longer = [{**RECORD, "reason": "x" * length} for length in (10, 20, 30)]
    table = size_leak(lambda record: 0.25, longer, authority)
    assert table["difference"].nunique() == 1
    assert table["bytes_on_the_wire"].diff().dropna().tolist() == [10, 10]


def test_the_picture_states_the_finding(compared):
    title = plot_comparison(compared).get_suptitle()
    assert title == "On the way, 4 of 4 fields can be read over plain HTTP, 0 over TLS 1.3"


def test_the_relay_passes_on_what_it_records_and_stops(service, authority):
    with recording_relay(service.address) as relay:
        assert request_score(relay.address, {"age": 7}, authority.client(CALLER)) == 0.07
        assert request_score(relay.address, {"age": 8}, authority.client(CALLER)) == 0.08
        assert {segment.connection for segment in relay.capture().segments} == {0, 1}
    with pytest.raises(NotReachable):
        request_score(relay.address, {"age": 7}, authority.client(CALLER))


def test_a_relay_to_nobody_closes_the_connection(authority):
    with recording_relay(("127.0.0.1", 1)) as relay, pytest.raises(Exception) as caught:
        request_score(relay.address, {"age": 7}, authority.client(CALLER))
    assert caught.type.__module__.startswith("secure_ai")


def test_a_value_split_over_two_packets_is_found():
    halves = [Segment(0, "to service", 0.0, b"Quarter"), Segment(0, "to service", 0.1, b"maine")]
    between = Segment(0, "to client", 0.05, b"ok")
    assert Capture("127.0.0.1", (halves[0], between, halves[1])).contains("Quartermaine")
    assert Capture("127.0.0.1", ()).contains("x") is False
    assert Capture("127.0.0.1", ()).message() == b""


def test_entropy_of_known_bytes():
    assert byte_entropy(b"") == 0.0
    assert byte_entropy(b"aaaa") == 0.0
    assert byte_entropy(bytes(range(256))) == 8.0
    assert byte_entropy(b"abab") == 1.0
    assert random_entropy(200, seed=1) == random_entropy(200, seed=1) < 8


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_of_tls_fail(data):
    server_name(data)
    server_name(b"\x16\x03\x01\x00\xff\x01" + data)
    assert sum(size for _, size in records(data)) <= len(data)


def test_noise_is_not_taken_for_tls():
    assert records(os.urandom(4)) == []
    assert records(b"POST /score HTTP/1.1") == []


def test_what_each_layer_hides_is_complete_and_sourced():
    table = what_each_layer_hides()
    assert len(table) == 25 and not table.duplicated(["protection", "observer"]).any()
    assert set(table["content"]) == {"seen", "hidden", "not on the way"}
    assert table["source"].str.contains("NIST|RFC").all()
    seen = table.set_index(["protection", "observer"])["content"]
    assert seen["VPN only", "a provider behind the VPN gateway"] == "seen"
    assert seen["VPN only", "someone on the local network"] == "hidden"
    assert seen["TLS inside a VPN", "the VPN gateway"] == "hidden"
    assert seen["encrypted by the application, inside TLS", "the vendor's server"] == "hidden"


def test_what_each_observer_learns_says_the_same_in_one_cell_for_each_pair():
    table, view = what_each_layer_hides(), what_each_observer_learns()
    assert list(view.index) == list(table["protection"].unique())
    assert list(view.columns) == list(table["observer"].unique())
    parts = {"content": "content", "addresses": "addresses", "sizes": "sizes_and_times"}
    for row in table.to_dict("records"):
        cell = view.loc[row["protection"], row["observer"]]
        if row["content"] == "not on the way":
            assert cell == "not on the way"
        else:
            seen = [word for word, column in parts.items() if row[column] == "seen"]
            assert cell == (", ".join(seen) or "nothing")
