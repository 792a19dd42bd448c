"""A board without a hub, and a scripted class that works on it: for tests and pictures alone."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from secure_ai.workshop.hub.board.catalog import Lab, read_catalog
from secure_ai.workshop.hub.board.classroom import Classroom
from secure_ai.workshop.hub.board.database import Database
from secure_ai.workshop.hub.board.masking import Masker, read_vocabulary
from secure_ai.workshop.hub.board.web import NOTEBOOK_BYTES, make_application
from secure_ai.workshop.hub.room import Seat, Settings, Step

AGENDA = (
    Step("Welcome", 10),
    Step("Anonymize tables", 45, "05_anonymize_tables"),
    Step("Break", 15),
    Step("Encryption", 45, "07_encryption"),
)
XSRF = "the-page's-token"


def settings_of(seats: int = 3, **more: Any) -> Settings:
    """Settings of a room with so many seats."""
    given = {
        "name": "A room", "port": 8000, "inner_ports": (1, 2, 3), "path": "security",
        "sector": "healthcare", "minutes": 180, "kit": "", "kit_python": "", "hub_python": "",
        "node": "", "proxy": "", "agenda": AGENDA,
        "seats": tuple(Seat(f"seat-{n:02d}", f"Learner Name{n}", n) for n in range(1, seats + 1)),
    }  # fmt: skip
    return Settings(**(given | more))


class StandInDoors:
    """Stands in for JupyterHub: a token is the name itself, a cookie ``who`` signs a browser in."""

    prefix = "/services/board/"
    cookie_secret = b"x" * 32

    async def who(self, handler: Any) -> tuple[str, bool]:
        """Return who asks, as the hub would say it; a cookie counts with the XSRF token only."""
        kind, _, name = handler.request.headers.get("Authorization", "").partition(" ")
        if kind != "token":
            name = handler.get_cookie("who", "")
            page = handler.request.method == "GET" and handler.request.path == self.prefix
            if not page and handler.request.headers.get("X-XSRFToken") != XSRF:
                name = ""
        return name, name == "instructor"

    def xsrf_token(self, handler: Any) -> str:
        """Return the page's token."""
        return XSRF

    def sign_in(self, handler: Any) -> None:
        """Send a browser to the hub."""
        handler.redirect("/hub/login")

    def handler_class(self) -> type:
        """Handlers need nothing more."""
        return type("Nothing", (), {})

    def routes(self) -> list[Any]:
        """No sign-in of its own."""
        return []


@dataclass
class Running:
    """A board that serves in a thread of its own, and can be ended and started again at the same address."""

    settings: Settings
    database: Any = ":memory:"
    classroom: Any = None
    port: int = 0
    loop: Any = None
    thread: Any = None
    _ready: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.port}{StandInDoors.prefix}"

    def start(self) -> Running:
        """Serve."""
        self._ready.clear()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()
        assert self._ready.wait(20)
        return self

    async def _serve(self) -> None:
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        store = Database(self.database)
        self.classroom = Classroom(self.settings, labs(), masker(), store)
        self.application = make_application(self.classroom, StandInDoors())
        server = HTTPServer(self.application, max_body_size=NOTEBOOK_BYTES)
        if self.port:
            server.listen(self.port, "127.0.0.1")
        else:
            listener, self.port = bind_unused_port()
            server.add_socket(listener)
        self._ready.set()
        await self.ended.wait()
        server.stop()
        await server.close_all_connections()
        store.close()

    def application_polls(self) -> int:
        """How many seats wait for a message now."""
        return sum(self.application.settings["polls"].values())

    def stop(self) -> None:
        """End."""
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(10)


_kept: dict[str, Any] = {}


def labs() -> dict[str, Lab]:
    """The kit's own labs, read once."""
    if "labs" not in _kept:
        _kept["labs"] = read_catalog()
    return _kept["labs"]


def masker() -> Masker:
    """The kit's own vocabulary, read once."""
    if "mask" not in _kept:
        _kept["mask"] = Masker(read_vocabulary())
    return _kept["mask"]


def script(
    seats: int, lab: str = "05_anonymize_tables", seed: int = 7
) -> list[tuple[float, str, dict[str, Any]]]:
    """Events of a class at work: seconds at human pace, seat, what it sends.

    Every fifth learner is slow and gets the same mistake again and again; some ask for hints.
    """
    draw = random.Random(seed)
    wrong = (
        "a column that says who someone is was left out.",
        "what came back is no list of columns: 17 values were found.",
        "the answer 'Maria Huber' is not a column of the table.",
        "`name_of_mine` is not defined.",
    )
    events: list[tuple[float, str, dict[str, Any]]] = []
    for number in range(1, seats + 1):
        now, seat, slow = draw.uniform(0, 60), f"seat-{number:02d}", number % 5 == 0
        events.append((now, seat, {"lab": lab, "task": "", "status": "opened"}))
        for task in labs()[lab].tasks:
            tries = draw.randint(4, 9) if slow else draw.randint(0, 2)
            for turn in range(tries):
                now += draw.uniform(60, 150) if slow else draw.uniform(30, 90)
                status = "error" if draw.random() < 0.2 else "incorrect"
                message = wrong[3] if status == "error" else draw.choice(wrong[:3])
                hints = min(turn, 3) if slow else 0
                events.append((now, seat, {
                    "lab": lab, "task": task.name, "status": status, "message": message, "hints_used": hints,
                }))  # fmt: skip
            now += draw.uniform(60, 200)
            solved = {"lab": lab, "task": task.name, "status": "correct", "message": "Yes."}
            events.append((now, seat, solved))
    return sorted(events, key=lambda one: one[:2])
