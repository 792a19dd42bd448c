"""Where learners sign in, and whether they can already."""

from __future__ import annotations

import contextlib
import time

import httpx

from secure_ai.core.errors import UserError
from secure_ai.workshop import processes
from secure_ai.workshop.hub.room import BOARD, Room, Settings
from secure_ai.workshop.machine import own_addresses

DOOR_SECONDS = 120
MOST_REFUSALS = 25


def addresses(settings: Settings) -> list[str]:
    """Return the addresses where learners sign in, the usual one first."""
    scheme = "https" if settings.more.get("certificate") else "http"
    everywhere = settings.host in ("0.0.0.0", "::")
    hosts = (own_addresses() or ["127.0.0.1"]) if everywhere else [settings.host]
    return [f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}/" for host in hosts]


def door(settings: Settings) -> str:
    """Return the address at which this machine itself reaches the hub, without a slash at the end."""
    scheme = "https" if settings.more.get("certificate") else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def wait_for_doors(room: Room, settings: Settings) -> None:
    """Wait until learners can sign in.

    Raises:
        UserError: if the hub ends, does not answer in time, or another program took the port meanwhile.
    """
    until = time.monotonic() + DOOR_SECONDS
    refused = status = 0
    while time.monotonic() < until and processes.HUB in processes.alive(room):
        status = knock(room, settings)
        if status == 200:
            return
        # Who answers and does not know the room's token is not the room.
        # The proxy answers 404 and 503 as long as the hub behind it does not; but who refuses the room's own
        # token is another hub.
        refused += status in (401, 403)
        if refused > MOST_REFUSALS:
            break
        time.sleep(0.2)
    if processes.HUB in processes.alive(room) and status:
        raise UserError(f"Another program took port {settings.port} meanwhile: try again, or name one.")
    raise UserError("The hub did not open: why, says private/logs/hub.log in the room's folder.")


def board_answers(settings: Settings) -> bool:
    """Return whether the board answers who has not signed in; a stranger is sent to the page to sign in."""
    with (
        contextlib.suppress(OSError, httpx.HTTPError),
        httpx.Client(verify=False, timeout=5, trust_env=False) as client,
    ):
        return client.get(f"{door(settings)}/services/{BOARD}/").status_code in (200, 302)
    return False


def knock(room: Room, settings: Settings) -> int:
    """Return with which status the hub answers the room's own token at the doors; 0 for no answer."""
    with contextlib.suppress(OSError, httpx.HTTPError):
        token = room.admin_token_file.read_text(encoding="ascii").strip()
        # The certificate is for the name that learners type; here the hub is called by a number.
        with httpx.Client(verify=False, timeout=5, trust_env=False) as client:
            address = f"{door(settings)}/hub/api/users?limit=1"
            answer = client.get(address, headers={"Authorization": f"token {token}"})
        return answer.status_code
    return 0
