"""An application signs people in at any provider, and believes an answer only if it is the right one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
import pytest

from secure_ai.access.openid import errors
from secure_ai.access.openid.client import HEADLESS_REDIRECT, fill_in_form, sign_in, sign_in_headless
from secure_ai.access.openid.discovery import check_clock, clock_offset, discover
from secure_ai.access.openid.flow import CodeFlow
from secure_ai.access.openid.model import User
from secure_ai.access.openid.provider import local_provider

NOW = 1_800_000_000.0


class Person:
    """A person with a browser: opens the announced address, signs in, follows the way back."""

    def __init__(self, username: str, password: str, twist: Callable[[str], list[str]] | None = None) -> None:
        self.login = {"username": username, "password": password}
        self.twist = twist or (lambda location: [location])
        self.thread: threading.Thread | None = None
        self.pages: list[httpx.Response] = []

    def announce(self, text: str) -> None:
        self.thread = threading.Thread(target=self._go, args=(text.rpartition(" ")[2],))
        self.thread.start()

    def _go(self, address: str) -> None:
        with httpx.Client(trust_env=False) as browser:
            page = browser.get(address)
            ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
            answer = browser.post(address, data={"ticket": ticket, **self.login})
            for location in self.twist(answer.headers["Location"]):
                self.pages.append(browser.get(location))


@pytest.fixture
def started(provider) -> CodeFlow:
    return CodeFlow(
        discover(provider.issuer),
        "records-app",
        redirect_uri=HEADLESS_REDIRECT,
        scope="openid profile roles",
    )


@pytest.fixture
def answer(started, password) -> dict[str, str]:
    return fill_in_form(started, {"username": "nurse01", "password": password})


def test_a_person_signs_in_with_a_browser_and_the_answer_comes_to_this_machine(provider, password):
    person = Person("nurse01", password)
    found = sign_in(
        provider.discovery_url, "records-app", open_browser=False, announce=person.announce, timeout=20
    )
    person.thread.join()
    assert found.claims.subject == "nurse01" and found.access_token
    assert "go back to the application" in person.pages[0].text
    with pytest.raises(httpx.ConnectError):
        httpx.get(str(person.pages[0].url.copy_with(query=None)), trust_env=False)


def test_forged_answers_are_passed_over_while_the_right_one_is_awaited(provider, password):
    def twist(location: str) -> list[str]:
        back = location.partition("?")[0]
        return [f"{back}?code=x&state=forged", back, f"{back}/other?a=b", f"{location}&code=x", location]

    person = Person("nurse01", password, twist)
    assert sign_in(
        provider.issuer, "records-app", open_browser=False, announce=person.announce, timeout=20
    ).claims
    person.thread.join()
    assert [page.status_code for page in person.pages] == [200, 404, 404, 200, 200]


def test_nobody_signing_in_is_a_timeout_that_leaves_nothing_running(provider):
    with pytest.raises(errors.SignInTimeoutError, match="start it again"):
        sign_in(provider.issuer, "records-app", open_browser=False, announce=lambda _: None, timeout=0.1)
    assert "sign-in listener" not in {thread.name for thread in threading.enumerate()}


def test_a_cancelled_sign_in_says_so(provider, password):
    person = Person("nurse01", password)
    person.login = {"decision": "deny"}
    with pytest.raises(errors.SignInRefusedError, match="said no"):
        sign_in(provider.issuer, "records-app", open_browser=False, announce=person.announce, timeout=20)
    person.thread.join()


def test_the_account_of_a_sign_in_names_every_message_and_is_the_same_at_each_run(provider, password):
    first, second = (sign_in_headless(provider, "nurse01", password) for _ in range(2))
    table = first.to_frame()
    assert list(table.columns) == ["step", "from", "to", "message", "carries"] and len(table) == 10
    assert table.equals(second.to_frame()) and first.sentence() == second.sentence()
    shown = table.to_string()
    assert "code_challenge_method=S256" in shown and "code_verifier (random" in shown
    assert password not in shown and "nurse01" not in shown and "127.0.0.1:" not in shown


def test_an_answer_with_another_state_is_refused_before_anything_is_sent(started, answer):
    for state in ("other", "", "ä"):
        with pytest.raises(errors.StateMismatchError):
            started.finish(answer | {"state": state})
    assert started.finish(answer).claims.subject == "nurse01", "the code was not used up"


def test_an_answer_from_another_provider_or_from_none_is_refused(started, answer):
    with pytest.raises(errors.IssuerMismatchError):
        started.finish(answer | {"iss": "https://evil.example.org"})
    with pytest.raises(errors.IssuerMismatchError):
        started.finish({name: value for name, value in answer.items() if name != "iss"})


def test_an_error_answer_is_told_in_our_words_not_in_the_providers(started, answer):
    words = {"error": "<b>canary", "error_description": "canary"}
    with pytest.raises(errors.SignInRefusedError) as caught:
        started.finish({"state": answer["state"], "iss": answer["iss"], **words})
    assert "canary" not in str(caught.value)


def test_an_answer_without_a_code_is_refused(started, answer):
    with pytest.raises(errors.SignInError, match="no code"):
        started.finish({name: value for name, value in answer.items() if name != "code"})


def test_the_openid_scope_cannot_be_left_out(provider, password):
    with pytest.raises(errors.SignInError, match="openid"):
        sign_in_headless(provider, "nurse01", password, scope="profile")


def test_an_unknown_application_is_told_what_to_check(provider, password):
    with pytest.raises(errors.SignInRefusedError, match="its name and its redirect address"):
        sign_in_headless(provider, "nurse01", password, client_id="stranger")


def test_by_address_alone_the_application_must_be_named(provider, password):
    with pytest.raises(errors.SignInError, match="client_id"):
        sign_in_headless(provider.issuer, "nurse01", password)
    assert sign_in_headless(provider.issuer, "nurse01", password, client_id="records-app")


def test_a_provider_that_was_stopped_is_an_error_of_its_own():
    with local_provider([User("a", password="p")], algorithm="ES256") as own:
        pass
    with pytest.raises(errors.ProviderUnreachableError, match="check that it is running"):
        sign_in_headless(own, "a", "p")


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_far_off_is_said_with_its_direction(hours):
    with local_provider([User("a", password="p")], algorithm="ES256", clock=lambda: NOW) as own:
        here = NOW + hours * 3600
        with pytest.raises(errors.ClockOffError, match="about 3 hours off") as caught:
            sign_in_headless(own, "a", "p", now=lambda: here)
        assert ("fast" if hours > 0 else "slow") in str(caught.value)
        assert clock_offset(own.issuer, now=lambda: here) == hours * 3600
        assert check_clock(own.issuer, now=lambda: NOW + 30) == 30
        assert sign_in_headless(own, "a", "p", now=lambda: NOW + 30)
