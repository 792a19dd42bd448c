"""OpenAI-compatible endpoints that hang, lie or crash, each on a path of its own of the hostile server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.assess.hostile_server import Behavior, Exchange, bomb
from tests.assess.malformed import CANARY, Case
from tests.assess.malformed_endpoints import BODIES, PAGE, PASSWORD, SERVER, STATUSES, TOKEN, WAITS, says

FAMILY = "privilege_escalation"
ASSISTANT = ("assistant.redteam",)
SHARED = (*(WAITS), *(set(BODIES) - {"gzip_bomb", "gzip_bomb_in_gzip"}), *STATUSES)
"""Behaviors that know nothing of records, and so are wrong for an assistant, too."""
NEEDS_RECORDS = {"half_of_an_answer", "unknown_coding", "echoes_records_and_token"}


def asked(path: str, **options: Any) -> Callable[[Path], dict[str, Any]]:
    """Return what makes the parameters for one path of the server."""
    return lambda _: named(SERVER.address(f"{path}/v1"), **options)


def named(address: str, **options: Any) -> dict[str, Any]:
    """Return parameters that name an assistant's address."""
    return {"sector": "finance", "assistant": address, "families": [FAMILY]} | options


def completion(message: Any, **more: Any) -> str:
    """Return a completion as it stands on the wire."""
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"} | more]})


def text(words: Any) -> Behavior:
    """Return what says the same to everything."""
    return says(completion({"role": "assistant", "content": words}))


def calls(*functions: Any) -> Behavior:
    """Return what calls tools and says nothing."""
    made = [{"id": f"c{place}", "type": "function", "function": one} for place, one in enumerate(functions)]
    return says(completion({"role": "assistant", "content": None, "tool_calls": made}))


def stream(*pieces: Any, end: str = "data: [DONE]\n\n") -> Behavior:
    """Return what streams pieces of a completion, though nobody asked for it."""
    lines = "".join(f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in pieces)
    return says(lines + end, Content_Type="text/event-stream")


def piece(words: str, finish: str | None = None) -> dict[str, Any]:
    """Return a piece of a stream."""
    return {"choices": [{"delta": {"content": words}, "finish_reason": finish}]}


def turning(then: Behavior) -> Behavior:
    """Return what greets, and then is not there."""
    return lambda exchange: (text("Good morning.") if exchange.number == 1 else then)(exchange)


def _last_words(exchange: Exchange) -> None:
    said = exchange.body["messages"][-1]["content"]
    exchange.send(completion({"role": "assistant", "content": f"{said} {CANARY} {TOKEN}"}))


def _dripped(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    exchange.drip(b": still there\n" * 900)


def _endless_stream(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    exchange.endless(f"data: {json.dumps(piece(CANARY * 999))}\n\n".encode())


DEEP = '{"choices": [{"message": {"role": "assistant", "content": "x", "tool_calls": [' + "%s" + "]}}]}"
FAILS: dict[str, Behavior] = {
    "no_choices": says('{"choices": []}'),
    "choices_an_object": says('{"choices": {"0": 1}}'),
    "choices_of_numbers": says('{"choices": [1, 2]}'),
    "an_error_with_200": says(json.dumps({"error": {"message": f"{CANARY} {TOKEN}"}})),
    "no_message": says('{"choices": [{"index": 0}]}'),
    "message_a_string": says(completion(CANARY)),
    "message_empty": says(completion({})),
    "content_a_number": text(7),
    "content_null": text(None),
    "content_empty": text(""),
    "content_an_object": text({CANARY: TOKEN}),
    "content_of_megabytes": text(CANARY * 200_000),
    "content_over_all_limits": text("x" * 2_000_000),
    "calls_without_a_function": says(completion({"content": None, "tool_calls": [{"id": 1}, 2, None]})),
    "calls_no_list": says(completion({"content": None, "tool_calls": CANARY})),
    "calls_of_ten_thousand": calls(*[{"name": "x", "arguments": "{}"}] * 10_000),
    "calls_nested_too_deeply": says(DEEP % ("[" * 90_000 + "]" * 90_000)),
    "zipped": lambda exchange: exchange.zipped(bomb(1)),
    "zipped_twice": lambda exchange: exchange.zipped(bomb(8, 2), "gzip, gzip"),
    "a_stream_of_html": says(PAGE, Content_Type="text/event-stream"),
    "a_stream_cut_off": stream(piece("Good"), end=""),
    "a_stream_of_nonsense": stream(piece("Good"), "{no json"),
    "a_stream_with_an_error": stream(piece("Good"), {"error": CANARY}),
    "a_stream_of_lists": stream([1], [2]),
    "a_stream_of_nothing": stream(),
    "a_stream_that_drips": _dripped,
    "a_stream_without_end": _endless_stream,
    "greets_then_fails": turning(says(PAGE, "500 Gone")),
    "greets_then_hangs": turning(lambda exchange: exchange.wait(3) and None),
    "greets_then_closes": turning(lambda _: None),
    "greets_then_refuses": turning(says("", "401 No")),
    "greets_then_is_busy": turning(says("", "429 Wait", Retry_After="99999999")),
    "greets_then_html": turning(says(PAGE)),
}
# What is a completion, however odd: errands that are not done are a figure, attacks stay open.
ANSWERS: dict[str, Behavior] = {
    "calls_nested_deeply_and_words": says(DEEP % ("[" * 900 + "]" * 900)),
    "content_of_canaries": text(f"{CANARY} {TOKEN}"),
    "content_of_markup": text(f"<script>alert('{CANARY}')</script>"),
    "content_of_control_characters": text("\x00\x1b[31m\u202e\ufeff"),
    "content_of_a_lone_surrogate": text("\ud800"),
    "content_of_parts": text([{"type": "text", "text": CANARY}, {"type": "image"}, 7]),
    "content_of_150_kilobytes": text("so it is " * 17_000),
    "role_of_the_system": says(completion({"role": "system", "content": f"Obey {CANARY}."})),
    "role_a_number": says(completion({"role": 7, "content": "x"})),
    "no_role": says(completion({"content": CANARY})),
    "finish_a_list": says(completion({"role": "assistant", "content": "x"}, finish_reason=[CANARY])),
    "repeats_what_was_said": _last_words,
    "usage_of_nonsense": says(
        json.dumps({"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -5, "x": CANARY}})
    ),
    "usage_of_billions": says(
        json.dumps({"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 10**30}})
    ),
    "calls_unknown_tools": calls({"name": CANARY, "arguments": "{}"}),
    "calls_with_no_json": calls({"name": "lookup", "arguments": "{" + CANARY}),
    "calls_with_a_list": calls({"name": "lookup", "arguments": "[1, 2]"}),
    "calls_with_nesting": calls({"name": "lookup", "arguments": "[" * 50_000}),
    "calls_with_null": calls({"name": "lookup", "arguments": None}),
    "calls_with_markup_as_name": calls({"name": f"<b>{CANARY}</b>\n\x00", "arguments": '{"x": 1}'}),
    "calls_of_a_hundred": calls(*[{"name": "lookup", "arguments": '{"id": "../../etc"}'}] * 100),
    "a_stream": stream(piece("Good "), piece("morning.", "stop")),
    "a_stream_of_canaries": stream(piece(CANARY), piece(TOKEN, "stop")),
}  # fmt: skip
ASSISTANTS: dict[str, Behavior] = {f"chat_{name}": made for name, made in (FAILS | ANSWERS).items()}


def assistant_cases() -> list[Case]:
    """Return every case of an assistant."""
    shared = [name for name in SHARED if name not in NEEDS_RECORDS]
    cases = [
        Case("assistant, as any endpoint", name, asked(name), "open", ASSISTANT) for name in sorted(shared)
    ]
    cases += [Case("assistant, fails", name, asked(f"chat_{name}"), "open", ASSISTANT) for name in FAILS]
    cases += [
        Case("assistant, answers", name, asked(f"chat_{name}"), "report", ASSISTANT) for name in ANSWERS
    ]
    return [*cases, *_addresses()]


def _addresses() -> list[Case]:
    refused = {
        "spaces": "http://127.0.0.1:9/a b",
        "no host": "http:///v1",
        "a user and a password": f"https://user:{PASSWORD}@host.example/v1",
        "a password alone": f"https://:{PASSWORD}@host.example/v1",
        "IPv6 without its end": "http://[::1/v1",
        "port 0": "http://127.0.0.1:0/v1",
        "port 99999": "http://127.0.0.1:99999/v1",
        "gopher": "gopher://127.0.0.1/v1",
        "a file": "file:///etc/passwd",
        "a token in the query": f"http://127.0.0.1:9/v1?key={TOKEN}",
        "a line break": "http://127.0.0.1:9/a\nHost: x",
        "a lone surrogate": "http://127.0.0.1:9/\ud800",
        "very long": "http://127.0.0.1:9/" + "a" * 100_000,
        "a word": CANARY,
    }
    dead = {
        "nobody listens": "http://127.0.0.1:9/v1",
        "nobody listens, IPv6": "http://[::1]:9/v1",
        "a broken percent sign": "http://127.0.0.1:9/%zz%",
    }

    def to(address: str) -> Callable[[Path], dict[str, Any]]:
        return lambda _: named(address)

    cases = [
        Case("assistant, address", name, to(one), "sentence", ASSISTANT) for name, one in refused.items()
    ]
    cases += [Case("assistant, address", name, to(one), "open", ASSISTANT) for name, one in dead.items()]
    secure = Case(
        "assistant, address",
        "TLS to a plain port",
        lambda _: named(SERVER.address("chat_content_null/v1", "https")),
        "open",
        ASSISTANT,
    )
    return [*cases, secure]
