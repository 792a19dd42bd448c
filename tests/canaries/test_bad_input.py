"""Every bad input gets its own sentence, which shows nothing, and leaves nothing behind."""

from __future__ import annotations

import re

import pytest

from secure_ai.access.database.schema import protect
from secure_ai.access.database.server import database
from secure_ai.core.errors import UserError
from synthetic_data import load

from .bad_input import CASES, Bench, new_ring

REQUIRED = {
    "wrong key", "wrong associated data", "truncated", "key version gone", "expired token", "unsigned token",
    "clock far off", "not running: LDAP", "not running: PostgreSQL", "wrong passphrase", "altered package",
    "refused handshake", "refused column",
}  # fmt: skip
MAY_CHANGE = {"work/.my.ring.lock"}
"""Locks are files that stay, so that two processes never hold different ones."""
DRAFT = "removed work/.out.txt."
"""Decryption writes chunk by chunk to a draft (mode 0600) beside the target: that is the plaintext which was
asked for, up to the chunk that is refused, and it is gone with the refusal."""
said: dict[str, str] = {}


@pytest.fixture(scope="module")
def hospital():
    """A protected database, started when the first case asks for it; it lies outside the watched place."""
    made = []

    def give():
        if not made:
            tables = dict(load("healthcare", rows=60, seed=1).tables)
            server = database(url="")
            made.append((server, protect(server, tables, "healthcare"), tables))
        _, protected, tables = made[0]
        staff, encounters = tables["staff"], tables["encounters"]
        physicians = staff.loc[staff["role"] == "physician", "staff_id"]
        visits = encounters[encounters["attending_staff_id"].isin(physicians)]
        return protected, str(visits["attending_staff_id"].iloc[0])

    yield give
    for server, protected, _ in made:
        protected.close_idle()
        server.close()


@pytest.fixture(scope="module", autouse=True)
def started_before_anything_is_watched(hospital):
    hospital()


def test_the_table_holds_every_bad_input_that_is_required():
    assert {name for name in REQUIRED if not any(case.startswith(name) for case in CASES)} == set()


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_in_one_sentence_that_shows_nothing_and_leaves_nothing(watch, hospital, case):
    provoke, kind, phrase = CASES[case]
    ring = watch.stack.enter_context(new_ring(watch))
    attempt = provoke(Bench(watch, ring, hospital))
    before = watch.files()
    with pytest.raises(UserError) as caught:
        attempt()
    sentence = str(caught.value)
    said[case] = sentence
    assert type(caught.value) is kind, sentence
    assert phrase in sentence
    assert is_one_sentence(sentence), sentence
    after = watch.files()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= MAY_CHANGE
    watch.raised(caught.value)
    assert [one for one in watch.found() if not one.where.startswith(DRAFT)] == []


def is_one_sentence(text: str) -> bool:
    """One line that ends like a sentence; a second one may say what to do."""
    return (
        "\n" not in text and 20 < len(text) < 300 and text.endswith(".") and len(re.findall(r"\. ", text)) < 2
    )


def test_the_sentences_differ_from_each_other():
    if len(said) < len(CASES):
        pytest.skip("some cases were not run here")
    same: dict[str, list[str]] = {}
    for case, sentence in said.items():
        same.setdefault(sentence, []).append(case)
    assert {sentence: cases for sentence, cases in same.items() if len(cases) > 1} == {}
