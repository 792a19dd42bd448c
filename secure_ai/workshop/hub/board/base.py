"""What all requests to the board share: who asks, how much, how often, and errors as one sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tornado import web as tornado_web

from secure_ai.workshop.hub.board.classroom import Classroom

ORDER_BYTES = 16 * 1024
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Rate:
    """Lets each asker do something so often in a row, and so often in the long run.

    Args:
        burst: in a row.
        a_second: in the long run.
    """

    def __init__(self, burst: float, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst, self.a_second, self.clock = burst, a_second, clock
        self.left: dict[str, tuple[float, float]] = {}

    def wait(self, asker: str) -> float:
        """Return 0 and count it, or the seconds after which to ask again."""
        now = self.clock()
        left, at = self.left.get(asker, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.a_second)
        self.left[asker] = (max(left - 1, 0) if left >= 1 else left, now)
        return 0.0 if left >= 1 else (1 - left) / self.a_second


class Base(tornado_web.RequestHandler):
    """Finds out who asks before it reads what they say; errors are one sentence as JSON."""

    instructor_only = True
    limit = ORDER_BYTES
    rate = ""

    @property
    def classroom(self) -> Classroom:
        """The state of the class."""
        return self.application.settings["classroom"]

    def set_default_headers(self) -> None:
        """Set what every answer carries."""
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    async def prepare(self) -> None:
        """Decide who may, before anything of what they say is kept."""
        self.body = bytearray()
        self.refusal: tornado_web.HTTPError | None = None
        self.request.connection.set_max_body_size(self.limit)
        self.name, self.instructor = await self.application.settings["doors"].who(self)
        self.current_user = self.name or None
        if not self.name:
            self.refuse_stranger()
            return
        may = self.instructor if self.instructor_only else self.name in self.classroom.names
        if not may:
            self.refuse_once_read(403)
        elif self.rate and (wait := self.application.settings["rates"][self.rate].wait(self.name)):
            self.set_header("Retry-After", str(int(wait) + 1))
            self.refuse_once_read(429)

    def refuse_stranger(self) -> None:
        """Answer one whom the hub does not know."""
        self.refuse_once_read(403)

    def refuse_once_read(self, status: int) -> None:
        """Answer with a status when the body, up to its limit, came in and was dropped.

        An answer before that closes the connection on bytes that are still on their way, and whoever sent
        them reads "connection reset" in place of the answer.
        """
        self.refusal = tornado_web.HTTPError(status)
        setattr(self, self.request.method.lower(), self._answer_refusal)

    def _answer_refusal(self, *_: str) -> None:
        assert self.refusal is not None
        raise self.refusal

    def data_received(self, chunk: bytes) -> None:
        """Collect the body."""
        if self.refusal is None:
            self.body += chunk

    def given(self) -> dict[str, Any]:
        """Return the body, a JSON object.

        Raises:
            tornado.web.HTTPError: if it is none.
        """
        try:
            body = json.loads(bytes(self.body))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self.refuse("A JSON object is asked for.")
        return body

    def text(self, given: dict[str, Any], name: str, most: int = 200) -> str:
        """Return a text of the body, or refuse."""
        value = given.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            self.refuse(f"'{name}' must be a text of at most {most} characters.")
        return "".join(one for one in value if one.isprintable() or one == "\n").encode(
            "utf-8", "replace"
        ).decode()  # fmt: skip

    def number(self, given: dict[str, Any], name: str, default: int = 0) -> int:
        """Return a whole number of the body, or refuse."""
        value = given.get(name, default)
        if type(value) is not int or abs(value) > 10**9:
            self.refuse(f"'{name}' must be a whole number.")
        return value

    def refuse(self, sentence: str) -> None:
        """Answer 400 with a sentence."""
        raise tornado_web.HTTPError(400, sentence.replace("%", "%%"))

    def answer(self, body: Any) -> None:
        """Answer with JSON."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))

    def write_error(self, status_code: int, **named: Any) -> None:
        """Answer with one sentence, never a traceback."""
        error = (named.get("exc_info") or (None, None))[1]
        sentence = {
            403: "Only the instructor may see the board.",
            404: "There is no such page.",
            429: "Too often: wait a moment.",
        }.get(status_code, "The board could not do this.")
        if status_code == 400 and isinstance(error, tornado_web.HTTPError) and error.log_message:
            sentence = error.log_message.replace("%%", "%")
        self.answer({"error": sentence})
