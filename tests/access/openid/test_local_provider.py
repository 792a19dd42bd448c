"""The local provider gives tokens only to the application that began a sign-in, and each secret once."""

from __future__ import annotations

import logging
import re
import socket
import threading
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from secure_ai.access.openid import errors
from secure_ai.access.openid.client import renew, sign_in_headless, sign_out, user_info
from secure_ai.access.openid.model import Client, Store, User
from secure_ai.access.openid.provider import local_provider
from secure_ai.access.openid.tokens import check_token
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError


def running_providers() -> int:
    """How many local providers this process runs."""
    return sum(thread.name == "local OpenID provider" for thread in threading.enumerate())


def test_a_sign_in_gives_tokens_that_hold_and_carry_groups_and_roles(provider, signed_in):
    access = check_token(
        signed_in.access_token, issuer=provider.issuer, audience=provider.audience, keys=provider.key_set
    )
    assert (access.subject, access.roles, access.groups) == ("nurse01", ("nurse",), ("ward-3",))
    assert access.client_id == "records-app" and access.expires_at - access.issued_at == 300
    assert signed_in.claims.roles == ("nurse",) and signed_in.claims.audience == ("records-app",)


def test_an_application_learns_only_what_it_asked_for(provider, password):
    few = sign_in_headless(provider, "nurse01", password, scope="openid")
    assert few.claims.roles == () and "name" not in few.claims.values
    assert user_info(few) == {"sub": "nurse01"}


WITHOUT_REDIRECT = {
    "no application": {"client_id": None},
    "unknown application": {"client_id": "stranger"},
    "no redirect address": {"redirect_uri": None},
    "longer path": {"redirect_uri": "http://127.0.0.1/callback/more"},
    "a query added": {"redirect_uri": "http://127.0.0.1/callback?next=evil"},
    "other host": {"redirect_uri": "https://evil.example.org/callback"},
    "loopback number as user name": {"redirect_uri": "http://127.0.0.1:80@evil.example.org/callback"},
    "other scheme": {"redirect_uri": "https://127.0.0.1/callback"},
    "upper case": {"redirect_uri": "HTTP://127.0.0.1/callback"},
    "localhost by name": {"redirect_uri": "http://localhost/callback"},
    "a quotation mark": {"redirect_uri": 'http://127.0.0.1/"'},
    "a port where none is registered": {
        "client_id": "web-app",
        "redirect_uri": "https://app.example.org:8443/back",
    },
    "response type with a quotation mark": {"response_type": 'to"ken', "redirect_uri": None},
}


@pytest.mark.parametrize("case", WITHOUT_REDIRECT)
def test_a_request_whose_address_is_not_certain_ends_on_the_providers_page(browser, case):
    answer = browser.ask(**WITHOUT_REDIRECT[case])
    assert answer.status_code == 400 and "Location" not in answer.headers
    assert "evil" not in answer.text and "stranger" not in answer.text


REFUSED_WITH_REDIRECT = {
    "no challenge": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "no challenge, method only": ({"code_challenge": None}, "invalid_request"),
    "plain challenge": ({"code_challenge_method": "plain"}, "invalid_request"),
    "no method, which means plain": ({"code_challenge_method": None}, "invalid_request"),
    "short challenge": ({"code_challenge": "abc"}, "invalid_request"),
    "implicit flow": ({"response_type": "token"}, "unsupported_response_type"),
    "implicit ID token": ({"response_type": "id_token"}, "unsupported_response_type"),
    "hybrid flow": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "scope that is not offered": ({"scope": "administration"}, "invalid_scope"),
    "no page may be shown": ({"prompt": "none"}, "login_required"),
}


@pytest.mark.parametrize("case", REFUSED_WITH_REDIRECT)
def test_an_unsafe_request_is_refused_and_the_answer_names_the_provider(browser, provider, case):
    changes, error = REFUSED_WITH_REDIRECT[case]
    answer = browser.ask(**changes)
    given = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert given["error"] == [error] and given["iss"] == [provider.issuer] and given["state"] == ["s"]
    assert "code" not in given


def test_a_loopback_address_may_have_any_port(browser):
    assert browser.ask(redirect_uri="http://127.0.0.1:50123/callback").status_code == 200


@pytest.mark.parametrize("doubled", ["client_id", "redirect_uri", "code_challenge", "nonce"])
def test_a_parameter_given_twice_is_refused(browser, doubled):
    query = browser.ask().url.params.add(doubled, "other").add("nonce", "n")
    assert browser.http.get("/authorize", params=query).status_code == 400


def test_a_foreign_host_name_is_refused(provider):
    answer = httpx.get(f"{provider.issuer}/keys", headers={"Host": "evil.example.org"}, trust_env=False)
    assert answer.status_code == 400


def test_the_page_says_who_asks_for_what_and_can_be_framed_by_nobody(browser):
    page = browser.ask()
    assert "Records &amp; &lt;more&gt;" in page.text and "your groups and roles" in page.text
    assert page.headers["X-Frame-Options"] == "DENY" and "script" not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("username", "word"),
    [("nurse01", "wrong"), ("nobody", "wrong"), ("", ""), ("nurse01", ""), ("nobody", "")],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_words(browser, username, word):
    answer = browser.answer(browser.ask(), username=username, password=word)
    assert answer.status_code == 401 and "or the one-time code is wrong" in answer.text
    assert "nobody" not in answer.text


def test_a_person_who_cancels_gives_no_code(browser):
    answer = browser.answer(browser.ask(), decision="deny")
    given = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert given["error"] == ["access_denied"] and "code" not in given


def test_a_form_counts_once_for_its_own_request_and_in_its_own_browser(
    browser, provider, password, open_browser
):
    login = {"username": "nurse01", "password": password}
    page = browser.ask()
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
    other_request = str(page.url).replace("state=s", "state=t")
    assert browser.http.post(other_request, data={"ticket": ticket, **login}).status_code == 400
    assert browser.answer(page, **login).status_code == 400, "the ticket was used up"
    page = browser.ask()
    with open_browser(provider).http as elsewhere:
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
        answer = elsewhere.post(str(page.url), data={"ticket": ticket, **login})
        assert answer.status_code == 400, "no cookie"
        assert browser.answer(page, **login).status_code == 302, "the ticket was not used up by it"
    page = browser.ask()
    assert browser.answer(page, **login, client_id="x").status_code == 400, "a parameter in the form"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/token", b""),
        ("POST", "/token", b"\xff\xfe=%zz"),
        ("POST", "/token", b"a" * 100_000),
        ("POST", "/authorize", b""),
        ("GET", "/nowhere", b""),
        ("POST", "/revoke", b""),
        ("POST", "/introspect", b"token=x"),
    ],
)
def test_a_malformed_request_gets_an_error_without_a_traceback(browser, method, path, body):
    answer = browser.http.request(
        method, path, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert 400 <= answer.status_code < 500 and "Traceback" not in answer.text


def test_a_basic_header_that_is_no_text_is_refused(browser):
    answer = browser.http.post(
        "/token", data={"grant_type": "authorization_code"}, headers={"Authorization": "Basic /////w=="}
    )
    assert answer.status_code in (400, 401)


def test_keys_rotate_without_breaking_tokens_until_the_old_ones_are_retired():
    with local_provider([User("a", password="p")], algorithm="ES256") as own:
        before = sign_in_headless(own, "a", "p")
        old = own.public_key_pem
        own.rotate_keys()
        after = sign_in_headless(own, "a", "p")
        assert own.public_key_pem != old and len(own.key_set["keys"]) == 2
        assert all("d" not in key for key in own.key_set["keys"])
        for found in (before, after):
            assert check_token(
                found.access_token, issuer=own.issuer, audience=own.audience, keys=found.provider
            )
        assert user_info(before)
        own.retire_keys()
        with pytest.raises(errors.UnknownKeyError):
            check_token(before.access_token, issuer=own.issuer, audience=own.audience, keys=own.key_set)
        assert user_info(after)


def test_codes_tokens_and_forms_expire_by_the_providers_clock(open_browser):
    clock = [1_800_000_000.0]
    with local_provider(
        [User("nurse01", password="p")],
        [Client("records-app")],
        algorithm="ES256",
        clock=lambda: clock[0],
    ) as own:
        browser = open_browser(own)
        code = browser.code("p")
        clock[0] += 61
        assert browser.trade(code).json()["error"] == "invalid_grant"
        page = browser.ask()
        clock[0] += 601
        assert browser.answer(page, username="nurse01", password="p").status_code == 400
        found = sign_in_headless(own, "nurse01", "p", now=lambda: clock[0])
        clock[0] += 301
        with pytest.raises(errors.SignInRefusedError):
            user_info(found)
        found = renew(found)
        assert user_info(found)
        clock[0] += 8 * 3600
        with pytest.raises(errors.SignInRefusedError):
            renew(found)


def test_passwords_and_second_factors_can_be_checked_elsewhere():
    asked: list[tuple[str, str, str]] = []

    def authenticate(username: str, password: str, one_time_code: str) -> bool:
        asked.append((username, password, one_time_code))
        if username == "locked":
            raise UserError("This account is locked.")
        return one_time_code == "123456"

    users = [User("a"), User("locked")]
    with local_provider(users, authenticate=authenticate, algorithm="ES256") as own:
        assert sign_in_headless(own, "a", "p", one_time_code=" 123456 ").claims.subject == "a"
        for username, code in (("a", ""), ("a", "654321"), ("locked", "123456"), ("nobody", "123456")):
            with pytest.raises(errors.SignInRefusedError, match="wrong"):
                sign_in_headless(own, username, "p", one_time_code=code)
    assert ("nobody", "p", "123456") in asked, "unknown names are asked for, too"


def test_a_check_that_says_neither_yes_nor_no_lets_nobody_in():
    with (
        local_provider([User("a")], authenticate=lambda *_: "maybe", algorithm="ES256") as own,  # type: ignore[arg-type,return-value]
        pytest.raises(errors.SignInRefusedError),
    ):
        sign_in_headless(own, "a", "p")


def test_a_check_that_fails_lets_nobody_in_and_shows_nothing(capfd, caplog, open_browser):
    def broken(username: str, password: str, one_time_code: str) -> bool:
        raise RuntimeError(f"canary {password}")

    with local_provider([User("a")], authenticate=broken, algorithm="ES256") as own:
        answer = open_browser(own).answer(open_browser(own).ask(), username="a", password="canary-pw")
        browser = open_browser(own)
        answer = browser.answer(browser.ask(), username="a", password="canary-pw")
    assert answer.status_code == 500 and "canary" not in answer.text
    assert "canary" not in caplog.text and "canary" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "arguments",
    [
        {"users": []},
        {"users": [User("a")]},
        {"users": [User("a", password="p")], "clients": []},
        {"users": [User("a", password="p")], "algorithm": "HS256"},
        {"users": [User("a", password="p")], "port": 70_000},
        {"users": [User("a", password="p")], "port": -1},
        {"users": [User("a", password="p"), User("a", password="q")]},
        {"users": [User("", password="p")]},
        {"users": [User("a", password="p")], "clients": [Client("x"), Client("x")]},
        {"users": [User("a", password="p")], "access_seconds": 0},
    ],
)
def test_a_provider_that_cannot_work_does_not_start(arguments):
    before = running_providers()
    with pytest.raises(UserError), local_provider(**arguments):
        pass
    assert running_providers() == before


def test_a_port_that_is_taken_is_an_error_not_an_exit(provider):
    port = urlsplit(provider.issuer).port
    with pytest.raises(UserError, match="taken"), local_provider([User("a", password="p")], port=port):
        pass


@pytest.mark.parametrize(
    "address",
    ["http://app.example.org/back", "https://*.example.org/back", "https://a.example/#x", "app:/x", "/x"],
)
def test_an_unsafe_redirect_address_cannot_be_registered(address):
    with pytest.raises(UserError, match="redirect address"):
        Client("a", redirect_uris=(address,))


def test_nothing_is_left_running_even_after_an_error():
    before = running_providers()
    with (
        pytest.raises(ZeroDivisionError),
        local_provider([User("a", password="p")], algorithm="ES256") as own,
    ):
        sign_in_headless(own, "a", "p")
        raise ZeroDivisionError
    assert running_providers() == before
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", urlsplit(own.issuer).port), 1):
        pass


def test_a_caller_that_goes_away_leaves_no_trace(provider, capfd, caplog):
    address = ("127.0.0.1", urlsplit(provider.issuer).port)
    for sent in (
        b"",
        b"GET /authorize?code=canary",
        b"\x16\x03\x01canary\r\n\r\n",
        b"GET /keys HTTP/9.9\r\n\r\n",
    ):
        with socket.create_connection(address, 5) as caller:
            caller.sendall(sent)
            caller.shutdown(socket.SHUT_WR)
            caller.recv(1000)
    assert httpx.get(f"{provider.issuer}/keys", trust_env=False).status_code == 200
    assert "canary" not in caplog.text and "".join(capfd.readouterr()) == ""


def test_no_secret_reaches_a_log_a_repr_the_output_or_the_audit(provider, password, audit, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    found = renew(sign_in_headless(provider, "nurse01", password))
    user_info(found)
    with pytest.raises(errors.SignInRefusedError) as refused:
        sign_in_headless(provider, "nurse01", password + "x")
    with pytest.raises(errors.SignInRefusedError):
        sign_in_headless(provider, password, "typed into the wrong field")
    sign_out(found)
    trail = "".join(event.to_json() for event in audit.events)
    shown = [caplog.text, *capfd.readouterr(), repr(found), repr(provider), str(refused.value), trail]
    shown += [found.to_frame().to_string(), found.sentence(), repr(provider.desk.store.users["nurse01"])]
    shown += [repr(client) for client in provider.clients]
    secrets = [password, found.access_token, found.refresh_token, found.id_token, "canary secret", "code="]
    for secret in secrets:
        assert not any(secret in text for text in shown)


def test_sign_ins_are_audited_under_the_account_or_as_unknown(provider, password):
    log = AuditLog()
    with local_provider([User("a", password="p")], algorithm="ES256", audit=log) as own:
        sign_in_headless(own, "a", "p")
        for username in ("a", "typed password"):
            with pytest.raises(errors.SignInRefusedError):
                sign_in_headless(own, username, "wrong")
    assert [(event.actor, event.outcome) for event in log.events] == [
        ("a", "allowed"),
        ("a", "denied"),
        ("unknown", "denied"),
    ]


def test_a_flood_of_sign_in_forms_fills_no_memory():
    store = Store([User("nurse01")], [Client("records-app")], lambda: 0.0)
    first = store.new_ticket("x" * 60_000, 600)
    tickets = [store.new_ticket("x" * 60_000, 600) for _ in range(1_500)]
    assert len(store._tickets) <= 1_000 and all(len(known) == 64 for known, _ in store._tickets.values())
    assert not store.take_ticket(first, "x" * 60_000)
    assert not store.take_ticket(tickets[-1], "y") and store.take_ticket(tickets[-2], "x" * 60_000)


def test_a_user_is_found_however_the_name_was_typed_and_no_two_look_alike():
    store = Store([User("nurse01")], [Client("records-app")], lambda: 0.0)
    assert store.user_named(" NURSE０１ ").username == "nurse01"
    assert store.user_named("nurse02") is None and store.user_named("\0") is None
    with pytest.raises(UserError, match="spelling"):
        Store([User("nurse01"), User("Nurse01")], [Client("records-app")], lambda: 0.0)
