"""What the tasks of chapter 07 are checked on: a ring in use, a house with backups, a vendor's packages."""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import (
    UNSAFE_COST_FOR_TESTS,
    LocalKeyRing,
    PersonKeys,
    ShreddingProof,
    WrappedKey,
    prove_shredded,
)
from secure_ai.encrypt.key_rings.ring_file import MAGIC as RING_MAGIC
from secure_ai.learn.engine import fresh

Stored = list[tuple[WrappedKey, dict[str, str]]]
TABLE_COPY, RING_COPY, RECORDS_COPY = "persons.db", "house.ring", "records.json"


@dataclass
class UsedRing:
    """A ring after some years of use.

    Attributes:
        ring: a ring in memory with this key and one named ``neighbor``, which has two versions.
        name: the key that is to be rotated.
        stored: the wrapped data keys, each with its context.
        secrets: what they open to, in the same order.
        damaged: position of the one that does not open, None if all do.
    """

    ring: LocalKeyRing
    name: str
    stored: Stored = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)
    damaged: int | None = None

    def states(self, name: str) -> list[str]:
        """Return the state of each version of the key ``name``, the oldest first."""
        return [version.state for version in self.ring.versions(name)]

    def opened(self, wrapped: WrappedKey, position: int) -> bytes | None:
        """Return what ``wrapped`` opens to with the context noted at ``position``, None if to nothing."""
        try:
            return self.ring.unwrap(wrapped, self.stored[position][1])
        except UserError:
            return None


def used_ring(rng: np.random.Generator, *, gone: bool = False, damaged: bool = False) -> UsedRing:
    """Return a ring whose key has three versions, each of which wraps data keys.

    Args:
        rng: draws names and numbers.
        gone: let there be a version before them, destroyed long ago.
        damaged: let one data key not open.
    """
    name = f"records-{rng.integers(1000)}"
    made = UsedRing(LocalKeyRing.in_memory(name, "neighbor"), name)
    made.ring.rotate("neighbor")
    if gone:
        made.ring.rotate(name)
        made.ring.destroy(name, "1")
    for turn in range(3):
        if turn:
            made.ring.rotate(name)
        for _ in range(int(rng.integers(2, 4))):
            context = {"table": f"table-{rng.integers(100)}", "part": str(len(made.stored))}
            key = made.ring.new_data_key(name, context)
            made.stored.append((key.wrapped, context))
            made.secrets.append(key.secret)
    if damaged:
        made.damaged = int(rng.integers(len(made.stored)))
        wrapped, context = made.stored[made.damaged]
        # Noted with another context than it was made for, as after a slip in a table.
        made.stored[made.damaged] = (wrapped, {**context, "part": "unknown"})
    return made


@dataclass(frozen=True)
class House:
    """Keys of persons, their sealed records, and last night's backups.

    Attributes:
        keys: the table of person keys, with its ring.
        backups: a folder with copies of the key table, the ring and the records.
        records: the sealed record of each person.
        passphrase: the ring's.
    """

    keys: PersonKeys
    backups: Path
    records: dict[str, bytes] = field(repr=False)
    passphrase: str = field(repr=False)

    def reader(self, person: str) -> Callable[[PersonKeys], bytes]:
        """Return a function that reads the record of ``person`` with the keys it is given."""
        return lambda keys: keys.unseal(person, self.records[person])

    def proof(self, person: str) -> ShreddingProof:
        """Try to read the record of ``person`` with all live keys and all copies in the backups."""
        tables, rings = self._copies()
        return prove_shredded(
            self.keys,
            person,
            {"the record": self.reader(person)},
            table_copies=tables,
            ring_copies=rings,
            passphrase=self.passphrase,
            others={name: self.reader(name) for name in self.records if name != person},
        )

    def records_kept(self, without: str) -> bool:
        """Whether the backups still hold the records of all but the person ``without``."""
        try:
            kept = json.loads((self.backups / RECORDS_COPY).read_text())
            return all(kept[name] == one.hex() for name, one in self.records.items() if name != without)
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def restorable(self, without: str) -> bool:
        """Whether the backups alone open the records of all but the person ``without``."""
        for table, ring_path in itertools.product(*self._copies()):
            try:
                with (
                    LocalKeyRing.open(ring_path, self.passphrase) as ring,
                    PersonKeys.open(table, ring, read_only=True) as keys,
                ):
                    for name in self.records:
                        if name != without:
                            self.reader(name)(keys)
            except UserError:
                continue
            return True
        return False

    def _copies(self) -> tuple[list[Path], list[Path]]:
        """Return the key tables and the rings among the backups, whatever they are called."""
        files = sorted(path for path in self.backups.rglob("*") if path.is_file())
        heads = {path: path.read_bytes()[:16] for path in files}
        tables = [path for path, head in heads.items() if head.startswith(b"SQLite format 3")]
        rings = [path for path, head in heads.items() if head.startswith(RING_MAGIC)]
        for path in rings:
            path.chmod(0o600)  # a copy has the mode of its maker's habits, and an open ring warns of that
        return tables, rings


@contextmanager
def house_with_backups(records: Mapping[str, bytes]) -> Iterator[House]:
    """Give a house in a folder that vanishes: a key for each person, records sealed with it, and backups.

    Args:
        records: what is to be sealed, for each person's identifier.
    """
    with tempfile.TemporaryDirectory(prefix="secure-ai-lab-") as folder, warnings.catch_warnings():
        # This ring lives for a moment: its passphrase may be cheap to try.
        warnings.filterwarnings("ignore", message=".*cheap to guess.*")
        place, backups, passphrase = Path(folder), Path(folder) / "backups", secrets.token_hex(16)
        backups.mkdir()
        ring = LocalKeyRing.create(place / RING_COPY, passphrase, cost=UNSAFE_COST_FOR_TESTS)
        with ring, PersonKeys.create(place / TABLE_COPY, ring, groups=2) as keys:
            keys.add(records)
            sealed = {person: keys.seal(person, record) for person, record in records.items()}
            keys.backup(backups / TABLE_COPY)
            ring.backup(backups / RING_COPY)
            (backups / RECORDS_COPY).write_text(json.dumps({name: one.hex() for name, one in sealed.items()}))
            yield House(keys, backups, sealed, passphrase)


@dataclass(frozen=True)
class Package:
    """What a vendor sends, as it came.

    Attributes:
        manifest: the list of contents, JSON as bytes: ``recipient``, ``number`` and ``files``, which has the
            SHA-256 of each file in hexadecimal digits.
        signature: 64 bytes that are said to be the vendor's signature of ``manifest``.
        sender_key: the public key that the sender enclosed.
        files: the content of each file by its name.
    """

    manifest: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    sender_key: Ed25519PublicKey = field(repr=False)
    files: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Deliveries:
    """Packages of one vendor, and what the recipient knew before.

    Attributes:
        pinned: the vendor's public key, received by another way.
        recipient: the recipient's own name.
        last_number: the number of the last package that was accepted.
        packages: each by what is the matter with it; ``"in order"`` and ``"a number was left out"`` are good.
    """

    pinned: Ed25519PublicKey
    recipient: str
    last_number: int
    packages: dict[str, Package]


GOOD = ("in order", "a number was left out")


def deliveries(recipient: str = "hospital", files: Sequence[str] = ("model.bin", "card.txt")) -> Deliveries:
    """Return packages of an invented vendor, two good ones and others, with fresh keys and contents."""
    rng = fresh()
    vendor, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    last = int(rng.integers(3, 900))
    contents = {name: rng.bytes(40) for name in files}
    first = next(iter(contents))

    def sealed(number: int, key: Ed25519PrivateKey = vendor, to: str = recipient) -> Package:
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        manifest = json.dumps({"recipient": to, "number": number, "files": digests}).encode()
        return Package(manifest, key.sign(manifest), key.public_key(), dict(contents))

    good = sealed(last + 1)
    other = rng.bytes(40)
    before, after = (hashlib.sha256(content).hexdigest().encode() for content in (contents[first], other))
    packages = {
        "in order": good,
        "a number was left out": sealed(last + int(rng.integers(2, 9))),
        "list of contents altered": replace(
            good, manifest=good.manifest.replace(before, after), files={**contents, first: other}
        ),
        "signed by a stranger": sealed(last + 1, stranger),
        "for somebody else": sealed(last + 1, to="another house"),
        "the last one again": sealed(last),
        "an older one again": sealed(last - int(rng.integers(1, 3))),
        "file altered": replace(good, files={**contents, first: other}),
        "file missing": replace(good, files={n: c for n, c in contents.items() if n != first}),
        "file smuggled in": replace(good, files={**contents, "setup.py": rng.bytes(30)}),
        "no list at all": replace(good, manifest=rng.bytes(60)),
    }
    return Deliveries(vendor.public_key(), recipient, last, packages)
