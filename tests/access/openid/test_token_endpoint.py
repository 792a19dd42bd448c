"""Tokens are given for a code once, to the application that it belongs to, and can be taken back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from secure_ai.access.openid import errors, grants, keys
from secure_ai.access.openid.client import renew, sign_in_headless, sign_out, user_info

CHALLENGE = create_s256_code_challenge("v" * 43)

REFUSED_TRADES = {
    "no verifier": ({"code_verifier": None}, "invalid_request"),
    "wrong verifier": ({"code_verifier": "w" * 43}, "invalid_grant"),
    "the challenge as the verifier": ({"code_verifier": CHALLENGE}, "invalid_grant"),
    "other redirect address": ({"redirect_uri": "http://127.0.0.1:1/callback"}, "invalid_grant"),
    "no redirect address": ({"redirect_uri": None}, "invalid_grant"),
    "other application": ({"client_id": "web-app"}, "invalid_grant"),
    "unknown application": ({"client_id": "stranger"}, "invalid_client"),
    "a secret that nobody gave": ({"client_secret": "x"}, "invalid_client"),
    "no code": ({"code": None}, "invalid_request"),
    "invented code": ({"code": "x" * 48}, "invalid_grant"),
    "password grant": (
        {"grant_type": "password", "username": "nurse01", "password": "x"},
        "unsupported_grant_type",
    ),
    "client credentials": ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    "no grant": ({"grant_type": None}, "unsupported_grant_type"),
}


@pytest.mark.parametrize("case", REFUSED_TRADES)
def test_a_code_without_all_that_belongs_to_it_is_worthless(browser, password, case):
    changes, error = REFUSED_TRADES[case]
    answer = browser.trade(browser.code(password), **changes)
    assert answer.status_code in (400, 401) and answer.json()["error"] == error


def test_parameters_of_a_token_request_in_the_address_are_refused(browser, password):
    answer = browser.http.post(f"/token?grant_type=authorization_code&code={browser.code(password)}")
    assert answer.status_code == 400


def test_a_confidential_application_must_show_its_secret(provider, password):
    right = sign_in_headless(
        provider, "nurse01", password, client_id="records-service", client_secret="canary secret/+ä"
    )
    assert right.access_token and not right.refresh_token
    for secret in ("", "wrong"):
        with pytest.raises(errors.SignInRefusedError, match="name or secret"):
            sign_in_headless(provider, "nurse01", password, client_id="records-service", client_secret=secret)


def test_a_replayed_code_is_refused_and_takes_the_tokens_with_it(browser, provider, password, audit):
    code = browser.code(password)
    tokens = browser.trade(code).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert browser.http.get("/userinfo", headers=bearer).status_code == 200
    assert browser.trade(code).json()["error"] == "invalid_grant"
    assert browser.http.get("/userinfo", headers=bearer).status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert browser.http.post("/token", data=refresh | {"client_id": "records-app"}).status_code == 400
    event = audit.events[-1]
    assert event.action == "revoke_tokens" and event.alert


def test_of_many_requests_at_once_with_one_code_only_one_gets_tokens(
    browser, provider, password, monkeypatch, open_browser
):
    def slow_sign(*arguments: Any, **header: Any) -> str:
        # Between the look at the code and its deletion.
        time.sleep(0.05)
        return keys.sign(*arguments, **header)

    monkeypatch.setattr(grants, "sign", slow_sign)
    code = browser.code(password)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_browser(provider).trade(code).status_code, range(8)))
    assert sorted(found) == [200] + [400] * 7


def test_a_refresh_token_is_replaced_and_its_reuse_revokes_the_sign_in(provider, signed_in):
    renewed = renew(signed_in)
    assert renewed.refresh_token != signed_in.refresh_token
    assert user_info(renewed)["sub"] == "nurse01"
    with pytest.raises(errors.SignInRefusedError):
        renew(signed_in)
    with pytest.raises(errors.SignInRefusedError):
        renew(renewed)
    with pytest.raises(errors.SignInRefusedError):
        user_info(renewed)


def test_a_refresh_token_gives_no_more_than_was_granted_and_only_to_its_application(browser, signed_in):
    form = {"grant_type": "refresh_token", "refresh_token": signed_in.refresh_token}
    for extra in ({"client_id": "records-app", "scope": "openid email"}, {"client_id": "web-app"}):
        assert browser.http.post("/token", data=form | extra).status_code == 400


def test_after_signing_out_the_tokens_count_no_more(signed_in):
    sign_out(signed_in)
    with pytest.raises(errors.SignInRefusedError):
        user_info(signed_in)
    with pytest.raises(errors.SignInRefusedError):
        renew(signed_in)


def test_a_stranger_cannot_revoke_a_token(browser, signed_in):
    form = {"token": signed_in.access_token, "client_id": "web-app"}
    assert browser.http.post("/revoke", data=form).status_code == 400
    assert user_info(signed_in)


def test_only_an_application_with_a_secret_may_ask_whether_a_token_counts(browser, signed_in):
    form = {"token": signed_in.access_token}
    login = ("records-service", "canary%20secret%2F%2B%C3%A4")
    found = browser.http.post("/introspect", data=form, auth=login).json()
    assert found["active"] and found["sub"] == "nurse01"
    assert browser.http.post("/introspect", data=form | {"client_id": "records-app"}).status_code == 401
    assert browser.http.post("/introspect", data={"token": "x"}, auth=login).json() == {"active": False}
    sign_out(signed_in)
    assert browser.http.post("/introspect", data=form, auth=login).json() == {"active": False}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic abc", "Bearer " + "a" * 50_000])
def test_user_information_needs_a_token_that_counts(browser, header):
    assert browser.http.get("/userinfo", headers={"Authorization": header}).status_code == 401


def test_an_id_or_refresh_token_opens_no_user_information(browser, signed_in):
    for text in (signed_in.id_token, signed_in.refresh_token):
        assert browser.http.get("/userinfo", headers={"Authorization": f"Bearer {text}"}).status_code == 401
