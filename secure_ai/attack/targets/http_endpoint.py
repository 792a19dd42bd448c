"""A model that anybody serves as JSON over HTTP, as a target: what it answers is checked, never believed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from secure_ai.attack.targets.endpoint import BATCH, LONGEST_WAIT, checked_answers, checked_batch, table_of
from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.target import ANSWERS, Answer
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

MOST_ANSWER_BYTES = 16 * 1024 * 1024
# One of them at a time: what is packed twice can be a million times as large as what was sent.
CODINGS = {"identity", "gzip", "deflate"}
LONGEST_URL = 2_000
REPEATED = (429, 502, 503, 504)


class HttpEndpoint:
    """A model that anybody serves as JSON over HTTP, as something that an attack asks.

    Args:
        url: of the endpoint; ``https://``, or ``http://`` for this machine alone.
        classes: what it tells apart, in the order of its probabilities.
        answer: ``"probabilities"`` or ``"labels"``.
        request: how rows are written: ``"records"`` ({"records": [{name: value}]}), ``"instances"``
            ({"instances": [[...]]}, as TensorFlow Serving, KServe and Vertex AI take them),
            ``"dataframe_split"`` (as MLflow takes them), or a function from a frame to a JSON value.
        response: where the answers stand: a path such as ``"predictions"`` or ``"outputs.0.data"``, with
            ``*`` for each element of a list (``"predictions.*.probability"``), or a function from the JSON
            value to the answers.
        columns: names of the columns, where rows come as arrays.
        token: sent as ``Authorization: Bearer``; never over plain HTTP to another machine.
        headers: further headers.
        batch: rows in one question.
        timeout: seconds for one question and its answer.
        retries: how often a question that failed is asked again.
        longest_wait: seconds at most to wait in all for 429, 502, 503 and 504 (``Retry-After``).
        verify: file of the authority of the server's certificate; the system's if None.
        sleep: waits.

    Attributes:
        waited: seconds waited so far.

    Raises:
        UserError: if an argument is wrong.

    Source: RFC 9110, 10.2.3 (Retry-After); TensorFlow Serving REST API, MLflow scoring server.
    """

    def __init__(
        self,
        url: str,
        *,
        classes: Sequence[Any] = (0, 1),
        answer: Answer = "probabilities",
        request: str | Callable[[pd.DataFrame], Any] = "records",
        response: str | Callable[[Any], Any] = "predictions",
        columns: Sequence[str] | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        batch: int = BATCH,
        timeout: float = 10.0,
        retries: int = 2,
        longest_wait: float = LONGEST_WAIT,
        verify: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx

        _check_url(url)
        if answer not in ANSWERS:
            raise UserError(f"answer='{answer}': choose from {', '.join(ANSWERS)}.")
        if isinstance(request, str) and request not in _REQUESTS:
            raise UserError(
                f"There is no form of request '{shown(request)}': choose from {', '.join(_REQUESTS)}, "
                "or give a function."
            )
        if not 0 < timeout < math.inf or retries < 0 or longest_wait < 0:
            raise UserError("A time-out is above 0 seconds; retries and longest_wait are 0 or more.")
        self.classes, self.answer, self.waited = list(classes), answer, 0.0
        self.columns = None if columns is None else tuple(map(str, columns))
        self.batch, self.retries, self.longest_wait = checked_batch(batch), retries, longest_wait
        self._url, self._sleep, self._seconds = url, sleep, timeout
        self._request = _REQUESTS[request] if isinstance(request, str) else request
        self._response = at_path(response) if isinstance(response, str) else response
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            self._client = httpx.Client(
                headers=sent, timeout=timeout, follow_redirects=False, trust_env=False,
                verify=True if verify is None else _trusting(verify),
            )  # fmt: skip
        except (ValueError, UnicodeError):
            raise UserError("A header or the token holds characters that cannot be sent.") from None

    def __repr__(self) -> str:
        return f"HttpEndpoint({urlsplit(self._url).hostname}, {self.answer})"

    def __enter__(self) -> HttpEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, rows: Any) -> np.ndarray:
        """Return what the endpoint answers: probabilities (rows x classes, or rows) or labels (rows).

        Raises:
            TargetError: if it does not answer in time, refuses, or answers something else.
        """
        columns, values = table_of(rows, self.columns)
        found: list[Any] = []
        for start in range(0, len(values), self.batch):
            part = values[start : start + self.batch]
            answers = self._asked(pd.DataFrame(part, columns=list(columns), dtype=object))
            if not isinstance(answers, (list, tuple, np.ndarray)) or len(answers) != len(part):
                count = f"{len(answers):,}" if isinstance(answers, (list, tuple, np.ndarray)) else "none"
                raise TargetError(
                    f"The endpoint was asked about {len(part):,} rows and answered about {count}: "
                    "look at one answer of it, and at response=."
                )
            found += list(answers)
        return checked_answers(found, self.answer)

    def _asked(self, frame: pd.DataFrame) -> Any:
        import httpx

        body = json.dumps(self._request(frame), default=_plain).encode()
        problem = ""
        for attempt in range(self.retries + 1):
            wait = 0.2 * 2**attempt
            try:
                status, said, content = self._post(body)
            except httpx.TimeoutException:
                problem = f"no answer within {self._seconds:g} seconds"
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                problem = f"it cannot be reached ({type(error).__name__})"
            else:
                if status == 200:
                    return self._read(content)
                problem = f"HTTP status {status}"
                if status not in REPEATED:
                    break
                wait = max(wait, _seconds(said)) if said is not None else wait
            if attempt == self.retries:
                break
            if self.waited + wait > self.longest_wait:
                later = f"in {wait:g} seconds" if wait < math.inf else "later than anybody waits"
                problem += f", and it is to be asked again {later}"
                break
            self.waited += wait
            self._sleep(wait)
        raise TargetError(f"The endpoint does not answer: {problem}. Check the address and that it runs.")

    def _post(self, body: bytes) -> tuple[int, str | None, bytes]:
        import httpx

        # A time-out of the client is for one read: an endpoint that trickles outlives it.
        end, content = time.monotonic() + self._seconds, bytearray()
        headers = {"Content-Type": "application/json"}
        with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            codings = answer.headers.get_list("Content-Encoding", split_commas=True)
            if len(codings) > 1 or not {one.strip().lower() for one in codings} <= CODINGS:
                raise TargetError("The endpoint compresses its answers in a way that was not asked for.")
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > MOST_ANSWER_BYTES:
                    raise TargetError(f"The endpoint answers with more than {MOST_ANSWER_BYTES:,} bytes.")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("too slow")
        return answer.status_code, answer.headers.get("Retry-After"), bytes(content)

    def _read(self, content: bytes) -> Any:
        try:
            return self._response(json.loads(content))
        except UserError:
            raise
        except (ValueError, RecursionError):
            raise TargetError("The endpoint answers something that is no JSON.") from None
        except Exception as error:
            raise TargetError(
                f"The answers do not stand where response= says ({type(error).__name__}): look at one answer "
                "of the endpoint."
            ) from None


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    with suppress(AttributeError):
        return value.isoformat()
    raise TargetError("A row holds a value that JSON cannot carry: convert it to a number or text.")


def _records(frame: pd.DataFrame) -> dict[str, Any]:
    return {"records": frame.to_dict("records")}


def _instances(frame: pd.DataFrame) -> dict[str, Any]:
    return {"instances": frame.to_numpy().tolist()}


def _dataframe_split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(frame.columns), "data": frame.to_numpy().tolist()}}


_REQUESTS = {"records": _records, "instances": _instances, "dataframe_split": _dataframe_split}


def at_path(path: str) -> Callable[[Any], Any]:
    """Return what reads the value at a path of names, places and ``*``, such as ``predictions.*.1``."""
    parts = [part for part in path.split(".") if part]

    def read(value: Any, left: Sequence[str] = tuple(parts)) -> Any:
        if not left:
            return value
        first, *rest = left
        if first == "*":
            if not isinstance(value, list):
                raise TypeError("no list")
            return [read(one, rest) for one in value]
        if isinstance(value, list) and first.lstrip("-").isdigit():
            return read(value[int(first)], rest)
        return read(value[first], rest)

    return read


def _seconds(said: str) -> float:
    """Return the seconds of a ``Retry-After`` header: a number; for a date, longer than anybody waits."""
    try:
        return max(float(said), 0.0)
    except ValueError:
        return math.inf


def _check_url(url: str) -> None:
    none = UserError("The address of the endpoint is no URL: write it as https://host/path.")
    try:
        # The parser leaves out line breaks, and so would check another address than the one that is asked.
        if len(url) > LONGEST_URL or any(c.isspace() or not c.isprintable() for c in url):
            raise none
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError):
        raise none from None
    if parts.scheme not in ("http", "https") or not host:
        raise UserError("The address of the endpoint begins with https:// (or http:// on this machine).")
    if parts.username is not None or parts.password is not None:
        raise UserError("The address of the endpoint holds a user name or password: give a token instead.")
    if port == 0:
        raise none
    if parts.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        raise UserError(
            "The endpoint is on another machine and its address begins with http://: rows and token would "
            "travel in the clear. Use https://."
        )


def _trusting(authority: str) -> Any:
    import ssl

    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError):
        raise UserError("verify= names no file with certificates of an authority.") from None
