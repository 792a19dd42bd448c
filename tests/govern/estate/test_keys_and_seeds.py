"""What a copy of the estate's folder must not give away: who was erased, and whose a pseudonym is."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.estate import Estate, build_estate
from secure_ai.govern.estate.suppression import Suppression
from tests.govern.estate.conftest import DAY, busiest

Build = Callable[..., Estate]


@pytest.fixture(autouse=True)
def cheap_tokens() -> None:
    """Keep the cost that users have: this file is about it."""


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_pseudonyms_come_from_no_seed_unless_one_is_asked_for(
    tmp_path: Path, tables: dict, sector: str
) -> None:
    made = [build_estate(tmp_path / str(n), sector, tables[sector], backup=False) for n in range(2)]
    first, second = (set(one.people.pseudonyms().values()) for one in made)
    assert len(first) == len(second) == len(made[0].people.keys())
    assert not first & second
    zero = build_estate(tmp_path / "zero", sector, tables[sector], seed=0, backup=False)
    assert not set(zero.people.pseudonyms().values()) & (first | second)


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_a_copy_of_the_estate_holds_the_list_of_the_erased_without_its_key(build: Build, sector: str) -> None:
    estate = build(sector, backup=False)
    person = busiest(estate)
    estate.erase(person, today=DAY, reference="R-1", search=False)
    assert estate.suppression.holds(person.identifiers, person.birth_date, person.key)
    key = estate.suppression.key_path
    assert estate.folder not in key.parents
    assert key.stat().st_mode & 0o077 == 0
    secret = key.read_bytes()
    assert not any(secret in path.read_bytes() for path in estate.files())


def test_a_key_beside_its_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another folder"):
        Suppression(tmp_path / "list.txt", tmp_path / "list.key")


def test_tokens_are_slow_to_guess(tmp_path: Path, build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    made = Suppression(tmp_path / "list" / "list.txt", tmp_path / "keys" / "list.key")
    assert made.add(person) > 3
    told = made.path.read_text(encoding="ascii")
    ssn = person.identifiers["ssn"][0].replace("-", "")
    quick = hmac.new(made.key_path.read_bytes(), f"ssn\0{ssn}".encode(), hashlib.sha256).hexdigest()
    assert quick[:32] not in told
    assert made.holds({"ssn": [ssn]})
    assert not made.holds({"ssn": ["992034286"]})
    assert made.add(person) == 0


def test_a_list_of_another_kind_is_told(tmp_path: Path) -> None:
    made = Suppression(tmp_path / "list" / "list.txt", tmp_path / "keys" / "list.key")
    made.path.parent.mkdir()
    made.path.write_text("0123456789abcdef0123456789abcdef\n", encoding="ascii")
    with pytest.raises(UserError, match="earlier version"):
        made.holds({"ssn": ["992034286"]})
