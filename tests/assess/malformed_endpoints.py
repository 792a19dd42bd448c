"""Scoring endpoints that hang, lie or crash, each on a path of its own of the hostile server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.assess.asked_models import records
from tests.assess.hostile_server import Behavior, Exchange, HostileServer, bomb, chances, packed
from tests.assess.malformed import CANARY, Case

SERVER = HostileServer()
TOKEN = f"{CANARY}-token"
PASSWORD = f"{CANARY}-password"
PAGE = f"<!doctype html><html><body>{CANARY} {TOKEN}</body></html>"
ROWS = 40
HONEST_FOR = 2
"""Questions that an endpoint answers rightly before it turns: the check that it answers the same twice."""
MEMBERSHIP, FAIRNESS = ("model.membership",), ("model.fairness",)


def scored(folder: Path, address: str, **options: Any) -> dict[str, Any]:
    """Return parameters that name an endpoint, its token, and records for it."""
    (folder / "token").write_text(TOKEN)
    for name, seed in (("training", 1), ("held_out", 2)):
        records(ROWS, seed).to_csv(folder / f"{CANARY} {name}.csv", index=False)
    found = {
        "sector": "finance",
        "model": address,
        "token_file": str(folder / "token"),
        "training": str(folder / f"{CANARY} training.csv"),
        "held_out": str(folder / f"{CANARY} held_out.csv"),
        "target": "paid",
        "drop": ["sex", "town"],
        "rows": 20,
        "queries": 100,
    }
    return found | options


def at(path: str, **options: Any) -> Callable[[Path], dict[str, Any]]:
    """Return what makes the parameters for one path of the server."""
    return lambda folder: scored(folder, SERVER.address(f"{path}/score"), **options)


def honest(exchange: Exchange) -> None:
    exchange.send(packed(chances(exchange)))


def says(content: bytes | str, status: str = "200 OK", **headers: Any) -> Behavior:
    """Return what gives one answer to everything."""
    return lambda exchange: exchange.send(content, status, **headers)


def answers(change: Callable[[list[list[float]]], Any]) -> Behavior:
    """Return what answers honestly but for a change."""
    return lambda exchange: exchange.send(packed(change(chances(exchange))))


def first(value: Any) -> Behavior:
    """Return what answers honestly but for the first record."""
    return answers(lambda found: [value, *found[1:]])


def turning(then: Behavior) -> Behavior:
    """Return what is honest for a while, and then is not."""
    return lambda exchange: (honest if exchange.number <= HONEST_FOR else then)(exchange)


def _half(exchange: Exchange) -> None:
    content = packed(chances(exchange)).encode()
    exchange.send(content[: len(content) // 2], length=len(content))


def _forgets(exchange: Exchange) -> None:
    exchange.send(
        packed(
            [[0.5 + 0.4 * (-1) ** exchange.number, 0.5 - 0.4 * (-1) ** exchange.number]]
            * len(chances(exchange))
        )
    )


def _random(exchange: Exchange) -> None:
    found = [((7 * place + 13 * exchange.number) % 97) / 97 for place in range(len(chances(exchange)))]
    exchange.send(packed([[1 - one, one] for one in found]))


def _slow_body(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    exchange.drip(b" " * 9000)


def _chunked(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.endless(b"10000\r\n" + b" " * 65_536 + b"\r\n")


def _no_end(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange.endless(b" " * 65_536)


def _headers(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\n")
    exchange.endless(f"X-{CANARY}: {TOKEN}\r\n".encode() * 100, 4_000_000)


def _continues(exchange: Exchange) -> None:
    for _ in range(2000):
        exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
        if exchange.wait(0.01):
            return


def _after_headers(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    exchange.wait()


def _echo(exchange: Exchange) -> None:
    said = {"error": CANARY, "key": exchange.headers["Authorization"], "records": exchange.body}
    exchange.send(json.dumps(said), f"500 {CANARY}", X_Key=str(exchange.headers["Authorization"]))


def _moves(exchange: Exchange) -> None:
    exchange.send("", "307 Temporary Redirect", Location=f"/endless_redirects/{exchange.number}")


def _form(encoding: str) -> Behavior:
    return lambda exchange: exchange.send(packed(chances(exchange)).encode(encoding))


WAITS: dict[str, Behavior] = {
    "hangs_before_the_headers": lambda exchange: exchange.wait() and None,
    "hangs_after_the_headers": _after_headers,
    "drips_the_headers": lambda exchange: exchange.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 900),
    "drips_the_body": _slow_body,
    "endless_100_continue": _continues,
}
BODIES: dict[str, Behavior] = {
    "never_ends_chunked": _chunked,
    "never_ends_to_the_close": _no_end,
    "endless_headers": _headers,
    "html": says(PAGE, Content_Type="text/html"),
    "empty": says(""),
    "truncated_json": says('{"predictions": [[0.1, 0.9], [0.'),
    "deeply_nested_json": says("[" * 100_000 + "]" * 100_000),
    "deeply_nested_answers": says('{"predictions": ' + "[" * 900 + "]" * 900 + "}"),
    "an_unclosed_million_brackets": says('{"predictions":' + "[" * 1_000_000),
    "huge_body": says(b" " * 17_000_000),
    "length_too_long": says('{"predictions": []}', length=900),
    "length_too_short": says('{"predictions": [[0.1, 0.9]]}', length=7),
    "length_negative": says("{}", length=-1),
    "length_a_word": says("{}", length="many"),
    "gzip_bomb": lambda exchange: exchange.zipped(bomb(20)),
    "gzip_bomb_in_gzip": lambda exchange: exchange.zipped(bomb(64, 2), "gzip, gzip"),
    "gzip_that_is_none": lambda exchange: exchange.zipped(b"no gzip at all"),
    "unknown_coding": lambda exchange: exchange.zipped(packed(chances(exchange)).encode(), "zstd"),
    "latin_1": says(f'{{"{CANARY} é": 1}}'.encode("latin-1")),
    "nul_bytes": says(b"\0" * 1000),
    "a_number": says("7"),
    "null": says("null"),
    "a_string": says(json.dumps(CANARY)),
    "other_key": says(json.dumps({"answer": CANARY})),
    "predictions_a_string": says(packed(CANARY)),
    "predictions_an_object": says(packed({CANARY: 1})),
    "predictions_null": says(packed(None)),
    "half_of_an_answer": _half,
    "closes_at_once": lambda _: None,
    "no_http": lambda exchange: exchange.raw(f"{CANARY}\r\n\r\n".encode()),
    "another_protocol": lambda exchange: exchange.raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "echoes_records_and_token": _echo,
}
STATUSES: dict[str, Behavior] = {
    **{f"status_{code}": says(PAGE, f"{code} {CANARY}") for code in (201, 204, 400, 401, 403, 404, 418, 500)},
    "status_503": says(PAGE, "503 Busy", Retry_After="0"),
    "status_429_for_ever": says("", "429 Wait", Retry_After="99999999999999999999"),
    "status_429_infinite": says("", "429 Wait", Retry_After="1e999"),
    "status_429_nan": says("", "429 Wait", Retry_After="nan"),
    "status_429_nonsense": says("", "429 Wait", Retry_After=f"soon, {CANARY}"),
    "status_429_negative": says("", "429 Wait", Retry_After="-5"),
    "status_429_next_century": says("", "429 Wait", Retry_After="Fri, 31 Dec 2099 23:59:59 GMT"),
    "redirect_to_itself": says("", "302 Found", Location="/redirect_to_itself/score"),
    "redirect_to_another_host": says("", "307 Moved", Location=f"http://192.0.2.1/{CANARY}"),
    "redirect_to_a_file": says("", "302 Found", Location="file:///etc/passwd"),
    "endless_redirects": _moves,
}  # fmt: skip
LIES: dict[str, Behavior] = {
    "nan": first([float("nan"), 1.0]),
    "infinity": first([float("inf"), 0.0]),
    "minus_infinity": first([float("-inf"), 1.0]),
    "sum_too_small": answers(lambda found: [[0.9 * one for one in row] for row in found]),
    "sum_too_large": first([0.9, 0.9]),
    "negative": first([-0.2, 1.2]),
    "log_odds": answers(lambda found: [[-3.0, 3.0] for _ in found]),
    "a_row_too_few": answers(lambda found: found[1:]),
    "a_row_too_many": answers(lambda found: [*found, [0.5, 0.5]]),
    "no_rows": answers(lambda _: []),
    "three_classes": answers(lambda found: [[*row, 0.0] for row in found]),
    "a_row_with_three_classes": first([0.2, 0.3, 0.5]),
    "changing_classes": lambda exchange: exchange.send(
        packed([row if exchange.number == 1 else [*row, 0.0] for row in chances(exchange)])
    ),
    "words": first([CANARY, TOKEN]),
    "strings_that_are_nan": first(["nan", "1.0"]),
    "null_for_a_record": first(None),
    "null_for_a_class": first([None, 1.0]),
    "nested_once_more": answers(lambda found: [[row] for row in found]),
    "nested_unevenly": first([[0.5], [[0.5]]]),
    "objects": answers(lambda found: [{CANARY: row} for row in found]),
    "a_number_beyond_all": first([10**400, 0]),
    "the_same_for_everybody": answers(lambda found: [[0.5, 0.5] for _ in found]),
    "certain_of_nobody": answers(lambda found: [[0.0, 0.0] for _ in found]),
    "other_answers_each_time": _random,
    "one_class_each_time": _forgets,
}
# Honest for the first questions, so that what follows is found in the middle of the measurement.
TURNS: dict[str, Behavior] = {
    "then_fails": turning(says(PAGE, "500 Gone")),
    "then_hangs": turning(lambda exchange: exchange.wait() and None),
    "then_closes": turning(lambda _: None),
    "then_breaks_off": turning(_half),
    "then_answers_html": turning(says(PAGE)),
    "then_is_sure_of_the_first": turning(answers(lambda found: [[1.0, 0.0] for _ in found])),
    "then_says_half_and_half": turning(answers(lambda found: [[0.5, 0.5] for _ in found])),
    "then_swaps_the_classes": turning(answers(lambda found: [row[::-1] for row in found])),
    "then_turns_the_rows_around": turning(answers(lambda found: found[::-1])),
    "then_rounds_away_all": turning(answers(lambda found: [[round(one) for one in row] for row in found])),
    "then_limits": turning(says("", "429 Wait", Retry_After="900")),
}
RIGHT: dict[str, Behavior] = {
    "honest": honest,
    "utf_16": _form("utf-16"),
    "utf_8_with_a_mark": _form("utf-8-sig"),
    "gzip": lambda exchange: exchange.zipped(gzip.compress(packed(chances(exchange)).encode())),
    "numbers_as_strings": answers(lambda found: [[str(one) for one in row] for row in found]),
    "of_the_second_class": answers(lambda found: [row[1] for row in found]),
    "in_lists_of_one": answers(lambda found: [[row[1]] for row in found]),
    "hurts_once_and_works": lambda exchange: (says("", "503 Busy") if exchange.number == 1 else honest)(
        exchange
    ),
    "cookies_and_markup_in_headers": lambda exchange: exchange.send(
        packed(chances(exchange)), Set_Cookie=TOKEN, X_Note="<script>"
    ),
}
DECIDED: dict[str, Behavior] = {
    "labels": answers(lambda found: [int(row[1] >= 0.5) for row in found]),
    "labels_true_and_false": answers(lambda found: [row[1] >= 0.5 for row in found]),
    "labels_of_probabilities": honest,
    "labels_of_one_probability": answers(lambda found: [row[1] for row in found]),
}
UNDECIDED: dict[str, Behavior] = {
    "labels_unknown": answers(lambda found: [CANARY for _ in found]),
    "labels_in_quotes": answers(lambda found: [str(int(row[1] >= 0.5)) for row in found]),
    "labels_of_two_kinds": answers(lambda found: [1, "0", *[0 for _ in found[2:]]]),
    "labels_null": answers(lambda found: [None for _ in found]),
    "labels_of_nan": first([float("nan"), 1.0]),
    "labels_of_no_sum": first([0.9, 0.9]),
    "labels_of_three_classes": answers(lambda found: [[*row, 0.0] for row in found]),
    "labels_too_few": answers(lambda found: found[1:]),
    "labels_then_one": turning(answers(lambda found: [[1.0, 0.0] for _ in found])),
}
EVERYWHERE: dict[str, Behavior] = {
    "hangs_everywhere": WAITS["hangs_before_the_headers"],
    "turns_everywhere": TURNS["then_says_half_and_half"],
}
BEHAVIORS = {**EVERYWHERE, **WAITS, **BODIES, **STATUSES, **LIES, **TURNS, **RIGHT, **DECIDED, **UNDECIDED}


def endpoint_cases() -> list[Case]:
    """Return every case of a scoring endpoint."""
    kinds = {"waits": WAITS, "bodies": BODIES, "statuses": STATUSES, "lies": LIES, "turns": TURNS}
    cases = [
        Case(f"endpoint, {kind}", name, at(name), "open", MEMBERSHIP)
        for kind, group in kinds.items()
        for name in group
    ]
    cases += [Case("endpoint, odd and right", name, at(name), "report", MEMBERSHIP) for name in RIGHT]
    for group, ends in ((DECIDED, "report"), (UNDECIDED, "open")):
        cases += [
            Case("endpoint, labels only", name, at(name, labels_only=True), ends, MEMBERSHIP)
            for name in group
        ]
    return [*cases, *_addresses(), *_parameters()]


def _addresses() -> list[Case]:
    refused = {
        "spaces": "http://127.0.0.1:9/a b",
        "a space as host": "http:// /score",
        "no host": "http:///score",
        "a user and a password": f"https://user:{PASSWORD}@host.example/score",
        "a password alone": f"https://:{PASSWORD}@host.example/score",
        "a user alone": f"https://{PASSWORD}@host.example/score",
        "IPv6 without its end": "http://[::1/score",
        "IPv6 of nonsense": "http://[nonsense]:1/score",
        "port 0": "http://127.0.0.1:0/score",
        "port 99999": "http://127.0.0.1:99999/score",
        "port of a word": f"http://127.0.0.1:{CANARY}/score",
        "negative port": "http://127.0.0.1:-1/score",
        "gopher": "gopher://127.0.0.1/score",
        "a file": "file:///etc/passwd",
        "no scheme": "://127.0.0.1/score",
        "two schemes": "http://https://127.0.0.1/score",
        "script": "javascript://alert(1)/score",
        "another machine in the clear": f"http://{CANARY}.example/score",
        "looks like this machine": "http://127.0.0.1.example.org/score",
        "a line break": "http://127.0.0.1:9/a\nHost: x",
        "a NUL": "http://127.0.0.1:9/\0",
        "a lone surrogate": "http://127.0.0.1:9/\ud800",
        "very long": "http://127.0.0.1:9/" + "a" * 100_000,
        "a backslash": "http://127.0.0.1\\@host.example/score",
    }  # fmt: skip
    dead = {
        "nobody listens": "http://127.0.0.1:9/score",
        "nobody listens, IPv6": "http://[::1]:9/score",
        "a broken percent sign": "http://127.0.0.1:9/%zz%",
        "a token in the query": f"http://127.0.0.1:9/score?key={TOKEN}#{TOKEN}",
    }

    def to(address: str) -> Callable[[Path], dict[str, Any]]:
        return lambda folder: scored(folder, address)

    cases = [
        Case("endpoint, address", name, to(one), "sentence", MEMBERSHIP) for name, one in refused.items()
    ]
    cases += [Case("endpoint, address", name, to(one), "open", MEMBERSHIP) for name, one in dead.items()]
    plain = Case(
        "endpoint, address",
        "TLS to a plain port",
        lambda folder: scored(folder, SERVER.address("honest/score", "https")),
        "open",
        MEMBERSHIP,
    )
    return [*cases, plain]


def _parameters() -> list[Case]:
    def token(content: bytes) -> Callable[[Path], dict[str, Any]]:
        def make(folder: Path) -> dict[str, Any]:
            given = at("honest")(folder)
            (folder / "token").write_bytes(content)
            return given

        return make

    rows: list[tuple[str, Callable[[Path], dict[str, Any]], Any]] = [
        ("three classes are named", at("honest", classes=["a", "b", "c"]), "sentence"),
        ("one class is named", at("honest", classes=["0"]), "sentence"),
        ("answers stand elsewhere", at("honest", answers=f"{CANARY}.0.*"), "open"),
        ("answers of every record", at("honest", answers="predictions.*.1"), "report"),
        ("answers at no place", at("honest", answers="predictions.99999999999"), "open"),
        ("answers are everything", at("honest", answers="..."), "open"),
        ("token of two lines", token(f"{TOKEN}\n{TOKEN}\n".encode()), "sentence"),
        ("token of no ASCII", token(f"{TOKEN}é".encode()), "sentence"),
        ("token of bytes", token(b"\xff\xfe\0"), "sentence"),
        ("token is empty", token(b" \n"), "sentence"),
        ("token with a NUL", token(f"{TOKEN}\0".encode()), "sentence"),
    ]
    return [Case("endpoint, parameters", name, make, ends, MEMBERSHIP) for name, make, ends in rows]
