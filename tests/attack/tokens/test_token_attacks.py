"""The attacks succeed against the careless check and provider, and ours holds against every one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from secure_ai.access.openid import errors
from secure_ai.access.openid.client import sign_in_headless
from secure_ai.access.openid.keys import SigningKeys, public_pem, sign
from secure_ai.access.openid.model import User
from secure_ai.access.openid.provider import LocalProvider, local_provider
from secure_ai.access.openid.tokens import check_token
from secure_ai.attack.tokens import codes, forge
from secure_ai.attack.tokens.careless import careless_check, careless_provider
from secure_ai.attack.tokens.table import (
    BELIEVED,
    COLUMNS,
    REFUSED,
    token_attack_sentence,
    token_attack_table,
)
from secure_ai.core.errors import UserError

ISSUER, SERVICE, NOW = "https://id.example.org", "https://records.example.org", 1_800_000_000
CLAIMS = {
    "iss": ISSUER,
    "aud": SERVICE,
    "sub": "clerk",
    "client_id": "app",
    "iat": NOW,
    "exp": NOW + 300,
    "jti": "1",
    "roles": ["clerk"],
}
USER = User("clerk", roles=("clerk",), password="p")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return token_attack_table()


@pytest.fixture(scope="module")
def tight() -> Iterator[LocalProvider]:
    with local_provider([USER], algorithm="ES256") as provider:
        yield provider


@pytest.fixture(scope="module")
def loose() -> Iterator[LocalProvider]:
    with careless_provider([USER]) as provider:
        yield provider


def check(token: str, keys: SigningKeys) -> object:
    return check_token(token, issuer=ISSUER, audience=SERVICE, keys=keys.key_set(), now=lambda: NOW)


def test_the_careful_side_holds_against_every_attack_and_says_why(table):
    attacks = table.iloc[1:]
    assert list(table.columns) == COLUMNS and len(attacks) >= 14
    assert (attacks["careful"] == REFUSED).all() and (attacks["reason"].str.len() > 20).all()


def test_the_careless_side_falls_for_all_attacks_that_need_no_luck(table):
    fell = table.set_index("attack")["careless"] == BELIEVED
    held = {name for name in table["attack"].iloc[1:] if not fell[name]}
    assert held == {
        "the attacker's key under the provider's key name",
        "another role under the old signature",
    }


def test_both_sides_accept_the_genuine_token(table):
    assert table.iloc[0, 1:].tolist() == ["accepts it", "accepts it", ""]


def test_the_table_is_the_same_at_each_run_and_its_sentence_counts_it(table):
    again = token_attack_table()
    assert again.equals(table)
    assert (
        token_attack_sentence(table) == "Of 14 attacks the careless side falls for 12; ours holds against 14."
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
def test_a_forged_role_is_believed_by_the_careless_check_only(algorithm):
    keys = SigningKeys(algorithm)
    token, pem = sign(CLAIMS, keys.current, typ="at+jwt"), public_pem(keys.current)
    forgeries = {
        errors.UnsignedTokenError: forge.forge_unsigned(token, roles=["administrator"]),
        errors.AlgorithmConfusionError: forge.confuse_algorithm(token, pem, roles=["administrator"]),
    }
    for kind, forged in forgeries.items():
        assert careless_check(forged, public_key_pem=pem)["roles"] == ["administrator"]
        with pytest.raises(kind):
            check(forged, keys)
    assert careless_check(token, public_key_pem=pem)["roles"] == ["clerk"]
    assert check(token, keys)


def test_a_key_name_leads_the_careless_check_out_of_its_folder(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "known.css").write_bytes(b"known to all")
    keys = SigningKeys("ES256")
    token = sign(CLAIMS, keys.current, typ="at+jwt")
    forged = forge.point_to_known_file(token, "../known.css", b"known to all", roles=["administrator"])
    found = careless_check(forged, public_key_pem=b"", key_folder=tmp_path / "keys")
    assert found["roles"] == ["administrator"]
    with pytest.raises(errors.AlgorithmConfusionError):
        check(forged, keys)


def test_even_the_careless_check_refuses_a_changed_claim():
    keys = SigningKeys("ES256")
    forged = forge.change_claims(sign(CLAIMS, keys.current, typ="at+jwt"), roles=["administrator"])
    with pytest.raises(UserError, match="Even the careless check"):
        careless_check(forged, public_key_pem=public_pem(keys.current))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "e30.e30", "W10.W10.", "e30.e30.x.y"])
def test_what_is_no_token_cannot_be_forged(text):
    with pytest.raises(UserError, match="no signed token"):
        forge.forge_unsigned(text)


ATTACKS = [
    codes.replay_code,
    codes.intercept_code_without_verifier,
    codes.ask_without_challenge,
    codes.reuse_refresh_token,
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_the_sign_in_succeeds_only_where_the_defense_is_missing(attack, loose, tight):
    succeeded, failed = attack(loose, "clerk", "p"), attack(tight, "clerk", "p")
    assert succeeded.succeeded and not failed.succeeded
    assert succeeded.reason and failed.reason != succeeded.reason


def test_the_first_sentence_of_what_is_wrong_on_purpose_says_so():
    from secure_ai.attack.tokens import careless

    for thing in (careless, careless_check, careless_provider, careless.CarelessProvider):
        assert thing.__doc__.startswith("Wrong on purpose")


def test_the_owner_can_still_sign_in_after_an_interception_was_stopped(tight):
    codes.intercept_code_without_verifier(tight, "clerk", "p")
    assert sign_in_headless(tight, "clerk", "p").claims.subject == "clerk"
