"""Claims about rings behind links, contexts that look alike, errors that carry secrets and weak proofs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import (
    UNSAFE_COST_FOR_TESTS,
    KeyDeletionPendingError,
    LocalKeyRing,
    PassphraseError,
    PersonKeys,
    RingFileError,
    canonical_context,
    prove_shredded,
    read_passphrase,
)
from secure_ai.encrypt.key_rings.ring_content import RingContent
from secure_ai.encrypt.secret_keys import Key


@pytest.fixture
def keys(tmp_path, ring) -> Iterator[PersonKeys]:
    """Keys of three persons."""
    with PersonKeys.create(tmp_path / "persons.db", ring, groups=2) as made:
        made.add(["P1", "P2", "P3"])
        yield made


def chain(error: BaseException | None) -> list[BaseException]:
    """Return an error and all that hang on it, shown or not."""
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def test_a_ring_reached_through_a_link_stays_one_ring(ring, passphrase, tmp_path):
    link = tmp_path / "link.keys"
    link.symlink_to(ring.path)
    with LocalKeyRing.open(link, passphrase) as other:
        other.rotate("patients")
        other.destroy("patients", "1")
        assert link.is_symlink()
        assert [v.state for v in ring.versions("patients")] == ["destroyed", "current"]
        ring.rotate("patients")
        assert other.versions("patients") == ring.versions("patients")


def test_a_ring_stays_the_same_when_the_program_changes_its_folder(tmp_path, passphrase, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with LocalKeyRing.create("mine.keys", passphrase, cost=UNSAFE_COST_FOR_TESTS) as mine:
        monkeypatch.chdir(tmp_path / "elsewhere")
        mine.create_key("late")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_two_contexts_are_never_the_same_bytes():
    whole, halves = {"note": "\N{GRINNING FACE}"}, {"note": "\ud83d\ude00"}
    assert canonical_context(whole) != canonical_context({"note": "\\ud83d\\ude00"})
    with pytest.raises(UserError, match="text"):
        canonical_context(halves)
    with pytest.raises(UserError, match="text"):
        canonical_context({"\udcff": "x"})


def test_no_error_about_a_passphrase_carries_it_along():
    secret = "a canary of five \udcff words"
    with pytest.raises(PassphraseError) as told:
        read_passphrase(secret)
    for error in chain(told.value):
        assert "canary" not in repr(error) + repr(vars(error)) + repr(getattr(error, "object", ""))


def test_no_error_about_a_ring_carries_its_keys_along():
    with pytest.raises(RingFileError) as told:
        RingContent.parsed(b'{"keys": {"canary": ', "ring.keys")
    for error in chain(told.value):
        assert "canary" not in repr(getattr(error, "doc", "")) + repr(error)


def test_keys_with_one_secret_are_equal_and_others_are_not():
    one, same, other = Key(bytes(64)), Key(bytes(64)), Key(bytes(63) + b"\1")
    assert one == same and hash(one) == hash(same) and one != other and one != bytes(64)


@pytest.mark.parametrize("name", ["P9", "P1 "])
def test_a_person_who_was_never_there_is_no_proof_of_a_shredding(keys, name):
    proof = prove_shredded(keys, name, {"a note": lambda k: k.unseal(name, bytes(64))})
    assert not proof.shredded
    assert {attempt.outcome for attempt in proof.attempts} == {"not conclusive"}


def test_a_proof_that_tried_nobody_else_does_not_hold(keys):
    kept = keys.seal("P2", b"note")
    keys.shred("P1")
    alone = prove_shredded(keys, "P1", {})
    assert alone.shredded and not alone.others_readable and not alone.holds
    assert prove_shredded(keys, "P1", {}, others={"P2": lambda k: k.unseal("P2", kept)}).holds


def test_copies_of_one_name_are_told_apart(keys, tmp_path):
    copies = [keys.backup(tmp_path / day / "persons.db") for day in ("monday", "tuesday")]
    keys.shred("P1")
    proof = prove_shredded(keys, "P1", {}, table_copies=[*copies, copies[0]])
    assert [attempt.table for attempt in proof.attempts] == [
        "live", "monday/persons.db", "tuesday/persons.db", "monday/persons.db (2)",
    ]  # fmt: skip
    assert "3 copies of the key table" in proof.sentence()


def test_a_version_that_can_be_had_back_is_no_proof_of_a_shredding(keys, monkeypatch):
    old = keys.backup(keys.path.with_name("old.db"))
    keys.shred("P1")

    def pending(*_: object) -> bytes:
        raise KeyDeletionPendingError("It opens nothing for now.")

    monkeypatch.setattr(keys.ring, "unwrap", pending)
    proof = prove_shredded(keys, "P1", {}, table_copies=[old])
    assert [(a.outcome, a.reason) for a in proof.attempts] == [
        ("key gone", "person shredded"),
        ("not conclusive", "deletion pending"),
    ]


def test_a_table_whose_text_is_no_text_is_told_in_a_sentence(keys, ring):
    path = keys.path
    keys.close()
    path.write_bytes(path.read_bytes().replace(b"groups", b"gro\xffps"))
    with pytest.raises(UserError, match="take a copy"):
        PersonKeys.open(path, ring)
