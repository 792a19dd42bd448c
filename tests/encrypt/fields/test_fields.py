"""Encrypted values: they come back in their type, in their place only, and say nothing when they do not."""

from __future__ import annotations

import datetime
import pickle
import stat
import traceback
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from secure_ai.core.errors import UserError
from secure_ai.encrypt.fields import (
    DataKeyMissing,
    FieldCipher,
    ValueDoesNotOpen,
    ValueNotEncrypted,
    WrappedKeys,
    decrypt_columns,
    decrypt_table_file,
    describe,
    encrypt_columns,
    encrypt_table_file,
)
from secure_ai.encrypt.fields.encoding import decode, encode
from secure_ai.encrypt.fields.xaes import XaesKey
from secure_ai.encrypt.key_rings.errors import PersonShreddedError, ServiceUnreachableError
from secure_ai.encrypt.key_rings.person_keys import PersonKeys

COLUMNS = ["ssn", "birth_date", "body_mass_index", "smoker", "implant_serial"]


@pytest.mark.parametrize(
    ("key", "associated", "expected"),
    [
        (b"\x01", b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (b"\x03", b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_the_cipher_agrees_with_the_published_vectors(key, associated, expected):
    nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX"
    cipher = XaesKey(key * 32)
    sealed = cipher.encrypt_with(nonce, [b"XAES-256-GCM"], [associated])
    assert sealed[0] == nonce + bytes.fromhex(expected)
    assert cipher.decrypt(sealed, [associated]) == [b"XAES-256-GCM"]


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=())), st.binary(), st.integers(), st.floats(allow_nan=False),
        st.booleans(), st.dates(), st.times(), st.decimals(allow_nan=False), st.datetimes(),
    ),
    st.integers(1, 40),
)  # fmt: skip
def test_every_value_comes_back_in_its_type(value, pad_to):
    back = decode(encode(value, pad_to))
    assert back == value
    assert isinstance(back, type(value))
    assert len(encode(value, pad_to)) % pad_to == 0


def test_a_time_with_a_zone_keeps_it():
    for text in ("2026-03-29 01:30:00", "2026-10-25 02:30:00", "1969-12-31 23:59:59.123456789"):
        value = pd.Timestamp(text, tz="UTC").tz_convert("Europe/Zurich")
        back = decode(encode(value))
        assert (back, str(back.tzinfo), back.unit) == (value, "Europe/Zurich", value.unit)


@pytest.mark.parametrize(
    "value", ["Dominguez", 7, -3.5, True, Decimal("12.30"), datetime.date(1985, 2, 1), b"\0\x80"]
)
def test_a_single_value_makes_the_round_trip(ring, value):
    cipher = FieldCipher(ring, "patients", table="patients")
    text = cipher.encrypt(value, column="x", row_key="P1")
    assert cipher.decrypt(text, column="x", row_key="P1") == value
    assert "," not in text and "\n" not in text and text.isascii()
    assert cipher.encrypt(value, column="x", row_key="P1") != text, "a nonce of its own each time"


def test_a_table_makes_the_round_trip_and_missing_stays_missing(ring, patients):
    cipher = FieldCipher(ring, "patients", table="patients")
    sealed = encrypt_columns(patients, COLUMNS, cipher, row_key="patient_id")
    assert sealed["implant_serial"].isna().equals(patients["implant_serial"].isna())
    assert not set(sealed["ssn"]) & set(patients["ssn"])
    shuffled = sealed.sample(frac=1, random_state=3)
    opened = decrypt_columns(shuffled, COLUMNS, cipher, row_key="patient_id")
    assert_frame_equal(opened.sort_index(), patients)


def test_values_of_the_same_length_class_have_the_same_length(ring):
    cipher = FieldCipher(ring, "k", table="t")
    yes, no = (cipher.encrypt(text, column="hiv", row_key="P1") for text in ("positive", "no"))
    assert len(yes) == len(no)
    assert describe(yes)["content_bytes"] == 16


def test_a_value_that_is_moved_does_not_open(ring):
    cipher = FieldCipher(ring, "k", table="patients")
    text = cipher.encrypt("low", column="dose", row_key="P1")
    cipher.encrypt("high", column="risk", row_key="P1")
    other = FieldCipher(ring, "k", table="trial", keys=cipher.keys)
    for opener, place in [
        (cipher, {"column": "dose", "row_key": "P2"}),
        (cipher, {"column": "risk", "row_key": "P1"}),
        (other, {"column": "dose", "row_key": "P1"}),
    ]:
        with pytest.raises(ValueDoesNotOpen):
            opener.decrypt(text, **place)


def test_rows_whose_values_were_exchanged_are_named_by_number(ring):
    frame = pd.DataFrame({"id": ["a", "b", "c"], "dose": ["5 mg", "50 mg", "CANARY mg"]})
    cipher = FieldCipher(ring, "k", table="t")
    sealed = encrypt_columns(frame, ["dose"], cipher, row_key="id")
    sealed["dose"] = sealed["dose"].to_numpy()[[0, 2, 1]]
    with pytest.raises(ValueDoesNotOpen, match="Row 2 of column 'dose'") as caught:
        decrypt_columns(sealed, ["dose"], cipher, row_key="id")
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))
    assert (
        caught.value.__cause__ is None and caught.value.__suppress_context__
    ) or not caught.value.__context__


def test_a_value_by_itself_is_refused_without_a_row_number(ring):
    cipher = FieldCipher(ring, "k", table="t")
    text = cipher.encrypt("5 mg", column="dose", row_key="a")
    cases = {
        "The value of column 'dose' does not open": lambda: cipher.decrypt(text, column="dose", row_key="b"),
        "The value of column 'dose' is cut": lambda: cipher.decrypt(text[:20], column="dose", row_key="a"),
        "The value of column 'dose' is not": lambda: cipher.decrypt("5 mg", column="dose", row_key="a"),
        "The value of column 'dose' is of type": lambda: cipher.encrypt(object(), column="dose", row_key="a"),
        "The row of this value has no row key": lambda: cipher.encrypt("x", column="dose", row_key=None),
        "The row key is of type float": lambda: cipher.encrypt("x", column="dose", row_key=0.5),
        "This value names no person": lambda: cipher.encrypt("x", column="dose", row_key="a", person=""),
    }
    for start, call in cases.items():
        with pytest.raises(UserError, match="^" + start):
            call()


@given(st.data())
def test_no_changed_character_goes_unnoticed(data):
    cipher = _CIPHER
    text = _TEXT
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(
        st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n")
    )
    changed = text[:place] + letter + text[place + 1 :]
    if changed != text:
        with pytest.raises((ValueDoesNotOpen, ValueNotEncrypted, DataKeyMissing)):
            cipher.decrypt(changed, column="c", row_key=1)


@given(st.integers(0, 87))
def test_no_cut_goes_unnoticed(length):
    with pytest.raises((ValueDoesNotOpen, ValueNotEncrypted)):
        _CIPHER.decrypt(_TEXT[:length], column="c", row_key=1)


def test_each_error_has_its_class_and_no_secret(ring):
    cipher = FieldCipher(ring, "k", table="t")
    text = cipher.encrypt("CANARY", column="c", row_key=1)
    with pytest.raises(ValueNotEncrypted):
        cipher.decrypt("CANARY", column="c", row_key=1)
    with pytest.raises(DataKeyMissing):
        FieldCipher(ring, "k", table="t").decrypt(text, column="c", row_key=1)
    with pytest.raises(UserError, match="list"):
        cipher.encrypt(["CANARY"], column="c", row_key=1)
    for wrong in (None, 1.5, True, ("a", None)):
        with pytest.raises(UserError, match=r"[Rr]ow"):
            cipher.encrypt("CANARY", column="c", row_key=wrong)
    ring.destroy("k")
    cipher.forget()
    with pytest.raises(UserError, match=r"destroyed|gone"):
        cipher.decrypt(text, column="c", row_key=1)


@pytest.mark.parametrize(
    ("columns", "row_key", "message"),
    [
        (["dose"], "ward", "same value in several rows"),
        (["dose", "nothing"], "id", "no column 'nothing'"),
        ("dose", "id", "as a list"),
        ([], "id", "as a list"),
        (["id"], "id", "is the row key"),
    ],
)
def test_a_wrong_choice_is_refused(ring, columns, row_key, message):
    frame = pd.DataFrame({"id": [1, 2], "ward": ["A", "A"], "dose": ["1", "2"]})
    with pytest.raises(UserError, match=message):
        encrypt_columns(frame, columns, FieldCipher(ring, "k", table="t"), row_key=row_key)


def test_what_is_encrypted_is_not_encrypted_again(ring, patients):
    cipher = FieldCipher(ring, "k", table="t")
    sealed = encrypt_columns(patients, ["ssn"], cipher, row_key="patient_id")
    with pytest.raises(UserError, match="encrypted already"):
        encrypt_columns(sealed, ["ssn"], cipher, row_key="patient_id")


def test_several_columns_make_a_row_key(ring, diagnoses):
    cipher = FieldCipher(ring, "k", table="t")
    keys = ["encounter_id", "rank"]
    sealed = encrypt_columns(diagnoses, ["icd10_code"], cipher, row_key=keys)
    assert_frame_equal(decrypt_columns(sealed, ["icd10_code"], cipher, row_key=keys), diagnoses)


def test_a_shredded_person_is_gone_and_all_others_stay(ring, diagnoses, tmp_path):
    table = diagnoses[["diagnosis_id", "patient_id", "description"]].head(400)
    with PersonKeys.create(tmp_path / "persons", ring, groups=8) as persons:
        persons.add(table["patient_id"].unique())
        cipher = FieldCipher(persons, "{person}", table="diagnoses")
        sealed = encrypt_columns(table, ["description"], cipher, row_key="diagnosis_id", person="patient_id")
        gone = table["patient_id"].iloc[0]
        persons.shred(gone)
        cipher.forget()
        with pytest.raises(PersonShreddedError):
            decrypt_columns(sealed, ["description"], cipher, row_key="diagnosis_id")
        with pytest.warns(UserWarning, match="do not open"):
            opened = decrypt_columns(
                sealed, ["description"], cipher, row_key="diagnosis_id", unavailable="missing"
            )
    shredded = table["patient_id"] == gone
    assert opened["description"].isna().equals(shredded)
    assert_frame_equal(opened[~shredded], table[~shredded])


def test_a_ring_that_cannot_be_reached_is_an_error_and_not_missing_values(ring, patients):
    cipher = FieldCipher(ring, "k", table="t")
    sealed = encrypt_columns(patients, ["ssn"], cipher, row_key="patient_id")

    class Down:
        def unwrap(self, wrapped, context):
            raise ServiceUnreachableError("The key service cannot be reached: try again.")

    away = FieldCipher(Down(), "k", table="t", keys=cipher.keys)
    with pytest.raises(ServiceUnreachableError):
        decrypt_columns(sealed, ["ssn"], away, row_key="patient_id", unavailable="missing")


def test_a_person_is_asked_for_where_the_key_name_needs_one(ring):
    cipher = FieldCipher(ring, "patient-{person}", table="t")
    with pytest.raises(UserError, match="asks for a person"):
        cipher.encrypt("x", column="c", row_key=1)
    with pytest.raises(UserError, match="names no person"):
        cipher.encrypt_values(["x"], "c", [1], [None])


def test_rotation_wraps_keys_anew_and_leaves_values_alone(ring):
    cipher = FieldCipher(ring, "k", table="t")
    text = cipher.encrypt("x", column="c", row_key=1)
    ring.rotate("k")
    assert cipher.rewrap().rewrapped == 1
    assert [key.wrapped.version for key in cipher.keys.stored.values()] == ["2"]
    cipher.forget()
    assert cipher.decrypt(text, column="c", row_key=1) == "x"
    cipher.new_keys()
    newer = cipher.encrypt("y", column="c", row_key=1)
    assert describe(newer)["data_key"] != describe(text)["data_key"]
    assert cipher.decrypt(text, column="c", row_key=1) == "x"


def test_keys_are_saved_for_their_owner_and_found_again(ring, tmp_path):
    cipher = FieldCipher(ring, "k", table="t")
    text = cipher.encrypt("x", column="c", row_key=1)
    path = cipher.keys.save(tmp_path / "keys.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = FieldCipher(ring, "k", table="t", keys=WrappedKeys.load(path))
    assert again.decrypt(text, column="c", row_key=1) == "x"
    assert again.keys.newest({"use": "field", "table": "t", "column": "c"}) is not None


def test_keys_of_other_values_are_never_overwritten(ring, patients, tmp_path):
    path = tmp_path / "keys.json"
    first, second = (FieldCipher(ring, "k", table="t") for _ in range(2))
    text = first.encrypt("x", column="c", row_key=1)
    first.keys.save(path)
    second.encrypt("y", column="c", row_key=1)
    with pytest.raises(UserError, match="would be lost"):
        second.keys.save(path)
    out = tmp_path / "out.csv"
    with pytest.raises(UserError, match="would be lost"):
        encrypt_table_file(patients, out, ["ssn"], second, keys_file=path, row_key="patient_id")
    with pytest.raises(UserError, match="each its own"):
        encrypt_table_file(patients, out, ["ssn"], second, keys_file=out, row_key="patient_id")
    assert not out.exists()
    again = FieldCipher(ring, "k", table="t", keys=WrappedKeys.load(path))
    assert again.decrypt(text, column="c", row_key=1) == "x"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"format": "secure-ai wrapped keys 1"}',
        b'{"format": "secure-ai wrapped keys 1", "types": {}, "keys": {"no hex": {"context": {}, "wrapped": '
        b'{"ring": "local", "key": "k", "version": "1", "wrapped": ""}}}}',
    ],
)
def test_a_damaged_file_of_keys_is_named(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"keys\.json"):
        WrappedKeys.load(path)
    with pytest.raises(UserError, match="does not exist"):
        WrappedKeys.load(tmp_path / "none.json")


def test_row_keys_that_are_one_place_are_not_unique(ring):
    frame = pd.DataFrame({"id": pd.Series([7, "7"], dtype="object"), "note": ["a", "b"]})
    with pytest.raises(UserError, match="several rows"):
        encrypt_columns(frame, ["note"], FieldCipher(ring, "k", table="t"), row_key="id")


def test_no_error_carries_a_decrypted_value_along(ring, tmp_path):
    cipher = FieldCipher(ring, "k", table="t")
    sealed = encrypt_columns(pd.DataFrame({"id": [1], "note": ["CANARY"]}), ["note"], cipher, row_key="id")
    cipher.keys.types["note"] = "int64"
    with pytest.raises(UserError, match="another type") as told:
        decrypt_table_file(sealed, tmp_path / "out.csv", ["note"], cipher, row_key="id")
    error = told.value
    while error is not None:
        assert "CANARY" not in repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_makes_the_round_trip(ring, patients, tmp_path, suffix):
    cipher = FieldCipher(ring, "k", table="patients")
    patients.to_parquet(tmp_path / "in.parquet")
    keys = tmp_path / "keys.json"
    out = tmp_path / f"sealed{suffix}"
    done = encrypt_table_file(
        tmp_path / "in.parquet", out, COLUMNS, cipher, keys_file=keys, row_key="patient_id"
    )
    assert done.rows == 300 and done.values["ssn"] == 300
    assert done.values["implant_serial"] == patients["implant_serial"].notna().sum()
    assert not any(ssn.encode() in out.read_bytes() for ssn in patients["ssn"])
    again = FieldCipher(ring, "k", table="patients", keys=WrappedKeys.load(keys))
    decrypt_table_file(out, tmp_path / "back.parquet", COLUMNS, again, row_key="patient_id")
    back = pd.read_parquet(tmp_path / "back.parquet")
    assert_frame_equal(back[COLUMNS], patients[COLUMNS])
    assert stat.S_IMODE((tmp_path / "back.parquet").stat().st_mode) == 0o600


def test_a_failed_file_leaves_the_old_output_and_no_draft(ring, patients, tmp_path):
    cipher = FieldCipher(ring, "k", table="patients")
    sealed = encrypt_columns(patients, ["ssn"], cipher, row_key="patient_id")
    sealed.loc[250, "ssn"] = sealed.loc[2, "ssn"]
    out = tmp_path / "out.csv"
    out.write_text("old")
    with pytest.raises(ValueDoesNotOpen, match="Row 251"):
        decrypt_table_file(sealed, out, ["ssn"], cipher, row_key="patient_id")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert out.read_text() == "old"
    with pytest.raises(UserError, match=r"\.csv or \.parquet"):
        decrypt_table_file(sealed, tmp_path / "out.txt", ["ssn"], cipher, row_key="patient_id")
    with pytest.raises(UserError, match="several rows"):
        encrypt_table_file(patients, out, ["ssn"], cipher, keys_file=tmp_path / "k", row_key="sex")


def test_nothing_secret_is_shown(ring):
    cipher = FieldCipher(ring, "k", table="t")
    cipher.encrypt("CANARY", column="c", row_key=1)
    secrets = [ring.unwrap(key.wrapped, key.context) for key in cipher.keys.stored.values()]
    shown = repr(cipher) + repr(cipher.keys) + repr(vars(cipher)) + str(pickle.dumps(cipher.keys))
    assert not any(repr(secret)[2:-1] in shown or secret.hex() in shown for secret in secrets)
    assert "CANARY" not in shown


def _made():
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from secure_ai.encrypt.key_rings.interface import DataKey, WrappedKey

    secret = AESGCM.generate_key(256)

    class Fixed:
        def new_data_key(self, key_name, context):
            return DataKey(secret, WrappedKey("fixed", key_name, "1", b""))

        def unwrap(self, wrapped, context):
            return secret

    cipher = FieldCipher(Fixed(), "k", table="t")
    return cipher, cipher.encrypt("content", column="c", row_key=1)


_CIPHER, _TEXT = _made()
