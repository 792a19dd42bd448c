"""A row that its source did not sign is not trained on, and is named."""

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.defend.poisoning import (
    ProvenanceError,
    SignedBatch,
    row_digests,
    sign_batch,
    verify_batch,
    verify_batches,
)
from secure_ai.encrypt.transport.public_keys import public_line

NORTH, SOUTH = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
TRUSTED = {"north": public_line(NORTH.public_key()), "south": public_line(SOUTH.public_key())}
ROWS = pd.DataFrame(
    {
        "age": [40, 51, 62, 73],
        "creatinine": [0.9, 1.25, np.nan, 2.0],
        "reason": ["N17.9", "A41.9", None, 'quote " and, comma'],
        "when": pd.to_datetime(["2026-01-01", "2026-01-02", None, "2026-01-04"]),
        "readmitted": [False, True, False, True],
    }
)


def batch(rows=ROWS, source="north", number=1, key=NORTH):
    return sign_batch(rows, source=source, number=number, key=key)


def with_rows(signed, rows):
    return SignedBatch(rows, signed.manifest, signed.signature)


def test_what_was_signed_is_accepted_with_the_origin_of_each_row():
    found = verify_batches([batch(), batch(source="south", key=SOUTH)], TRUSTED)
    assert len(found.rows) == len(found.origin) == 8
    assert list(found.origin["source"]) == ["north"] * 4 + ["south"] * 4
    assert "8 rows of 2 sources" in found.sentence()


def test_a_saved_batch_is_the_same_batch(tmp_path):
    batch().save(tmp_path / "one")
    again = SignedBatch.load(tmp_path / "one")
    assert verify_batch(again, TRUSTED).intact


def test_a_batch_survives_csv_though_types_change(tmp_path):
    rows = ROWS[["age", "creatinine", "reason"]].assign(age=ROWS["age"].astype(float))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert row_digests(pd.read_csv(tmp_path / "rows.csv")) == row_digests(rows)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), st.sampled_from(["age", "creatinine", "reason", "readmitted"]))
def test_any_changed_value_names_its_row(row, column):
    rows = ROWS.astype(object)
    rows.loc[row, column] = {"age": 41, "creatinine": 0.91, "reason": "I21.4"}.get(
        column, not ROWS[column][row]
    )
    found = verify_batch(with_rows(batch(), rows), TRUSTED)
    assert list(found.foreign) == list(found.missing) == [row]
    assert f"row {row} is not as signed" in found.sentence()
    with pytest.raises(ProvenanceError, match=f"row {row} "):
        verify_batches([with_rows(batch(), rows)], TRUSTED)


def test_values_that_move_between_columns_are_another_row():
    assert row_digests(pd.DataFrame({"a": ["x"], "b": ["y"]})) != row_digests(
        pd.DataFrame({"a": ["y"], "b": ["x"]})
    )
    assert row_digests(pd.DataFrame({"a": ["x"]})) != row_digests(pd.DataFrame({"b": ["x"]}))
    assert row_digests(pd.DataFrame({"a": ["1"]})) != row_digests(pd.DataFrame({"a": [1]}))


def test_added_repeated_and_removed_rows_are_named():
    twice = pd.concat([ROWS, ROWS.iloc[[2]]], ignore_index=True)
    assert list(verify_batch(with_rows(batch(), twice), TRUSTED).foreign) == [4]
    fewer = verify_batch(with_rows(batch(), ROWS.drop(index=1)), TRUSTED)
    assert not len(fewer.foreign) and list(fewer.missing) == [1]


def test_another_order_is_the_same_batch():
    assert verify_batch(with_rows(batch(), ROWS.iloc[::-1]), TRUSTED).intact


def test_only_proven_rows_remain_where_the_rest_is_left_out():
    rows = ROWS.assign(age=[40, 51, 99, 73])
    found = verify_batches([with_rows(batch(), rows)], TRUSTED, leave_out=True)
    assert list(found.rows["age"]) == [40, 51, 73]
    assert list(found.origin["row"]) == [0, 1, 3]
    assert "1 rows were left out" in found.sentence()


stranger = Ed25519PrivateKey.from_private_bytes(b"3" * 32)
REFUSED = {
    "a stranger's key": (lambda: batch(key=stranger), "not trusted"),
    "another source's key": (lambda: batch(key=SOUTH), "another source than south"),
    "an altered list": (
        lambda: SignedBatch(ROWS, batch().manifest.replace(b'"number":1', b'"number":2'), batch().signature),
        "altered",
    ),
    "no signature": (lambda: SignedBatch(ROWS, batch().manifest, b"none"), "cannot be read"),
    "no list": (lambda: SignedBatch(ROWS, b"{}", batch().signature), "altered"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_believed_before_its_signature(name):
    make, words = REFUSED[name]
    with pytest.raises(ProvenanceError, match=words):
        verify_batches([make()], TRUSTED)


def test_a_batch_sent_twice_or_missing_is_said():
    with pytest.raises(ProvenanceError, match="comes twice"):
        verify_batches([batch(), batch()], TRUSTED)
    with pytest.raises(ProvenanceError, match="Batch 1 of north is missing"):
        verify_batches([batch(number=2)], TRUSTED)


def test_no_value_of_a_row_stands_in_what_is_said():
    rows = ROWS.assign(reason=["SECRET"] * 4)
    assert "SECRET" not in verify_batch(with_rows(batch(), rows), TRUSTED).sentence()


def test_what_cannot_be_signed_or_read_says_why(tmp_path):
    cases = [
        (lambda: batch(ROWS[:0]), "without rows"),
        (lambda: batch(number=0), "number from 1"),
        (lambda: batch(ROWS.assign(age=np.inf)), "infinite"),
        (lambda: batch(pd.DataFrame({0: [1]})), "distinct names"),
        (lambda: batch(pd.DataFrame({"a": [[1]]})), "type list"),
        (lambda: SignedBatch.load(tmp_path / "none"), "cannot be read"),
        (lambda: verify_batches([], TRUSTED), "nothing to train on"),
    ]
    for call, words in cases:
        with pytest.raises(UserError, match=words):
            call()
