"""From the sign-in page to a row: provider, factors, directory, policy and PostgreSQL together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secure_ai.access.database.refusals import RefusedError
from secure_ai.access.database.schema import protect
from secure_ai.access.database.server import database
from secure_ai.access.identity.directory import DirectoryClient, DirectoryPasswords
from secure_ai.access.identity.directory_data import DirectoryContent
from secure_ai.access.identity.directory_server import directory_server, why_no_directory
from secure_ai.access.identity.lockout import SignInThrottle
from secure_ai.access.identity.password_hashing import FOR_TESTS
from secure_ai.access.identity.passwords import PasswordStore
from secure_ai.access.identity.roles import RoleMapping
from secure_ai.access.identity.sealing import KeySealer
from secure_ai.access.identity.second_factor import SecondFactors, current_code
from secure_ai.access.identity.sign_in import SignIn
from secure_ai.access.openid.client import sign_in_headless
from secure_ai.access.openid.errors import SignInRefusedError
from secure_ai.access.openid.model import User
from secure_ai.access.openid.provider import local_provider
from secure_ai.access.openid.tokens import check_token
from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.sectors import HEALTHCARE
from secure_ai.core.audit import AuditLog
from secure_ai.encrypt.secret_keys import random_key
from synthetic_data import load

PASSWORD = "seven silver spoons sing"
MAPPING = RoleMapping(groups={"role-physician": ["physician"], "role-nurse": ["nurse"]})


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def tables():
    return dict(load("healthcare", rows=100, seed=1).tables)


@pytest.fixture(scope="module")
def physician(tables):
    staff = tables["staff"].set_index("staff_id")
    attending = tables["encounters"]["attending_staff_id"]
    staff_id = next(one for one in attending if staff.loc[one, "role"] == "physician")
    return staff_id, str(staff.loc[staff_id, "username"])


def request(claims, relationship):
    return HEALTHCARE.request(
        {"id": claims.subject, "roles": claims.roles}, "view", "Demographics", "treatment",
        relationship=relationship,
    )  # fmt: skip


def test_who_signs_in_with_two_factors_reads_the_own_patients_and_nothing_else(tables, physician):
    staff_id, username = physician
    audit, clock = AuditLog(), Clock()
    passwords = PasswordStore(profile=FOR_TESTS)
    passwords.register(username, PASSWORD)
    factors = SecondFactors(KeySealer(random_key()))
    enrolled = factors.enroll(username)
    assert factors.confirm(username, current_code(enrolled.secret, clock.now), clock.now)
    door = SignIn(
        passwords, factors, throttle=SignInThrottle(cells=1 << 10), audit=audit,
        require_second_factor=True, clock=clock,
    )  # fmt: skip
    with (
        local_provider(
            [User(username, roles=("physician",))], authenticate=door.hook(), audit=audit
        ) as provider,
        database(url="") as opened,
    ):

        def enter(name=username, password=PASSWORD, code=None):
            code = current_code(enrolled.secret, clock.now) if code is None else code
            return sign_in_headless(provider, name, password, one_time_code=code)

        for wrong in ({"password": "seven golden spoons sing"}, {"code": ""}, {"name": "nobody"}):
            with pytest.raises(SignInRefusedError):
                enter(**wrong)
        clock.now += timedelta(minutes=5)
        signed_in = enter(name=username.upper())
        with pytest.raises(SignInRefusedError):  # the code was seen, and counts no second time
            enter()
        claims = check_token(
            signed_in.access_token, issuer=provider.issuer, audience=provider.audience, keys=provider.key_set
        )
        assert (claims.subject, claims.roles) == (username, ("physician",))

        policy = AccessPolicy.load("healthcare")
        assert policy.decide(request(claims, "care_team")).rules == ("care-team-views",)
        assert not policy.decide(request(claims, "none")).allowed

        protected = protect(opened, tables, "healthcare", audit=audit)
        in_charge = set(
            tables["encounters"].loc[tables["encounters"]["attending_staff_id"] == staff_id, "patient_id"]
        ) | set(tables["patients"].loc[tables["patients"]["primary_care_staff_id"] == staff_id, "patient_id"])
        with protected.as_user(staff_id, "treatment") as session:
            assert set(session.rows("SELECT patient_id FROM patients")["patient_id"]) == in_charge
            with pytest.raises(RefusedError):
                session.rows("SELECT ssn FROM patients")
        with pytest.raises(RefusedError):
            protected.as_user(staff_id, "payment")
    trail = audit.to_frame().to_string()
    for secret in (PASSWORD, enrolled.secret, signed_in.access_token, *tables["patients"]["last_name"][:20]):
        assert secret not in trail


@pytest.mark.skipif(bool(why_no_directory()), reason=why_no_directory())
def test_a_password_of_the_directory_and_its_groups_open_the_same_door(tables, physician):
    _, username = physician
    staff = tables["staff"][["staff_id", "username", "role", "department"]].head(40)
    staff = staff if username in set(staff["username"]) else tables["staff"][list(staff.columns)]
    with directory_server(DirectoryContent(staff, {username: PASSWORD}), profile=FOR_TESTS) as server:
        client = DirectoryClient(
            server.ldaps_url, server.base, server.reader, server.reader_password, ca=server.authority
        )
        roles = client.roles_of(username, MAPPING)
        door = SignIn(DirectoryPasswords(client), throttle=SignInThrottle(cells=1 << 10))
        with local_provider([User(username, roles=roles)], authenticate=door.hook()) as provider:
            claims = sign_in_headless(provider, username, PASSWORD).claims
            with pytest.raises(SignInRefusedError):
                sign_in_headless(provider, username, "seven golden spoons sing")
    assert claims.roles == roles == ("physician",)
    assert AccessPolicy.load("healthcare").decide(request(claims, "care_team")).allowed
