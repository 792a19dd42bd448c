"""Start the seats before anybody signs in, so that a class that comes at once is not a queue.

A service of the hub. It asks the hub for one seat after the other; the spawner starts a few at a time. Who
signs in before their seat has had its turn starts it themselves. Afterwards it sleeps: a seat that was closed
because nobody used it stays closed until its learner comes.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections.abc import Sequence
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from secure_ai.workshop.hub.room import Room

AT_ONCE = 4
TRIES = 30
PAUSE = 1.0


def _context() -> ssl.SSLContext | None:
    key, certificate, authorities = (
        os.environ.get(f"JUPYTERHUB_SSL_{part}", "") for part in ("KEYFILE", "CERTFILE", "CLIENT_CA")
    )
    if not key:
        return None
    context = ssl.create_default_context(cafile=authorities)
    context.load_cert_chain(certificate, key)
    return context


async def start(seat: str) -> bool:
    """Ask the hub to start a seat, and wait until it runs; return whether it does."""
    client = AsyncHTTPClient()
    url = f"{os.environ['JUPYTERHUB_API_URL']}/users/{seat}"
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    ask: dict[str, Any] = {"headers": headers, "request_timeout": 60}
    asked = False
    for _ in range(TRIES * 4):
        try:
            # JupyterHub writes one certificate for all its services, and writes it anew for the next one: who
            # reads in between finds half of each, an OSError too.
            ask["ssl_options"] = ask.get("ssl_options") or _context()
            answer = await client.fetch(url, **ask)
            server = json.loads(answer.body).get("servers", {}).get("")
            if server and server.get("ready"):
                return True
            if not server and asked:
                return False  # it started and ended
            if not server:
                await client.fetch(f"{url}/server", method="POST", body="", **ask)
                asked = True
        except HTTPClientError as error:
            if error.code == 403:
                return False
        except OSError:
            ask.pop("ssl_options", None)  # the hub is still opening
        await asyncio.sleep(PAUSE)
    return False


async def open_seats(names: Sequence[str]) -> int:
    """Start seats, a few at a time; return how many run."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> bool:
        async with turns:
            return await start(name)

    return sum(await asyncio.gather(*(one(name) for name in names)))


async def main() -> None:
    """Start the seats of the room, say how many run, and sleep until the hub ends."""
    settings = Room.from_environment().settings()
    names = [seat.name for seat in settings.seats]
    most = settings.more.get("prestart", len(names))
    running = await open_seats(names[: int(most)])
    print(f"{running} of {len(names)} seats started ahead.", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
