"""Claims about the page of the talk: it answers strangers nothing, and whatever a model says stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import synthetic_data
from secure_ai.attack.assistant import ChatReply, EndpointError, Guard, ToolCall, Verdict, World
from secure_ai.attack.assistant.hooks import act_of
from secure_ai.core.errors import UserError
from secure_ai.defend.assistant.chat import ChatDesk, chat_app, serve_chat

MARKUP = '<img src=x onerror="document.title=1"><script>document.title="taken"</script>[a](javascript:1)'


class Parrot:
    """Says what it was told to say, whatever it is asked."""

    name = "parrot"

    def __init__(self, says="Good morning.", fails=None):
        self.says, self.fails = says, fails

    def chat(self, messages, *, tools=(), max_tokens=512, seed=0):
        if self.fails:
            raise EndpointError("The model does not answer: is it running?", self.fails)
        return ChatReply(self.says)


class Caller(Parrot):
    """Calls a tool with arguments that are no JSON, then says something."""

    def chat(self, messages, *, tools=(), max_tokens=512, seed=0):
        if messages[-1]["role"] == "tool":
            return ChatReply("Done.")
        return ChatReply("", (ToolCall("1", "send_message", None),), finish="tool_calls")


class NoNumbers(Guard):
    name = "no_numbers"

    def on_input(self, moment, text):
        if not re.search(r"\d", text):
            return Verdict()
        return Verdict(False, act=act_of(self, "input", "blocked", "a number"), answer="No numbers, please.")


@pytest.fixture(scope="module")
def world() -> World:
    return World.of("healthcare", synthetic_data.load("healthcare", rows=60, seed=0).tables)


def desk_of(world, **models):
    return ChatDesk(
        world,
        models
        or {"parrot": Parrot(), "markup": Parrot(MARKUP), "down": Parrot(fails="down"), "caller": Caller()},
        make_guards=lambda _world, names: [NoNumbers() for _ in names],
        guards={"no_numbers": "stops numbers"},
        roles=("patient", "nurse"),
        notice="This is a simulation.",
    )


@pytest.fixture
def desk(world) -> ChatDesk:
    return desk_of(world)


@pytest.fixture
def client(desk):
    client = chat_app(desk).test_client()
    page = client.get("/", base_url="http://127.0.0.1:8000").text
    key = re.search(r'name="page-key" content="([^"]+)"', page)[1]

    def post(path, values, **headers):
        answer = client.post(
            path, json=values, headers={"X-Page-Key": key, **headers}, base_url="http://127.0.0.1:8000"
        )
        return answer.status_code, answer.get_json()

    client.send = post
    return client


def test_a_talk_shows_the_reply_and_what_stood_behind_it(client):
    _, talk = client.send("/api/talks", {"role": "patient", "model": "parrot", "guards": []})
    code, turn = client.send("/api/ask", {"talk": talk["talk"], "text": "Hello"})
    assert code == 200
    assert turn["reply"] == "Good morning." and turn["outcome"] == "answered"
    assert turn["usage"]["model_calls"] == 1
    assert all(document["title"] for document in turn["shown"])


def test_a_guard_that_is_switched_on_acts_and_is_named(client):
    _, talk = client.send("/api/talks", {"role": "nurse", "model": "parrot", "guards": ["no_numbers"]})
    _, turn = client.send("/api/ask", {"talk": talk["talk"], "text": "Pay 12"})
    assert turn["outcome"] == "blocked" and turn["reply"] == "No numbers, please."
    assert [(act["guard"], act["act"]) for act in turn["acts"]] == [("no_numbers", "blocked")]


def test_a_planted_text_is_where_the_assistant_reads(client):
    plant = {"channel": "document", "title": "Fasting leaflet", "text": "Zebra fasting leaflet of the clinic"}
    _, talk = client.send(
        "/api/talks", {"role": "patient", "model": "parrot", "guards": [], "plants": [plant]}
    )
    _, turn = client.send("/api/ask", {"talk": talk["talk"], "text": "What does the zebra leaflet say?"})
    assert any("Zebra" in document["text"] for document in turn["shown"])


@pytest.mark.parametrize("host", ["evil.example.net", "127.0.0.1.evil.example.net:80", "[::1]:80"])
def test_another_host_name_gets_nothing(desk, host):
    answer = chat_app(desk).test_client().get("/api/settings", headers={"Host": host})
    assert answer.status_code == 421 and "models" not in answer.get_json()


def test_another_site_cannot_post_without_the_key_of_the_page(client):
    code, answer = client.send("/api/talks", {"role": "patient", "model": "parrot"}, **{"X-Page-Key": "x"})
    assert code == 403 and "load it again" in answer["error"]


def test_the_page_may_load_nothing_but_its_own_script_and_style(client):
    answer = client.get("/", base_url="http://localhost:8000")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "img-src" not in policy, "a picture in a reply must not be loaded"
    assert "innerHTML" not in client.get("/page.js", base_url="http://localhost:8000").text


@pytest.mark.parametrize(
    ("path", "values", "said"),
    [
        ("/api/talks", {"role": "king", "model": "parrot"}, "no such role"),
        ("/api/talks", {"role": "patient", "model": "gpt"}, "no such model"),
        ("/api/talks", {"role": "patient", "model": "parrot", "guards": ["x"]}, "no such guard"),
        ("/api/talks", {"role": "patient", "model": "parrot", "guards": [[]]}, "no such guard"),
        ("/api/talks", {"role": "patient", "model": "parrot", "guards": "all"}, "must be a list"),
        ("/api/talks", {"role": 1, "model": "parrot"}, "must be text"),
        (
            "/api/talks",
            {"role": "patient", "model": "parrot", "plants": [{"channel": "sky"}]},
            "no such channel",
        ),
        (
            "/api/talks",
            {"role": "patient", "model": "parrot", "plants": [{"channel": "email"}]},
            "planted text",
        ),
        ("/api/talks", ["patient"], "no JSON object"),
        ("/api/ask", {"talk": "unknown", "text": "Hello"}, "talk is over"),
        ("/api/ask", {"talk": "unknown"}, "must be text"),
    ],
)
def test_wrong_requests_get_a_sentence(client, path, values, said):
    code, answer = client.send(path, values)
    assert code == 400 and said in answer["error"]


@pytest.mark.parametrize(("text", "said"), [("  ", "empty"), ("x" * 1_000_001, "longer than")])
def test_messages_that_cannot_be_asked_get_a_sentence(client, text, said):
    _, talk = client.send("/api/talks", {"role": "patient", "model": "parrot"})
    code, answer = client.send("/api/ask", {"talk": talk["talk"], "text": text})
    assert code == 400 and said in answer["error"]


def test_a_message_of_a_million_characters_is_answered(client):
    _, talk = client.send("/api/talks", {"role": "patient", "model": "parrot"})
    code, turn = client.send("/api/ask", {"talk": talk["talk"], "text": "word " * 200_000})
    assert code == 200 and len(turn["asked"]) < 5_000


def test_a_request_beyond_all_bounds_is_refused(client):
    code, answer = client.send("/api/ask", {"talk": "x", "text": "x" * 5_000_000})
    assert code == 413 and answer["error"]


def test_an_endpoint_that_is_down_is_told_in_its_sentence(client):
    _, talk = client.send("/api/talks", {"role": "patient", "model": "down"})
    code, answer = client.send("/api/ask", {"talk": talk["talk"], "text": "Hello"})
    assert code == 400 and answer["error"] == "The model does not answer: is it running?"


def test_tool_calls_with_broken_arguments_are_shown_as_such(client):
    _, talk = client.send("/api/talks", {"role": "patient", "model": "caller"})
    code, turn = client.send("/api/ask", {"talk": talk["talk"], "text": "Send it"})
    assert code == 200 and turn["calls"] == [{"tool": "send_message", "arguments": "unreadable arguments"}]
    assert turn["effects"] == []


def test_a_desk_forgets_its_oldest_talks(desk):
    first = desk.start("patient", "parrot", [])["talk"]
    for _ in range(64):
        desk.start("patient", "parrot", [])
    with pytest.raises(UserError, match="over"):
        desk.ask(first, "Hello")


def test_a_port_that_is_taken_is_told_in_a_sentence(desk):
    with serve_chat(desk) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(UserError, match="choose another"), serve_chat(desk, port):
            pass


@pytest.fixture
def page(desk) -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    from pathlib import Path

    if not Path("/usr/bin/chromium").exists():
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver, serve_chat(desk) as address:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)  # ms: a busy machine
        page.loaded = []
        page.on("request", lambda request: page.loaded.append(request.url))
        page.goto(address)
        page.wait_for_selector("#talk [data-ready]")
        yield page
        browser.close()


@pytest.mark.browser
def test_markup_and_script_in_a_reply_are_shown_and_never_run(page):
    page.select_option("#model", "markup")
    page.click("#settings button[type=submit]")
    page.fill("#text", MARKUP)
    page.click("#say button")
    page.wait_for_selector("#talk li:nth-child(3)")
    assert MARKUP in page.inner_text("#talk li:nth-child(3)")
    assert page.title() == "Talk to the assistant"
    assert page.query_selector("#talk img, #talk script, #talk a") is None
    assert not [url for url in page.loaded if url.endswith("/x")]


@pytest.mark.browser
def test_the_page_shows_what_stands_behind_a_talk(page):
    assert "simulation" in page.inner_text("#notice")
    page.click("#guard-details summary")
    page.click("#all-guards")
    assert page.inner_text("#guard-count") == "all on"
    page.click("#settings button[type=submit]")
    page.fill("#text", "Pay 12")
    page.keyboard.press("Enter")
    page.wait_for_selector("#talk li.stopped")
    assert "No numbers, please." in page.inner_text("#talk li.stopped")
    assert "no numbers blocked" in page.inner_text("#acts")


@pytest.mark.browser
def test_what_is_asked_while_a_talk_begins_is_asked_in_the_new_talk(page):
    page.route("**/api/talks", lambda route: (page.wait_for_timeout(500), route.continue_()))
    page.click("#guard-details summary")
    page.click("#all-guards")
    page.click("#settings button[type=submit]")
    page.fill("#text", "Pay 12")
    page.keyboard.press("Enter")
    page.wait_for_selector("#talk li.stopped")
    assert page.inner_text("#talk li:first-child").endswith("Guards: all on.")
    assert page.locator("#talk li.you").count() == 1
