"""Claims about re-wrapping many data keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secure_ai.encrypt.key_rings import KeyVersionGoneError, LocalKeyRing, ServiceUnreachableError, rewrap_all

CONTEXTS = [{"file": str(n)} for n in range(5)]


def test_data_keys_are_wrapped_anew_and_the_old_version_may_go(ring):
    made = [ring.new_data_key("patients", context) for context in CONTEXTS]
    ring.rotate("patients")
    newest = ring.new_data_key("patients", {})
    pairs = [*((m.wrapped, c) for m, c in zip(made, CONTEXTS, strict=True)), (newest.wrapped, {})]
    report = rewrap_all(pairs, ring)
    assert (report.rewrapped, report.unchanged, report.failed) == (5, 1, ())
    assert report.destroyable == (("patients", "1"),)
    assert report.key_bytes == sum(len(key.to_bytes()) for key in report.keys)
    ring.destroy(*report.destroyable[0])
    for key, data_key, context in zip(report.keys, made, CONTEXTS, strict=False):
        assert ring.unwrap(key, context) == data_key.secret
    with pytest.raises(KeyVersionGoneError):
        ring.unwrap(made[0].wrapped, CONTEXTS[0])
    assert report.sentence().startswith("5 of 6 data keys were wrapped anew")
    assert "version 1 of patients" in report.sentence()


def test_one_that_does_not_open_keeps_its_version_from_being_called_free(ring):
    good, bad = (ring.new_data_key("patients", {}).wrapped for _ in range(2))
    bad = replace(bad, ciphertext=bad.ciphertext[:-1] + b"?")
    foreign = LocalKeyRing.in_memory("patients").new_data_key("patients", {}).wrapped
    ring.rotate("patients")
    report = rewrap_all([(good, {}), (bad, {}), (foreign, {})], ring)
    assert report.failed == ((1, "wrong context or damaged"), (2, "another ring's key"))
    assert report.keys[1:] == (bad, foreign)
    assert report.destroyable == ()
    assert "2 do not open and are as they were" in report.sentence()
    assert report.to_frame()["problem"].tolist() == ["", "wrong context or damaged", "another ring's key"]


def test_a_service_that_cannot_be_reached_ends_the_run(ring, monkeypatch):
    def down(*_):
        raise ServiceUnreachableError("down")

    made = ring.new_data_key("patients", {}).wrapped
    monkeypatch.setattr(ring, "rewrap", down)
    with pytest.raises(ServiceUnreachableError):
        rewrap_all([(made, {})] * 3, ring)


def test_nothing_to_wrap_is_a_report_too(ring):
    assert rewrap_all([], ring).sentence().startswith("0 of 0")
