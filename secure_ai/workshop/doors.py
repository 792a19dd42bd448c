"""Where learners sign in, and whether they can already."""

from __future__ import annotations

import contextlib
import time

import httpx

from secure_ai.core.errors import UserError
from secure_ai.workshop import processes
from secure_ai.workshop.hub.room import Room, Settings
from secure_ai.workshop.machine import own_addresses

DOOR_SECONDS = 120


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
        UserError: if the hub ends, or does not answer in time.
    """
    until = time.monotonic() + DOOR_SECONDS
    # The certificate is for the name that learners type; here the hub is called by a number of this machine.
    with httpx.Client(verify=False, timeout=5, trust_env=False) as client:
        while time.monotonic() < until:
            if processes.HUB not in processes.alive(room):
                break
            with contextlib.suppress(httpx.HTTPError):
                if client.get(f"{door(settings)}/hub/login").status_code == 200:
                    return
            time.sleep(0.2)
    raise UserError("The hub did not open: why, says private/logs/hub.log in the room's folder.")
