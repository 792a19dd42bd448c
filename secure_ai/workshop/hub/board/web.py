"""The board's pages and interface, bounded in size and rate."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from tornado import httputil, iostream
from tornado import web as tornado_web

from secure_ai.workshop.hub.board.base import Base, Rate
from secure_ai.workshop.hub.board.classroom import Classroom

PAGE = Path(__file__).with_name("page")
ASSETS = {
    "board.css": "text/css",
    "board.js": "text/javascript",
    "view.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
EVENT_BYTES = 8 * 1024
NOTEBOOK_BYTES = 12 * 1024 * 1024
TEXT_CHARACTERS = 2_000
LONGEST_WAIT = 25.0
MOST_POLLS_OF_A_SEAT = 6
MOST_STREAMS = 12
# The page is told of a change at once, and of many changes in a row this often.
STREAM_PAUSE = 0.15
STREAM_BEAT = 5.0


@tornado_web.stream_request_body
class Event(Base):
    """A seat says what a check found."""

    instructor_only, limit, rate = False, EVENT_BYTES, "event"

    def post(self) -> None:
        """Take it in, and say up to which number there are messages."""
        given = self.given()
        parts = [self.text(given, name) for name in ("lab", "task", "status")]
        message = self.text(given, "message", 4_000)
        try:
            hints = self.number(given, "hints_used")
            self.classroom.event(self.name, *parts, message=message, hints=hints)
        except ValueError as error:
            self.refuse(str(error))
        self.answer({"inbox": self.classroom.last, "board": self.classroom.board})


@tornado_web.stream_request_body
class Submit(Base):
    """A learner hands a notebook in."""

    instructor_only, limit, rate = False, NOTEBOOK_BYTES, "submit"

    def post(self) -> None:
        """Keep it."""
        given = self.given()
        notebook = given.get("notebook")
        if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
            self.refuse("'notebook' must be a notebook's JSON.")
        packed = json.dumps(notebook).encode("utf-8", "replace")
        try:
            number = self.classroom.submit(self.name, self.text(given, "lab"), packed)
        except ValueError as error:
            self.refuse(str(error))
        self.answer({"submission": number})


class Inbox(Base):
    """A seat asks what it was told, and waits for it."""

    instructor_only, rate = False, "inbox"

    async def get(self) -> None:
        """Answer as soon as there is something, or when the wait is over."""
        try:
            since = int(self.get_query_argument("since", "0"))
            wait = min(float(self.get_query_argument("wait", "0")), LONGEST_WAIT)
        except ValueError:
            self.refuse("'since' and 'wait' must be numbers.")
        room, polls = self.classroom, self.application.settings["polls"]
        room.contact(self.name)
        self.gone = asyncio.Event()
        polls[self.name] += 1
        try:
            if since == room.last and polls[self.name] <= MOST_POLLS_OF_A_SEAT and wait > 0:
                await first_of(wait, room.inbox_changed, self.gone)
        finally:
            polls[self.name] -= 1
        if not self.gone.is_set():
            room.contact(self.name)
            self.answer(room.inbox(self.name, since))

    def on_connection_close(self) -> None:
        """End the wait."""
        if hasattr(self, "gone"):
            self.gone.set()


async def first_of(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or the time is over."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


class Page(Base):
    """The board."""

    def refuse_stranger(self) -> None:
        """Send the browser to sign in."""
        self.application.settings["doors"].sign_in(self)

    def get(self) -> None:
        """Show the page."""
        token = self.application.settings["doors"].xsrf_token(self)
        page = (PAGE / "index.html").read_text(encoding="utf-8")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page.replace("{{xsrf}}", tornado_web.escape.xhtml_escape(token)))


class Asset(tornado_web.RequestHandler):
    """The page's style and script: the same for everybody, and nothing of the class."""

    def set_default_headers(self) -> None:
        """Set what every answer carries."""
        Base.set_default_headers(self)

    def get(self, name: str) -> None:
        """Send one."""
        self.set_header("Content-Type", f"{ASSETS[name]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish((PAGE / name).read_bytes())


class State(Base):
    """All that the page shows."""

    def get(self) -> None:
        """Answer with it."""
        self.answer(self.classroom.shown())


class Names(Base):
    """Names of the learners, asked for only when the instructor shows them."""

    def get(self) -> None:
        """Answer with them."""
        self.answer({name: seat.learner for name, seat in self.classroom.names.items()})


class Stream(Base):
    """The state again and again, whenever it changes."""

    async def get(self) -> None:
        """Send it as server-sent events until the page is closed."""
        streams, room = self.application.settings["streams"], self.classroom
        if len(streams) >= MOST_STREAMS:
            self.set_header("Retry-After", "5")
            raise tornado_web.HTTPError(429)
        self.gone = asyncio.Event()
        streams.add(self)
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        try:
            while not self.gone.is_set():
                changed = room.page_changed
                self.write(f"data: {json.dumps(room.shown())}\n\n")
                await self.flush()
                await first_of(STREAM_BEAT, changed, self.gone)
                await first_of(STREAM_PAUSE, self.gone)
        except iostream.StreamClosedError:
            pass
        finally:
            streams.discard(self)

    def on_connection_close(self) -> None:
        """End."""
        if hasattr(self, "gone"):
            self.gone.set()


class Order(Base):
    """What the instructor has the board do."""

    rate = "order"

    def say(self, kind: str, text: str, given: dict[str, Any], lab: str = "", task: str = "") -> None:
        """Send a text to the seats that were named."""
        if not text.strip():
            self.refuse("There is no text to send.")
        chosen = given.get("seats", "all")
        if chosen == "stuck":
            seats = self.classroom.stuck_on(lab, task)
            if not seats:
                self.refuse("Nobody is stuck on this task now.")
        elif chosen == "all":
            seats = None
        elif isinstance(chosen, list) and chosen and set(map(str, chosen)) <= set(self.classroom.names):
            seats = chosen
        else:
            self.refuse('\'seats\' must be "all", "stuck" or a list of seats of this room.')
        number = self.classroom.say(kind, text.strip(), seats, lab, task)
        self.answer({"id": number, "seats": len(self.classroom.names if seats is None else seats)})


@tornado_web.stream_request_body
class Hint(Order):
    """Push a hint: one of the task's own, or free text."""

    def post(self) -> None:
        """Send it."""
        given = self.given()
        lab, task = self.text(given, "lab"), self.text(given, "task")
        known = self.classroom.labs[lab].task(task) if lab in self.classroom.labs else None
        if (lab or task) and known is None:
            self.refuse("There is no such task.")
        text = self.text(given, "text", TEXT_CHARACTERS)
        if "number" in given:
            number = self.number(given, "number")
            if known is None or not 1 <= number <= len(known.hints):
                self.refuse("The task has no such hint.")
            text = known.hints[number - 1]
        self.say("hint", text, given, lab, task)


@tornado_web.stream_request_body
class Announce(Order):
    """Say something to the class."""

    def post(self) -> None:
        """Send it."""
        given = self.given()
        self.say("announcement", self.text(given, "text", TEXT_CHARACTERS), given)


@tornado_web.stream_request_body
class Timer(Order):
    """Move the timer and the agenda."""

    def post(self) -> None:
        """Do what was asked, and answer with the timer as it is now."""
        given = self.given()
        try:
            self.classroom.do(self.text(given, "action"), self.number(given, "minutes"))
        except ValueError:
            self.refuse("'action' must be start, pause, next, back or add.")
        self.answer(self.classroom.agenda.shown(self.classroom.clock()))


class Submission(Base):
    """A notebook that was handed in, as a file: nothing of it runs in the board's page."""

    def get(self, number: str) -> None:
        """Send it."""
        found = self.classroom.database.submission(int(number)) if len(number) < 18 else None
        if found is None:
            raise tornado_web.HTTPError(404)
        seat, lab, notebook = found
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f'attachment; filename="{seat}-{lab}.ipynb"')
        self.finish(notebook)


class Unknown(Base):
    """Everything else."""

    def get(self, *_: str) -> None:
        """Answer that there is none."""
        raise tornado_web.HTTPError(404)

    post = get


def make_application(classroom: Classroom, doors: Any) -> tornado_web.Application:
    """Return the board.

    Args:
        classroom: its state.
        doors: says who asks; see :class:`secure_ai.workshop.hub.board.doors.HubDoors`.
    """
    prefix = doors.prefix
    kinds = {
        "": Page, "api/event": Event, "api/submit": Submit, "api/inbox": Inbox, "api/state": State,
        "api/names": Names, "api/stream": Stream, "api/hint": Hint, "api/announce": Announce,
        "api/timer": Timer, r"api/submission/([0-9]+)": Submission,
    }  # fmt: skip
    mixin = doors.handler_class()
    routes = [(prefix + path, type(kind.__name__, (mixin, kind), {})) for path, kind in kinds.items()]
    routes += [(f"{prefix}({'|'.join(map(re.escape, ASSETS))})", Asset)]
    return tornado_web.Application(
        [*doors.routes(), *routes],
        classroom=classroom,
        doors=doors,
        cookie_secret=doors.cookie_secret,
        login_url=None,
        default_handler_class=type("Unknown", (mixin, Unknown), {}),
        xsrf_cookies=False,  # JupyterHub's own check takes its place: see HubDoors.who
        rates={
            "event": Rate(60, 4), "inbox": Rate(30, 2), "submit": Rate(4, 0.05), "order": Rate(30, 3),
        },
        polls=defaultdict(int),
        streams=set(),
        log_function=_log,
    )  # fmt: skip


def _log(handler: tornado_web.RequestHandler) -> None:
    """Log what went wrong, without what was sent."""
    if handler.get_status() >= 500:
        from tornado.log import access_log

        request: httputil.HTTPServerRequest = handler.request
        access_log.error("%d %s %s", handler.get_status(), request.method, request.path)
