"""The tasks of chapter 07: a value bound to its place, a reused nonce, rotation, shredding, a hand-over."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.attack.cryptography import seal_with_one_nonce
from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import (
    LocalKeyRing,
    PersonKeys,
    WrappedKey,
    rewrap_all,
)
from secure_ai.learn.encryption_cases import (
    GOOD,
    RECORDS_COPY,
    RING_COPY,
    TABLE_COPY,
    Package,
    Stored,
    UsedRing,
    deliveries,
    house_with_backups,
    used_ring,
)
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect

lab = Lab("07_encryption", title="Encryption")
progress = lab.progress

# ----------------------------------------------------------------------- 1 · a value that cannot be moved

SEAL_KIND = "bytes are asked for: the nonce, and behind it what `encrypt` returned."
SEAL_PLAIN = "the value can be read in what you returned, without any key."
SEAL_CLOSED = "a value did not open at its own place."
SEAL_ROW = "a value was moved to another row, and opened there."
SEAL_COLUMN = "a value was moved to another column of its row, and opened there."
SEAL_FREE = "a value was moved to another row and column, and opened there: it is bound to no place."
SEAL_NONCE = "two values were encrypted with one and the same nonce."
SEAL_SEED = "after the same seed come the same nonces: tomorrow's run of the notebook uses them again."
SEAL_COUNTER = "the nonces count upward: when the program starts again, it counts from the beginning."


def _place(column: str, row: str) -> bytes:
    return json.dumps([column, row]).encode()


def _open(sealed: bytes, column: str, row: str, key: bytes) -> str | None:
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], _place(column, row)).decode()
    except (InvalidTag, ValueError):
        return None


def _seal(value: str, column: str, row: str, key: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, value.encode(), _place(column, row))


def _sealed_with(
    nonce_of: Callable[[str], bytes], place: Callable[[str, str], bytes] = _place
) -> Callable[[str, str, str, bytes], bytes]:
    def seal(value: str, column: str, row: str, key: bytes) -> bytes:
        nonce = nonce_of(row)
        return nonce + AESGCM(key).encrypt(nonce, value.encode(), place(column, row))

    return seal


def _nonce_behind(value: str, column: str, row: str, key: bytes) -> bytes:
    sealed = _seal(value, column, row, key)
    return sealed[12:] + sealed[:12]


_counter = itertools.count()


@lab.task(
    prompt="Encrypt one value so that it opens in its own row and column, and nowhere else.",
    hints=(
        "Three things go into `encrypt`: a nonce that never comes back, the value as bytes, and the place. "
        "The nonce is needed again to open the value, so it travels in front of it.",
        "A fresh nonce: `nonce = os.urandom(12)`. The place, as the reader writes it: "
        "`json.dumps([column, row]).encode()`.",
        "`return nonce + AESGCM(key).encrypt(nonce, value.encode(), json.dumps([column, row]).encode())`",
    ),
    known_wrong=(
        KnownWrong(_sealed_with(lambda row: bytes(12)), SEAL_NONCE, "one nonce for all"),
        KnownWrong(
            _sealed_with(lambda row: hashlib.sha256(row.encode()).digest()[:12]),
            SEAL_NONCE,
            "makes the nonce of the row",
        ),
        KnownWrong(_sealed_with(lambda row: random.randbytes(12)), SEAL_SEED, "draws it with random"),
        KnownWrong(_sealed_with(lambda row: np.random.bytes(12)), SEAL_SEED, "draws it with NumPy"),
        KnownWrong(
            _sealed_with(lambda row: next(_counter).to_bytes(12, "big")), SEAL_COUNTER, "counts nonces"
        ),
        KnownWrong(
            _sealed_with(lambda row: os.urandom(12), lambda column, row: b""),
            SEAL_FREE,
            "gives no associated data",
        ),
        KnownWrong(
            _sealed_with(lambda row: os.urandom(12), lambda column, row: row.encode()),
            SEAL_COLUMN,
            "binds to the row alone",
        ),
        KnownWrong(
            _sealed_with(lambda row: os.urandom(12), lambda column, row: column.encode()),
            SEAL_ROW,
            "binds to the column alone",
        ),
        KnownWrong(
            _sealed_with(lambda row: os.urandom(12), lambda column, row: f"{column} {row}".encode()),
            SEAL_CLOSED,
            "writes the place in another way",
        ),
        KnownWrong(_nonce_behind, SEAL_CLOSED, "puts the nonce behind"),
        KnownWrong(lambda *args: _seal(*args)[12:], SEAL_CLOSED, "forgets to hand over the nonce"),
        KnownWrong(lambda value, column, row, key: value.encode(), SEAL_PLAIN, "encrypts nothing"),
        KnownWrong(lambda *args: _seal(*args).hex(), SEAL_KIND, "returns text"),
    ),
    solution=_seal,
)
def seal_record(value) -> CheckResult:
    rng = fresh()
    key = rng.bytes(32)
    rows = [f"R{number}" for number in rng.permutation(9000)[:6] + 1000]
    columns = ("dose", "amount", "note")
    cases = [(f"{secrets.token_hex(6)} {column}", column, row) for row in rows for column in columns]
    sealed = {(column, row): attempt(value, text, column, row, key) for text, column, row in cases}
    if not all(isinstance(one, bytes | bytearray) for one in sealed.values()):
        return incorrect(SEAL_KIND, "Join the two with `+`; both are bytes.")
    if any(text.encode() in bytes(sealed[column, row]) for text, column, row in cases):
        return incorrect(SEAL_PLAIN, "Encrypt it with `AESGCM(key).encrypt(...)`.")
    # Those who bind to less than the place are told so, in whatever way they wrote it.
    bound = [_bound_to(bytes(sealed[column, row]), text, column, row, key) for text, column, row in cases]
    for what, message, next_step in (
        ("nothing", SEAL_FREE, "Give the place to `encrypt` as its third argument."),
        ("row", SEAL_COLUMN, "The place is column and row, as the reader writes it."),
        ("column", SEAL_ROW, "The place is column and row, as the reader writes it."),
    ):
        if all(one == what for one in bound):
            return incorrect(message, next_step)
    if not all(_open(bytes(sealed[column, row]), column, row, key) == text for text, column, row in cases):
        return incorrect(SEAL_CLOSED, "Compare with `open_record`, line by line: nonce, value, place.")
    nonces = [bytes(one[:12]) for one in sealed.values()]
    nonces += [bytes(attempt(value, "again", columns[0], rows[0], key)[:12]) for _ in range(2)]
    if len(set(nonces)) < len(nonces):
        return incorrect(SEAL_NONCE, "Take a fresh one for each value: `os.urandom(12)`.")
    if _follows_seed(lambda: bytes(attempt(value, "again", columns[0], rows[0], key)[:12])):
        return incorrect(SEAL_SEED, "Nonces come from the operating system: `os.urandom(12)`.")
    if _counts(nonces):
        return incorrect(SEAL_COUNTER, "Draw them: `os.urandom(12)`.")
    return correct("It opens in its own row and column and nowhere else, and no nonce comes twice.")


def _bound_to(sealed: bytes, text: str, column: str, row: str, key: bytes) -> str:
    """Say what the associated data is, if it is less than the place."""
    guesses = {
        "nothing": (b"", None, b"null", b"[]", b'""'),
        "row": (row.encode(), json.dumps(row).encode(), json.dumps([row]).encode()),
        "column": (column.encode(), json.dumps(column).encode(), json.dumps([column]).encode()),
    }
    for what, written in guesses.items():
        for associated in written:
            try:
                if AESGCM(key).decrypt(sealed[:12], sealed[12:], associated) == text.encode():
                    return what
            except (InvalidTag, ValueError):
                continue
    return ""


def _follows_seed(draw: Callable[[], bytes]) -> bool:
    """Whether two draws after the same seed are the same; the learner's generators are put back."""
    before, before_numpy = random.getstate(), np.random.get_state()
    try:
        seed, drawn = secrets.randbits(31), []
        for _ in range(2):
            random.seed(seed)
            np.random.seed(seed)
            drawn.append(draw())
        return drawn[0] == drawn[1]
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)


def _counts(nonces: Sequence[bytes]) -> bool:
    for order in ("big", "little"):
        numbers = [int.from_bytes(nonce, order) for nonce in nonces]
        if all(0 < abs(b - a) < 1000 for a, b in itertools.pairwise(numbers)):
            return True
    return False


# ------------------------------------------------------------------- 2 · two messages with the same nonce

READ_KIND = "bytes are asked for, such as `bytes(...)` makes of a list of numbers."
READ_MIXED = "that is the two messages mixed with each other; take the text that you know out of it."
READ_STREAM = "that is the key stream; use it on the second message."
READ_MINUS = "bytes are mixed with `^` (exclusive or), not with plus and minus."
READ_ALIGNED = "the messages were laid upon each other at their ends; both begin at the first byte."
READ_LONG = "behind what can be read stands something that is no text."
READ_SHORT = "not all that can be read was returned."
READ_FIRST = "that is the message that you knew already."
READ_OTHER = "this is not the second message."


def _mix(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=False))


def _read(known: bytes, first: bytes, second: bytes) -> bytes:
    return _mix(_mix(known, first), second)


def _read_minus(known: bytes, first: bytes, second: bytes) -> bytes:
    return bytes((b - a + k) % 256 for k, a, b in zip(known, first, second, strict=False))


def _read_aligned(known: bytes, first: bytes, second: bytes) -> bytes:
    mixed = (int.from_bytes(part, "big") for part in (known, first, second))
    length = max(len(first), len(second))
    total = next(mixed) ^ next(mixed) ^ next(mixed)
    return total.to_bytes(length, "big")[-len(second) :]


def _read_padded(known: bytes, first: bytes, second: bytes) -> bytes:
    return _read(known, first, second) + second[len(first) :] + bytes(max(0, len(first) - len(second)))


def _two_letters(rng: np.random.Generator, first: int, second: int) -> tuple[bytes, bytes, bytes, bytes]:
    """The known text, the two ciphertexts, and what can be read of the second."""
    letters = list("abcdefghijklmnopqrstuvwxyz ABCDEFGH .,0123456789")
    texts = ["".join(rng.choice(letters, length)) for length in (first, second)]
    sealed = seal_with_one_nonce(texts, rng.bytes(32), rng.bytes(12))
    return (
        texts[0].encode(),
        sealed[0].ciphertext,
        sealed[1].ciphertext,
        texts[1].encode()[: min(first, second)],
    )


@lab.task(
    prompt="Read the second of two messages that were encrypted with the same nonce; the first is known.",
    hints=(
        "The same key and the same nonce give the same key stream. Encrypted is text `^` key stream, byte by "
        "byte. Which two of the three give you the key stream?",
        "`known ^ first` is the key stream, and `key stream ^ second` is the text. For two bytes `a` and `b` "
        "it is `a ^ b`; `zip` takes them pair by pair and stops at the end of the shorter one.",
        "`return bytes(k ^ a ^ b for k, a, b in zip(known, first, second))`",
    ),
    known_wrong=(
        KnownWrong(lambda known, first, second: _mix(first, second), READ_MIXED, "forgets the known text"),
        KnownWrong(lambda known, first, second: _mix(known, first), READ_STREAM, "stops halfway"),
        KnownWrong(_read_minus, READ_MINUS, "takes one from the other"),
        KnownWrong(_read_aligned, READ_ALIGNED, "makes large numbers of the messages"),
        KnownWrong(_read_padded, READ_LONG, "keeps the rest of the longer one"),
        KnownWrong(lambda *args: _read(*args)[:16], READ_SHORT, "reads one block only"),
        KnownWrong(lambda known, first, second: known[: len(second)], READ_FIRST, "returns what was known"),
        KnownWrong(lambda known, first, second: _mix(known, second), READ_OTHER, "mixes the wrong two"),
        KnownWrong(lambda *args: _read(*args).decode(), READ_KIND, "returns text"),
    ),
    solution=_read,
)
def read_second(value) -> CheckResult:
    rng = fresh()
    lengths = [(int(a), int(b)) for a, b in rng.integers(30, 70, (4, 2))]
    cases = [_two_letters(rng, a, b) for a, b in [*lengths, (40, 60), (61, 41), (50, 50)]]
    given = [attempt(value, *case[:3]) for case in cases]
    if not all(isinstance(one, bytes | bytearray) for one in given):
        return incorrect(READ_KIND, "Put `bytes(...)` around it; `.decode()` comes later.")
    answers = [bytes(one) for one in given]
    wanted = [case[3] for case in cases]
    if answers == wanted:
        return correct("One text was known, and the other could be read. The key was never needed.")
    slips: tuple[tuple[Callable[..., bytes], str, str], ...] = (
        (lambda k, a, b: _mix(a, b), READ_MIXED, "Mix `known` in, too."),
        (lambda k, a, b: _mix(k, a), READ_STREAM, "Mix it with `second`."),
        (_read_minus, READ_MINUS, "Write `k ^ a ^ b`."),
        (lambda k, a, b: k[: len(b)], READ_FIRST, "Mix it with both ciphertexts."),
        (lambda k, a, b: k, READ_FIRST, "Mix it with both ciphertexts."),
    )
    for slip, message, next_step in slips:
        if answers == [slip(*case[:3]) for case in cases]:
            return incorrect(message, next_step)
    pairs = list(zip(answers, wanted, strict=True))
    if all(answer.startswith(text) for answer, text in pairs):
        return incorrect(READ_LONG, "Stop where the shorter of the two ends.")
    if all(answer and text.startswith(answer) for answer, text in pairs):
        return incorrect(READ_SHORT, "Go on to the end of the shorter of the two.")
    if answers[-1] == wanted[-1]:
        return incorrect(READ_ALIGNED, "Go byte by byte from the start: `zip(known, first, second)`.")
    return incorrect(READ_OTHER, "Mix all three, byte by byte.")


# --------------------------------------------------------------------- 3 · rotate, wrap anew, and destroy

MOVE_KIND = "a list is asked for, with one wrapped key for each entry of `stored`, in the same order."
MOVE_LOST = "data keys are lost: what they encrypted can never be read again."
MOVE_NEW_KEYS = "data keys were replaced by new ones: what the old ones encrypted cannot be read with them."
MOVE_NOT_ROTATED = "the key has no new version: all is wrapped with the one that has served its time."
MOVE_OLD = "a data key is still wrapped with an old version, which has to be kept for its sake."
MOVE_LEFT = "an old version still exists: with it, every old copy of a wrapped key can be opened."
MOVE_FAILED = (
    "a data key could not be wrapped anew, and the version that it needs was destroyed all the same."
)
MOVE_STOPPED = "one data key did not open, and all the others were left behind for it."
MOVE_TWICE = "your code destroys a version that was destroyed before; the ring refuses that."
MOVE_NEIGHBOR = "another key of the ring was changed; the task is about one."


def _move(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    report = rewrap_all(stored, ring)
    if not report.failed:
        for version in ring.versions(key_name):
            if version.state == "old":
                ring.destroy(key_name, version.version)
    return list(report.keys)


def _destroy_old(ring: LocalKeyRing, key_name: str) -> None:
    for version in ring.versions(key_name):
        if version.state == "old":
            ring.destroy(key_name, version.version)


def _destroy_first(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    _destroy_old(ring, key_name)
    return list(rewrap_all(stored, ring).keys)


def _without_rewrap(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    return [wrapped for wrapped, _ in stored]


def _without_destroy(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    return list(rewrap_all(stored, ring).keys)


def _without_rotate(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    keys = list(rewrap_all(stored, ring).keys)
    _destroy_old(ring, key_name)
    return keys


def _despite_failure(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    keys = list(rewrap_all(stored, ring).keys)
    _destroy_old(ring, key_name)
    return keys


def _rotate_each(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    keys = []
    for wrapped, context in stored:
        ring.rotate(key_name)
        keys.extend(rewrap_all([(wrapped, context)], ring).keys)
    return keys


def _new_data_keys(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    keys = [ring.new_data_key(key_name, context).wrapped for _, context in stored]
    _destroy_old(ring, key_name)
    return keys


def _destroy_all(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    keys = list(rewrap_all(stored, ring).keys)
    ring.destroy(key_name)
    return keys


def _destroy_whatever(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    report = rewrap_all(stored, ring)
    for version in ring.versions(key_name)[:-1]:
        if not report.failed:
            ring.destroy(key_name, version.version)
    return list(report.keys)


def _one_by_one(ring: LocalKeyRing, key_name: str, stored: Stored) -> list[WrappedKey]:
    ring.rotate(key_name)
    keys = [ring.rewrap(wrapped, context) for wrapped, context in stored]
    _destroy_old(ring, key_name)
    return keys


@lab.task(
    prompt="Move all data keys to a new version of their key, then destroy the old ones; lose none.",
    hints=(
        "Three steps, and one order in which nothing is lost: what must have happened before an old version "
        "may go? And what if that went wrong for a single data key?",
        "`ring.rotate(key_name)`, then `report = rewrap_all(stored, ring)`. `report.keys` are to be kept, "
        "`report.failed` are those that did not open. Then destroy the versions of "
        '`ring.versions(key_name)` whose `.state` is `"old"`.',
        "`if not report.failed: for version in ring.versions(key_name): if version.state == 'old': "
        "ring.destroy(key_name, version.version)` (on four lines), and `return report.keys`.",
    ),
    known_wrong=(
        KnownWrong(_destroy_first, MOVE_LOST, "destroys before wrapping anew"),
        KnownWrong(_destroy_all, MOVE_LOST, "destroys all versions"),
        KnownWrong(_without_rewrap, MOVE_OLD, "believes that rotating is all"),
        KnownWrong(_rotate_each, MOVE_OLD, "rotates for each data key"),
        KnownWrong(_without_destroy, MOVE_LEFT, "keeps the old versions"),
        KnownWrong(_without_rotate, MOVE_NOT_ROTATED, "makes no new version"),
        KnownWrong(_new_data_keys, MOVE_NEW_KEYS, "makes new data keys"),
        KnownWrong(_despite_failure, MOVE_FAILED, "does not look at what failed"),
        KnownWrong(_one_by_one, MOVE_STOPPED, "stops at the first that does not open"),
        KnownWrong(_destroy_whatever, MOVE_TWICE, "does not look at the state"),
        KnownWrong(
            lambda ring, key_name, stored: dict(enumerate(_move(ring, key_name, stored))),
            MOVE_KIND,
            "returns a mapping",
        ),
    ),
    solution=_move,
)
def rotate_and_destroy(value) -> CheckResult:
    rng = fresh()
    for made in (used_ring(rng), used_ring(rng, gone=True), used_ring(rng, damaged=True)):
        problem = _moved(value, made)
        if problem is not None:
            return problem
    return correct("All data keys open with the new version, and the old ones are gone, where that was safe.")


def _moved(value: Any, made: UsedRing) -> CheckResult | None:
    """Let the learner move one ring; None if all is well."""
    versions = made.states(made.name)
    good = [n for n in range(len(made.stored)) if n != made.damaged]
    try:
        answer = attempt(value, made.ring, made.name, made.stored)
    except UserError:
        if any(made.opened(made.stored[n][0], n) is None for n in good):
            return incorrect(MOVE_LOST, "Destroy last, when every data key has been wrapped anew.")
        if made.damaged is not None:
            return incorrect(MOVE_STOPPED, "`rewrap_all` goes on with the others, and reports the one.")
        if "destroyed" in versions:
            return incorrect(MOVE_TWICE, 'Destroy those whose `.state` is `"old"`.')
        raise
    if (
        not isinstance(answer, list | tuple)
        or len(answer) != len(made.stored)
        or not all(isinstance(key, WrappedKey) for key in answer)
    ):
        return incorrect(MOVE_KIND, "Return `report.keys`.")
    after = made.states(made.name)
    opened = {n: made.opened(answer[n], n) for n in good}
    replaced = made.damaged is not None and answer[made.damaged] != made.stored[made.damaged][0]
    if replaced or any(secret not in (None, made.secrets[n]) for n, secret in opened.items()):
        return incorrect(MOVE_NEW_KEYS, "Wrap the same data keys anew: `rewrap_all`.")
    if any(secret is None for secret in opened.values()):
        return incorrect(MOVE_LOST, "Destroy last, and only versions that are old.")
    if len(after) == len(versions):
        return incorrect(MOVE_NOT_ROTATED, "Begin with `ring.rotate(key_name)`.")
    if any(answer[n].version != str(len(after)) for n in good):
        return incorrect(MOVE_OLD, "Rotate once, then wrap every data key anew.")
    if made.states("neighbor") != ["old", "current"]:
        return incorrect(MOVE_NEIGHBOR, "Touch the versions of `key_name` alone.")
    if made.damaged is not None:
        broken = made.damaged
        if after[int(made.stored[broken][0].version) - 1] == "destroyed":
            return incorrect(MOVE_FAILED, "Destroy only `if not report.failed`.")
        return None
    if "old" in after:
        return incorrect(MOVE_LEFT, "Destroy every version whose state is old.")
    return None


# --------------------------------------------------------- 4 · one person gone, also from last night's backup

SHRED_LIVE = "the person's records still open with the live keys."
SHRED_OTHERS = "other people's records do not open any more: their keys were destroyed, too."
SHRED_BACKUP = "with what lies in the folder of backups, the person's records could be opened."
SHRED_RECORDS = "the backup no longer holds the records of other people."
SHRED_RESTORE = "after a fire tonight nobody's records could be opened: the backups hold no keys that fit."


def _shred(keys: PersonKeys, person: str, backups: Path) -> None:
    keys.shred(person)
    keys.backup(backups / TABLE_COPY)
    shutil.copy(keys.ring.path, backups / RING_COPY)


def _backup_first(keys: PersonKeys, person: str, backups: Path) -> None:
    keys.backup(backups / TABLE_COPY)
    shutil.copy(keys.ring.path, backups / RING_COPY)
    keys.shred(person)


def _ring_only(keys: PersonKeys, person: str, backups: Path) -> None:
    keys.shred(person)
    shutil.copy(keys.ring.path, backups / RING_COPY)


def _table_only(keys: PersonKeys, person: str, backups: Path) -> None:
    keys.shred(person)
    keys.backup(backups / TABLE_COPY)


def _beside(keys: PersonKeys, person: str, backups: Path) -> None:
    keys.shred(person)
    keys.backup(backups / f"new-{TABLE_COPY}")
    shutil.copy(keys.ring.path, backups / f"new-{RING_COPY}")


def _delete(*names: str, shred: bool = True) -> Callable[[PersonKeys, str, Path], None]:
    def run(keys: PersonKeys, person: str, backups: Path) -> None:
        if shred:
            keys.shred(person)
        for name in names:
            (backups / name).unlink()

    return run


def _records_without(keys: PersonKeys, person: str, backups: Path) -> None:
    path = backups / RECORDS_COPY
    records = {name: one for name, one in json.loads(path.read_text()).items() if name != person}
    path.write_text(json.dumps(records))


@lab.task(
    prompt="Shred one person so that live data and backups stay closed, and everybody else can be restored.",
    hints=(
        "Deleting records does not reach the tape in the cellar; destroying a key does. Which files of the "
        "folder still hold the key, and from what moment on may they be replaced?",
        "`keys.shred(person)` comes first. Then the two files that hold keys are replaced by new copies: "
        "`keys.backup(path)` writes one of the key table, `shutil.copy(from, to)` one of the ring.",
        "`keys.shred(person)`, `keys.backup(backups / 'persons.db')` and "
        "`shutil.copy(keys.ring.path, backups / 'house.ring')`, in this order.",
    ),
    known_wrong=(
        KnownWrong(_records_without, SHRED_LIVE, "deletes the person's line from the backup"),
        KnownWrong(_delete(RING_COPY, shred=False), SHRED_LIVE, "deletes copies and shreds nothing"),
        KnownWrong(
            lambda keys, person, backups: keys.shred(person), SHRED_BACKUP, "forgets the copies of the keys"
        ),
        KnownWrong(_backup_first, SHRED_BACKUP, "makes new copies before shredding"),
        KnownWrong(_beside, SHRED_BACKUP, "puts new copies beside the old ones"),
        KnownWrong(_ring_only, SHRED_RESTORE, "replaces the ring alone"),
        KnownWrong(_table_only, SHRED_RESTORE, "replaces the key table alone"),
        KnownWrong(_delete(RING_COPY, TABLE_COPY), SHRED_RESTORE, "deletes all copies of keys"),
        KnownWrong(_delete(RING_COPY, TABLE_COPY, RECORDS_COPY), SHRED_RECORDS, "deletes the backups"),
        KnownWrong(
            lambda keys, person, backups: keys.ring.destroy(keys.key_name),
            SHRED_OTHERS,
            "destroys the key of all",
        ),
    ),
    solution=_shred,
)
def shred_person(value) -> CheckResult:
    rng = fresh()
    persons = [f"P{number}" for number in rng.permutation(9000)[:6] + 1000]
    person = persons[int(rng.integers(len(persons)))]
    with house_with_backups({name: rng.bytes(20) for name in persons}) as house:
        attempt(value, house.keys, person, house.backups, none_is_an_answer=True)
        try:
            proof = house.proof(person)
        except UserError:  # the live ring or key table is gone
            return incorrect(SHRED_OTHERS, "Leave the live ring and key table in their place.")
        if not proof.others_readable:
            return incorrect(SHRED_OTHERS, "Shred one person: `keys.shred(person)`.")
        opened = [one for one in proof.attempts if one.outcome == "opened"]
        if any(one.table == one.ring == "live" for one in opened):
            return incorrect(SHRED_LIVE, "Begin with `keys.shred(person)`.")
        if opened:
            return incorrect(
                SHRED_BACKUP, "Replace the copies of the key table and of the ring, after shredding."
            )
        if not house.records_kept(without=person):
            return incorrect(SHRED_RECORDS, "Leave `records.json` as it is: what is sealed may stay.")
        if not house.restorable(without=person):
            return incorrect(
                SHRED_RESTORE, "Put new copies of both there, of key table and ring: they belong together."
            )
    return correct("The person is gone, also from the backups, and everybody else can be restored from them.")


# ------------------------------------------------------------------------- 5 · a package from the vendor

ACCEPT_KIND = "True or False is asked for."
ACCEPT_GOOD = "a package in which everything is right was refused."
ACCEPT_GAP = "a package was refused because one number before it never came; the vendor numbers for all."
ACCEPT_MANIFEST = "a list of contents was altered after it was signed, and accepted."
ACCEPT_STRANGER = "a stranger signed with a key of their own, enclosed the key, and was accepted."
ACCEPT_RECIPIENT = "a package that was made for somebody else was accepted."
ACCEPT_REPLAY = "an old package was sent again, and accepted."
ACCEPT_FILE = "a file was altered after the list was signed, and accepted."
ACCEPT_MISSING = "a file of the list is missing, and the package was accepted."
ACCEPT_EXTRA = "a file that is on no list was smuggled in, and accepted."
ACCEPT_READ = "what nobody had verified was read: a list that makes no sense stopped your code."


def _accept(package: Package, pinned: Ed25519PublicKey, recipient: str, last_number: int) -> bool:
    try:
        pinned.verify(package.signature, package.manifest)
    except InvalidSignature:
        return False
    content = json.loads(package.manifest)
    if content["recipient"] != recipient or content["number"] <= last_number:
        return False
    return content["files"] == _digests(package)


def _digests(package: Package) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in package.files.items()}


def _rule(
    *,
    signer: str = "pinned",
    first_read: bool = False,
    recipient: bool = True,
    number: Callable[[int, int], bool] = lambda number, last: number > last,
    files: Callable[[dict, dict], bool] = lambda listed, found: listed == found,
) -> Callable[[Package, Ed25519PublicKey, str, int], bool]:
    """A rule with one slip."""

    def accept(package: Package, pinned: Ed25519PublicKey, me: str, last: int) -> bool:
        content = json.loads(package.manifest) if first_read else {}
        try:
            if signer != "nobody":
                key = pinned if signer == "pinned" else package.sender_key
                key.verify(package.signature, package.manifest)
            content = content or json.loads(package.manifest)
        except (InvalidSignature, ValueError):
            return False
        fits = not recipient or content["recipient"] == me
        return fits and number(content["number"], last) and files(content["files"], _digests(package))

    return accept


def _verify_as_condition(package: Package, pinned: Ed25519PublicKey, me: str, last: int) -> bool:
    try:
        return bool(pinned.verify(package.signature, package.manifest))
    except InvalidSignature:
        return False


def _reason(package: Package, pinned: Ed25519PublicKey, me: str, last: int) -> str:
    return "accepted" if _accept(package, pinned, me, last) else "refused"


@lab.task(
    prompt="Accept a package only if the pinned key signed it, it is for you, new, and complete as signed.",
    hints=(
        "Four questions, and the order matters: who signed? For whom? Is it new? Are the files those of the "
        "list? Nothing of the list may be read before the first one is answered.",
        "`pinned.verify(package.signature, package.manifest)` returns nothing, and raises "
        "`InvalidSignature` if it is wrong. Then `content = json.loads(package.manifest)`, and for each file "
        "`hashlib.sha256(data).hexdigest()`.",
        "Wrap `verify` in `try` and `except InvalidSignature: return False`. Refuse if `content['recipient'] "
        "!= recipient` or `content['number'] <= last_number`. At the end `return content['files'] == {name: "
        "hashlib.sha256(data).hexdigest() for name, data in package.files.items()}`.",
    ),
    known_wrong=(
        KnownWrong(_rule(signer="nobody"), ACCEPT_MANIFEST, "does not verify the signature"),
        KnownWrong(_rule(signer="enclosed"), ACCEPT_STRANGER, "takes the key that came along"),
        KnownWrong(_rule(recipient=False), ACCEPT_RECIPIENT, "does not ask for whom"),
        KnownWrong(_rule(number=lambda number, last: True), ACCEPT_REPLAY, "keeps no account of numbers"),
        KnownWrong(
            _rule(number=lambda number, last: number >= last), ACCEPT_REPLAY, "takes the last one again"
        ),
        KnownWrong(_rule(number=lambda number, last: number != last), ACCEPT_REPLAY, "takes older ones"),
        KnownWrong(_rule(number=lambda number, last: number == last + 1), ACCEPT_GAP, "allows no gap"),
        KnownWrong(_rule(files=lambda listed, found: True), ACCEPT_FILE, "does not compare the files"),
        KnownWrong(
            _rule(files=lambda listed, found: listed.keys() == found.keys()), ACCEPT_FILE, "names only"
        ),
        KnownWrong(
            _rule(files=lambda listed, found: all(listed.get(n) == d for n, d in found.items())),
            ACCEPT_MISSING,
            "goes through the files that came",
        ),
        KnownWrong(
            _rule(files=lambda listed, found: all(found.get(n) == d for n, d in listed.items())),
            ACCEPT_EXTRA,
            "goes through the files of the list",
        ),
        KnownWrong(_rule(first_read=True), ACCEPT_READ, "reads before it verifies"),
        KnownWrong(_verify_as_condition, ACCEPT_GOOD, "expects an answer of verify"),
        KnownWrong(lambda *args: False, ACCEPT_GOOD, "refuses everything"),
        KnownWrong(_reason, ACCEPT_KIND, "returns a word"),
    ),
    solution=_accept,
)
def accept_handover(value) -> CheckResult:
    rng = fresh()
    judged = (
        ("in order", ACCEPT_GOOD, "`verify` returns nothing if all is well, and raises if not."),
        ("a number was left out", ACCEPT_GAP, "Accept every number above the last one."),
        ("list of contents altered", ACCEPT_MANIFEST, "Begin with `pinned.verify(...)`."),
        ("signed by a stranger", ACCEPT_STRANGER, "Verify with `pinned`; what comes along proves nothing."),
        ("for somebody else", ACCEPT_RECIPIENT, "Compare `content['recipient']` with `recipient`."),
        ("the last one again", ACCEPT_REPLAY, "Refuse a number that is not above `last_number`."),
        ("an older one again", ACCEPT_REPLAY, "Refuse a number that is not above `last_number`."),
        ("file altered", ACCEPT_FILE, "Compare the SHA-256 of each file with the list."),
        ("file missing", ACCEPT_MISSING, "Compare the whole list with all files, in both directions."),
        ("file smuggled in", ACCEPT_EXTRA, "Compare the whole list with all files, in both directions."),
        ("no list at all", ACCEPT_READ, "Verify first; read the list afterwards."),
    )
    for _ in range(4):
        names = [f"part-{number}.bin" for number in rng.permutation(100)[:3]]
        given = deliveries(f"house {rng.integers(1000)}", names)
        for case, message, next_step in judged:
            arguments = (given.packages[case], given.pinned, given.recipient, given.last_number)
            try:
                answer = attempt(value, *arguments)
            except Exception:
                if case != "no list at all":
                    raise
                return incorrect(message, next_step)
            if not isinstance(answer, bool | np.bool_):
                return incorrect(ACCEPT_KIND, "Return the comparison itself, such as `return a == b`.")
            if bool(answer) != (case in GOOD):
                return incorrect(message, next_step)
    return correct("Signed by the one you know, for you, new, and complete: all else stays outside.")
