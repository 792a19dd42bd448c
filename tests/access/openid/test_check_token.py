"""A token counts only if everything about it holds, and each reason to refuse it is an error of its own."""

from __future__ import annotations

import base64
import json
import string
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet, OctKey

from secure_ai.access.openid import errors
from secure_ai.access.openid.keys import SIGNING_ALGORITHMS, SigningKeys, new_signing_key, public_keys, sign
from secure_ai.access.openid.tokens import MAX_TOKEN_CHARACTERS, ReplayStore, check_token
from secure_ai.core.errors import UserError

ISSUER, SERVICE, NOW = "https://id.example.org", "https://records.example.org", 1_800_000_000
KEYS = SigningKeys("ES256")
CANARY = "canary-subject-4711"
CLAIMS = {
    "iss": ISSUER,
    "aud": SERVICE,
    "sub": CANARY,
    "client_id": "app",
    "iat": NOW - 10,
    "exp": NOW + 290,
    "jti": "n1",
    "scope": "openid roles",
    "roles": ["nurse"],
}


def token(header: dict[str, Any] | None = None, *, drop: str = "", **changes: Any) -> str:
    """A signed access token, with claims changed or dropped."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if name != drop}
    return sign(claims, KEYS.current, **({"typ": "at+jwt"} | (header or {})))


def check(text: Any, **more: Any) -> Any:
    """Our check at a fixed time."""
    settings = {"issuer": ISSUER, "audience": SERVICE, "keys": KEYS.key_set(), "now": lambda: NOW}
    return check_token(text, **(settings | more))


def part(value: Any) -> str:
    """A value as a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(**header: Any) -> str:
    """A genuine token whose header was replaced."""
    return ".".join([part({"alg": "ES256", "typ": "at+jwt"} | header), *token().split(".")[1:]])


def with_payload(raw: bytes) -> str:
    """A payload of any form under a genuine-looking header."""
    return f"{token().split('.')[0]}.{part(raw)}.{'A' * 86}"


def test_a_genuine_token_is_accepted_and_read():
    found = check(token())
    assert (found.subject, found.roles, found.scopes) == (CANARY, ("nurse",), ("openid", "roles"))
    assert found.audience == (SERVICE,) and found.algorithm == "ES256"


@pytest.mark.parametrize("algorithm", SIGNING_ALGORITHMS)
def test_each_signing_algorithm_works_and_names_its_key(algorithm):
    keys = SigningKeys(algorithm)
    text = sign(CLAIMS, keys.current, typ="at+jwt")
    assert check(text, keys=keys.key_set()).algorithm == algorithm
    with pytest.raises(errors.UnknownKeyError):
        check(text)


other_key = new_signing_key("ES256")
REFUSED = {
    "not text": (None, errors.MalformedTokenError),
    "bytes": (b"a.b.c", errors.MalformedTokenError),
    "empty": ("", errors.MalformedTokenError),
    "words": ("no token", errors.MalformedTokenError),
    "with Bearer": ("Bearer " + token(), errors.MalformedTokenError),
    "two parts": (".".join(token().split(".")[:2]), errors.MalformedTokenError),
    "encrypted, five parts": ("a.b.c.d.e", errors.MalformedTokenError),
    "cut off": (token()[:-1], errors.MalformedTokenError),
    "line break at the end": (token() + "\n", errors.MalformedTokenError),
    "not ASCII": (token() + "ä", errors.MalformedTokenError),
    "padding": (token() + "==", errors.MalformedTokenError),
    "header a list": (f"{part(['alg'])}.{part({})}.", errors.MalformedTokenError),
    "header without algorithm": (f"{part({})}.{part({})}.", errors.MalformedTokenError),
    "algorithm no text": (with_header(alg=["ES256"]), errors.MalformedTokenError),
    "key name no text": (with_header(kid=7), errors.MalformedTokenError),
    "critical extension": (with_header(crit=["b64"], b64=False), errors.MalformedTokenError),
    "payload no JSON": (with_payload(b"hello"), errors.MalformedTokenError),
    "payload a list": (with_payload(b"[]"), errors.MalformedTokenError),
    "a claim twice": (with_payload(b'{"aud":"a","aud":"b"}'), errors.MalformedTokenError),
    "endless nesting": (with_payload(b"[" * 9_000), errors.MalformedTokenError),
    "not a number": (with_payload(b'{"exp":NaN}'), errors.MalformedTokenError),
    "endless digits": (with_payload(b'{"exp":' + b"9" * 8_000 + b"}"), errors.MalformedTokenError),
    "huge": ("a" * (MAX_TOKEN_CHARACTERS + 1), errors.OversizedTokenError),
    "unsigned": (with_header(alg="none").rpartition(".")[0] + ".", errors.UnsignedTokenError),
    "unsigned, other letters": (with_header(alg="nOnE"), errors.UnsignedTokenError),
    "shared secret": (with_header(alg="HS256"), errors.AlgorithmConfusionError),
    "algorithm not on the list": (with_header(alg="ES384"), errors.AlgorithmNotAllowedError),
    "algorithm unknown": (with_header(alg="XX1"), errors.AlgorithmNotAllowedError),
    "algorithm of another key type": (
        with_header(alg="RS256", kid=KEYS.current.kid),
        errors.AlgorithmNotAllowedError,
    ),
    "unknown key": (sign(CLAIMS, other_key, typ="at+jwt"), errors.UnknownKeyError),
    "own key in the header": (
        sign(CLAIMS, other_key, typ="at+jwt", jwk=other_key.as_dict(private=False)),
        errors.UnknownKeyError,
    ),
    "signed by another": (
        sign(CLAIMS, other_key, typ="at+jwt", kid=KEYS.current.kid),
        errors.BadSignatureError,
    ),
    "signature taken away": (token().rpartition(".")[0] + ".", errors.BadSignatureError),
    "ID token": (token({"typ": "JWT"}), errors.WrongTypeError),
    "other issuer": (token(iss="https://evil.example.org"), errors.WrongIssuerError),
    "issuer with a slash": (token(iss=ISSUER + "/"), errors.WrongIssuerError),
    "issuer a list": (token(iss=[ISSUER]), errors.WrongIssuerError),
    "other audience": (token(aud="https://canteen.example.org"), errors.WrongAudienceError),
    "audience in part": (token(aud=SERVICE + ".evil.example"), errors.WrongAudienceError),
    "audience empty": (token(aud=[]), errors.WrongAudienceError),
    "audience a number": (token(aud=7), errors.MalformedTokenError),
    "expired": (token(iat=NOW - 999, exp=NOW - 61), errors.ExpiredTokenError),
    "expired long ago": (token(iat=0, exp=1), errors.ExpiredTokenError),
    "never expires, as text": (token(exp="never"), errors.MalformedTokenError),
    "expiry true": (token(exp=True), errors.MalformedTokenError),
    "expiry beyond all numbers": (token(exp=10**400), errors.MalformedTokenError),
    "not yet valid": (token(nbf=NOW + 61), errors.NotYetValidError),
    "issued in the future": (token(iat=NOW + 61, exp=NOW + 300), errors.IssuedInFutureError),
    "subject a number": (token(sub=7), errors.MalformedTokenError),
    **{
        f"without {name}": (token(drop=name), errors.MissingClaimError)
        for name in ("iss", "aud", "sub", "exp", "iat", "client_id", "jti")
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_bad_token_gets_its_own_reason_that_shows_nothing_of_it(case):
    text, kind = REFUSED[case]
    with pytest.raises(UserError) as caught:
        check(text)
    assert type(caught.value) is kind, str(caught.value)
    shown = "".join(traceback.format_exception(caught.value)[-1:])
    assert CANARY not in shown and "evil" not in shown and "canteen" not in shown
    assert caught.value.__cause__ is None
    if caught.value.__context__ is not None:
        assert caught.value.__suppress_context__, "the chain would show what the reader choked on"


GENUINE = token()


@settings(deadline=None)
@given(st.integers(0, len(GENUINE) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ \n"))
def test_a_token_with_any_single_character_changed_is_refused(place, letter):
    if GENUINE[place] == letter:
        return
    with pytest.raises(errors.TokenError):
        check(GENUINE[:place] + letter + GENUINE[place + 1 :])


@settings(deadline=None)
@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.lists(st.text(), max_size=2)))
def test_whatever_comes_instead_of_a_token_is_refused_with_a_sentence(anything):
    with pytest.raises(errors.TokenError):
        check(anything)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*CLAIMS, "nbf", "azp", "nonce", "groups"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner, max_size=2),
            max_leaves=3,
        ),
        max_size=3,
    )
)
def test_signed_claims_of_any_form_are_accepted_or_refused_never_a_crash(changes):
    try:
        found = check(token(**changes))
    except errors.TokenError:
        return
    assert found.issuer == ISSUER and SERVICE in found.audience and found.expires_at > NOW - 60


def test_clocks_may_differ_by_the_leeway_and_no_more():
    edge = token(iat=NOW - 300, exp=NOW - 59)
    assert check(edge)
    with pytest.raises(errors.ExpiredTokenError):
        check(edge, leeway=0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(120, "about 2 minutes"), (7_200, "about 2 hours"), (90_000_000, "more than a day")],
)
def test_the_error_says_roughly_how_far_off_the_clock_is(seconds, words):
    with pytest.raises(errors.IssuedInFutureError, match=words):
        check(token(iat=NOW + seconds, exp=NOW + seconds + 300))
    with pytest.raises(errors.ExpiredTokenError, match=words):
        check(token(iat=0, exp=NOW - seconds))


def test_an_access_token_is_not_taken_for_an_id_token():
    with pytest.raises(errors.WrongTypeError):
        check(token(), kind="id")


def test_an_id_token_for_several_must_name_this_application_as_the_one_that_asked():
    several = {"aud": ["app", "other"]}
    assert check(token({"typ": "JWT"}, **several, azp="app"), kind="id", audience="app")
    for azp in ({"azp": "other"}, {}):
        with pytest.raises(errors.WrongAudienceError):
            check(token({"typ": "JWT"}, **several, **azp), kind="id", audience="app")


@pytest.mark.parametrize("nonce", ["another", 7, None])
def test_an_id_token_that_answers_another_sign_in_is_refused(nonce):
    text = token({"typ": "JWT"}, aud="app", nonce=nonce)
    with pytest.raises(errors.WrongNonceError):
        check(text, kind="id", audience="app", nonce="mine")
    assert check(token({"typ": "JWT"}, aud="app", nonce="mine"), kind="id", audience="app", nonce="mine")


def test_a_token_that_counts_once_is_refused_the_second_time():
    seen = ReplayStore(lambda: NOW)
    assert check(token(), replays=seen)
    with pytest.raises(errors.ReplayedTokenError):
        check(token(), replays=seen)
    assert check(token(jti="n2"), replays=seen)


def test_a_refused_token_does_not_use_up_its_number():
    seen = ReplayStore(lambda: NOW)
    with pytest.raises(errors.BadSignatureError):
        check(REFUSED["signed by another"][0], replays=seen)
    assert check(token(), replays=seen)


def test_a_further_claim_can_be_required():
    with pytest.raises(errors.MissingClaimError, match="groups"):
        check(token(), required=["groups"])


def test_a_provider_with_other_type_names_can_be_allowed_by_name():
    assert check(token({"typ": "JWT"}), types=["JWT"])


UNSAFE = [
    {"algorithms": ["none"]},
    {"algorithms": ["HS256"]},
    {"algorithms": []},
    {"algorithms": "RS256"},
    {"issuer": ""},
    {"audience": ""},
    {"audience": ["a"]},
    {"kind": "refresh"},
    {"leeway": 1e9},
    {"leeway": -1},
    {"leeway": float("nan")},
    {"keys": {}},
    {"keys": {"keys": "no list"}},
]


@pytest.mark.parametrize("settings", UNSAFE, ids=lambda settings: str(next(iter(settings))))
def test_unsafe_settings_are_refused(settings):
    with pytest.raises(UserError) as caught:
        check(token(), **settings)
    assert not isinstance(caught.value, errors.TokenError)


def test_secrets_weak_keys_and_broken_keys_in_a_key_set_are_never_used():
    secret = OctKey.generate_key(256, {"alg": "HS256"}, auto_kid=True).as_dict()
    weak = {**new_signing_key("RS256").as_dict(private=False), "n": "AQAB"}
    encryption = {**new_signing_key("ES256").as_dict(private=False), "use": "enc"}
    broken = {"kty": "EC", "crv": "P-256", "x": "?", "y": 7}
    good = KEYS.key_set()["keys"][0]
    found = public_keys({"keys": [secret, weak, encryption, broken, "x", None, {"kty": []}, good]})
    assert [key.kid for key in found] == [KEYS.current.kid]


def test_a_token_that_names_no_key_is_checked_only_where_one_key_can_be_meant():
    alone = sign(CLAIMS, KEYS.current, typ="at+jwt")
    nameless = sign_nameless()
    assert check(alone) and check(nameless)
    both = {"keys": [*KEYS.key_set()["keys"], other_key.as_dict(private=False)]}
    assert check(alone, keys=both)
    with pytest.raises(errors.UnknownKeyError):
        check(nameless, keys=both)


def sign_nameless() -> str:
    """A token without ``kid``."""
    from joserfc import jwt

    return jwt.encode({"alg": "ES256", "typ": "at+jwt"}, dict(CLAIMS), KEYS.current)


def test_private_keys_given_by_mistake_are_used_as_public_ones():
    assert check(token(), keys=KeySet([KEYS.current]))


def test_neither_repr_nor_sentence_shows_who_the_token_is_about():
    found = check(token())
    assert CANARY not in repr(found) and CANARY not in found.sentence()
    assert CANARY in found.to_frame()["value"].tolist()


def test_the_account_of_a_token_is_the_same_at_each_run():
    early, late = check(token()), check(token(jti="n2", iat=NOW - 5, exp=NOW + 295))
    assert early.to_frame().equals(late.to_frame()) and early.sentence() == late.sentence()
