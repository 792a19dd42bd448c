"""A learner as their browser is: signs in, opens a kernel, runs cells, saves; and what a seat takes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

OPEN_SECONDS = 300
CELL_SECONDS = 120
LARGEST_MESSAGE = 64 * 2**20
GONE = ("restarting", "autorestarting", "dead")  # what a server says of a kernel that ended


@dataclass(frozen=True)
class Ran:
    """What came of a cell.

    Attributes:
        error: name and sentence of the exception; empty if there was none.
        text: that was printed.
        seconds: from sending to the kernel's answer.
    """

    error: str
    text: str
    seconds: float


class LostKernelError(Exception):
    """The kernel ended, or the way to it broke."""


class Learner:
    """A browser at one seat.

    Args:
        door: address of the room, ``http://127.0.0.1:8000``; for a plain server its address.
        name: of the seat.
        code: to sign in with.
        prefix: of the seat's server, ``/user/seat-01``; made of the name if not given.
    """

    def __init__(self, door: str, name: str, code: str, prefix: str | None = None) -> None:
        self.door, self.name, self.code = door, name, code
        self.prefix = f"/user/{name}" if prefix is None else prefix
        self.web = httpx.AsyncClient(follow_redirects=True, timeout=120, trust_env=False)
        self.kernel = ""
        self.socket: WebSocketClientConnection | None = None

    async def __aenter__(self) -> Self:
        """Open the browser."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self.socket is not None:
            self.socket.close()
        await self.web.aclose()

    def token(self, prefix: str) -> str:
        """Return the XSRF token of the pages under a path."""
        found = [one.value for one in self.web.cookies.jar if one.name == "_xsrf" and one.path == prefix]
        return found[0] or "" if found else ""

    async def sign_in(self) -> None:
        """Type the code.

        Raises:
            RuntimeError: if the room does not let this learner in.
        """
        page = await self.web.get(f"{self.door}/hub/login")
        page.raise_for_status()
        xsrf = next(one.value for one in self.web.cookies.jar if one.name == "_xsrf")
        # The hub puts the browser's page of the seat behind it; what is of interest is whether it lets in.
        answer = await self.web.post(
            f"{self.door}/hub/login?next=%2Fhub%2Fhome",
            data={"code": self.code, "_xsrf": xsrf},
            headers={"Sec-Fetch-Mode": "navigate"},
            follow_redirects=False,
        )
        if answer.status_code != 302:
            raise RuntimeError(f"{self.name} was not let in ({answer.status_code})")

    async def open_seat(self) -> None:
        """Wait until the seat's JupyterLab answers, asking for its page as a browser does.

        Raises:
            RuntimeError: if it does not.
        """
        until = time.monotonic() + OPEN_SECONDS
        while time.monotonic() < until:
            page = await self.web.get(f"{self.door}{self.prefix}/lab")
            if page.status_code == 200 and page.url.path.startswith(f"{self.prefix}/lab"):
                return
            if page.status_code == 424:
                # "Not running": the hub's page goes on by itself to where the seat is started.
                await self.web.get(
                    f"{self.door}/hub/spawn/{self.name}",
                    headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"},
                )
            await asyncio.sleep(0.5)
        raise RuntimeError(f"{self.name} has no seat after {OPEN_SECONDS} s")

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call the server of the seat."""
        xsrf = self.token(f"{self.prefix}/")
        return await self.web.request(
            method, f"{self.door}{self.prefix}/{path}", headers={"X-XSRFToken": xsrf}, **more
        )

    async def open_kernel(self, path: str) -> None:
        """Open a notebook's kernel and the channel to it, as JupyterLab does."""
        answer = await self.ask(
            "POST",
            "api/sessions",
            json={"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}},
        )
        answer.raise_for_status()
        self.kernel = answer.json()["kernel"]["id"]
        await self.connect()

    async def connect(self) -> None:
        """Open the channel to the kernel."""
        if self.socket is not None:
            self.socket.close()
        cookies = "; ".join(
            f"{one.name}={one.value}"
            for one in self.web.cookies.jar
            if one.path in ("/", f"{self.prefix}/") and one.name != "_xsrf"
        )
        request = HTTPRequest(
            f"{self.door.replace('http', 'ws', 1)}{self.prefix}/api/kernels/{self.kernel}/channels",
            headers={"Cookie": cookies, "Origin": self.door},
            request_timeout=120,
            connect_timeout=120,
        )
        self.socket = await websocket_connect(request, max_message_size=LARGEST_MESSAGE)

    async def run(self, code: str, seconds: float = CELL_SECONDS) -> Ran:
        """Run a cell.

        Raises:
            LostKernelError: if the kernel does not live to answer.
            TimeoutError: if it takes longer than ``seconds``.
        """
        number, began = uuid.uuid4().hex, time.perf_counter()
        header = {
            "msg_id": number, "msg_type": "execute_request", "username": "learner", "session": number,
            "version": "5.3",
        }  # fmt: skip
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": False,
        }  # fmt: skip
        message = {
            "header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "content": content,
        }  # fmt: skip
        if self.socket is None:
            raise LostKernelError
        text, error, replied, idle = "", "", False, False
        try:
            await self.socket.write_message(json.dumps(message))
            while not (replied and idle):
                raw = await asyncio.wait_for(
                    self.socket.read_message(), seconds - (time.perf_counter() - began)
                )
                if raw is None:
                    raise LostKernelError
                if isinstance(raw, bytes):
                    continue  # a drawing of a widget
                said = json.loads(raw)
                kind, content = said["msg_type"], said["content"]
                if kind == "status" and content["execution_state"] in (
                    "restarting",
                    "dead",
                    "autorestarting",
                ):
                    raise LostKernelError
                if said["parent_header"].get("msg_id") != number:
                    continue
                if kind == "stream":
                    text += content["text"]
                elif kind == "error":
                    error = f"{content['ename']}: {content['evalue']}"
                elif kind == "status":
                    idle = content["execution_state"] == "idle"
                elif kind == "execute_reply":
                    replied = True
        except ConnectionError as closed:  # tornado's StreamClosedError and WebSocketClosedError are others
            raise LostKernelError from closed
        except Exception as failed:
            if type(failed).__name__ in ("StreamClosedError", "WebSocketClosedError"):
                raise LostKernelError from failed
            raise
        return Ran(error, text, time.perf_counter() - began)

    async def read(self, path: str) -> dict[str, Any]:
        """Return a notebook of the home."""
        answer = await self.ask("GET", f"api/contents/{path}", params={"content": "1"})
        answer.raise_for_status()
        return answer.json()["content"]

    async def save(self, path: str, notebook: dict[str, Any]) -> None:
        """Save a notebook; returns when the server says that it is written."""
        answer = await self.ask(
            "PUT", f"api/contents/{path}", json={"type": "notebook", "format": "json", "content": notebook}
        )
        answer.raise_for_status()


def pss_mib(numbers: list[int]) -> float:
    """Return the memory of processes in MiB: what each has of its own, and its share of what several have."""
    total = 0
    for number in numbers:
        try:
            text = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue  # ended meanwhile
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])
    return total / 1024


def processes_of(uid: int) -> list[int]:
    """Return the numbers of a user's processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid or _owner(entry) == uid:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _owner(entry: Path) -> int:
    status = (entry / "status").read_text(encoding="utf-8", errors="replace")
    return int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1])


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += parents.get(one, [])
    return found


def load() -> str:
    """Return how busy the machine is, in a phrase for the head of a table."""
    one, five, _ = os.getloadavg()
    return f"load {one:.1f} (1 min), {five:.1f} (5 min) on {os.cpu_count()} processors"
