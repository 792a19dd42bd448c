"""A learner as a program: signs in with a code, starts a kernel, runs cells."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

SECONDS = 90


class Learner:
    """A browser that keeps its cookies.

    Args:
        address: of the room, without a slash at the end.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx.Client(follow_redirects=True, timeout=60, trust_env=False)
        self.seat = ""

    def close(self) -> None:
        """Close the browser."""
        self.client.close()

    def cookie(self, name: str, path: str) -> str:
        """Return the value of a cookie, empty for none."""
        found = [one.value for one in self.client.cookies.jar if one.name == name and one.path == path]
        return found[0] if found else ""

    def sign_in(self, code: str) -> httpx.Response:
        """Type a code; return the page that comes, and wait for the seat if it was right."""
        self.client.get(f"{self.address}/hub/login")
        page = self.client.post(
            f"{self.address}/hub/login", data={"code": code, "_xsrf": self.cookie("_xsrf", "/hub/")}
        )
        until = time.monotonic() + SECONDS
        while page.status_code == 200 and "spawn-pending" in str(page.url) and time.monotonic() < until:
            time.sleep(0.3)
            page = self.client.get(str(page.url))
        if "/user/" in str(page.url):
            self.seat = str(page.url).split("/user/")[1].split("/")[0]
            page = self.client.get(f"{self.address}/user/{self.seat}/lab")
        return page

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call the interface of the learner's own JupyterLab."""
        base = f"/user/{self.seat}/"
        headers = {"X-XSRFToken": self.cookie("_xsrf", base)}
        return self.client.request(method, f"{self.address}{base}api/{path}", headers=headers, **more)

    def kernel(self) -> str:
        """Start a kernel; return its id."""
        answer = self.call("POST", "kernels", json={"name": "python3"})
        answer.raise_for_status()
        return answer.json()["id"]

    def run(self, kernel: str, source: str) -> str:
        """Run a cell; return what it printed, or the name and text of its error."""
        return asyncio.run(asyncio.wait_for(self._run(kernel, source), SECONDS))

    async def _run(self, kernel: str, source: str) -> str:
        base = f"/user/{self.seat}/"
        kept = [one for one in self.client.cookies.jar if one.path in ("/", base)]
        headers = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in kept), "Origin": self.address}
        url = f"{self.address.replace('http', 'ws', 1)}{base}api/kernels/{kernel}/channels"
        channel = await websocket_connect(HTTPRequest(url, headers=headers))
        number = uuid.uuid4().hex
        content = {"code": source, "silent": False, "store_history": False, "user_expressions": {}}
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": "s"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        message["channel"] = "shell"
        await channel.write_message(json.dumps(message))
        said, replied, idle = "", False, False
        while not (replied and idle):
            raw = await channel.read_message()
            if raw is None:
                raise ConnectionError("the kernel's channel closed")
            answer = json.loads(raw)
            if answer["parent_header"].get("msg_id") != number:
                continue
            kind, content = answer["msg_type"], answer["content"]
            said += content["text"] if kind == "stream" else ""
            said += f"{content['ename']}: {content['evalue']}" if kind == "error" else ""
            replied = replied or kind == "execute_reply"
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
        channel.close()
        return said.strip()


def board_of(address: str, code: str) -> dict[str, dict[str, Any]]:
    """Return the board's seats by name, asked for as the instructor."""
    instructor = Learner(address)
    instructor.sign_in(code)
    state = instructor.client.get(f"{address}/services/board/api/state").json()
    instructor.close()
    return {seat["name"]: seat for seat in state["seats"]}
