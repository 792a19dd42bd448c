"""Sign in through a learning platform (LTI 1.3) beside codes: a launch takes the next free seat.

The hub learns the platform's own number of the learner, keeps a hash of it with the seat, and no name.
Tried with a stand-in platform on this machine alone; see ``workshop/lti/README.md``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.auth import Authenticator
from ltiauthenticator.lti13.auth import LTI13Authenticator
from ltiauthenticator.lti13.handlers import LTI13CallbackHandler
from tornado import web
from traitlets import Any as AnyTrait

from secure_ai.workshop.hub.codes import Codes
from secure_ai.workshop.hub.room import Room, RoomError, Settings
from secure_ai.workshop.hub.sign_in import CodeAuthenticator

KEYS = ("issuer", "client_id", "authorize_url", "jwks_endpoint")
FULL = "Every seat of this room is taken: ask your instructor."
LOCAL = ("127.0.0.1", "localhost", "::1")


class Launches:
    """Which learner of the platform has which seat; a hash of who, never who.

    Args:
        path: database, beside that of the codes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def seat(self, issuer: str, subject: str, free: list[str]) -> str | None:
        """Return the learner's seat, the first of ``free`` at the first launch; None if there is none."""
        who = hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()
        with contextlib.closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS launches (who TEXT PRIMARY KEY, seat TEXT UNIQUE NOT NULL)"
            )
            database.execute("BEGIN IMMEDIATE")
            rows = dict(database.execute("SELECT who, seat FROM launches"))
            if who in rows:
                database.execute("COMMIT")
                return rows[who]
            seat = next((name for name in free if name not in rows.values()), None)
            if seat is not None:
                database.execute("INSERT INTO launches VALUES (?, ?)", (who, seat))
            database.execute("COMMIT")
        self.path.chmod(0o600)
        return seat


class PlatformAuthenticator(CodeAuthenticator, LTI13Authenticator):
    """Learners come from the platform, or with a code; the instructor comes with a code."""

    settings = AnyTrait(help="The room's settings.").tag(config=True)

    def login_url(self, base_url: str) -> str:
        """Return the page for codes; a launch begins at ``launch_url``."""
        return Authenticator.login_url(self, base_url)

    def launch_url(self, base_url: str) -> str:
        """Return where the platform begins a launch."""
        return LTI13Authenticator.login_url(self, base_url)

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """Return the page for codes and the two addresses of a launch."""
        launch = [
            (self.launch_url(""), self.login_handler),
            (self.callback_url(""), self.callback_handler),
        ]
        return [*CodeAuthenticator.get_handlers(self, app), *launch]

    async def authenticate(self, handler: Any, data: dict[str, Any]) -> dict[str, Any] | None:
        """Return the user: of a code, or of a launch whose token was verified."""
        if not isinstance(handler, LTI13CallbackHandler):
            return await CodeAuthenticator.authenticate(self, handler, data)
        subject = data.get("sub")
        if not isinstance(subject, str) or not subject:
            raise web.HTTPError(400, "The platform did not say who launches.")
        # A seat that somebody took with a code is not free.
        taken = {name for name, at in Codes(self.room.codes_file).taken().items() if at is not None}
        free = [seat.name for seat in self.settings.seats if seat.name not in taken]
        seat = Launches(self.room.private / "launches.sqlite").seat(self.issuer, subject, free)
        if seat is None:
            raise web.HTTPError(403, FULL)
        # Whatever role the platform gives: the instructor of this room signs in with a code.
        return {"name": seat, "admin": False}


def platform(settings: Settings) -> dict[str, Any]:
    """Return what the room's settings say of the platform, checked.

    Raises:
        RoomError: if something is missing or no address.
    """
    given = settings.more.get("lti")
    if not isinstance(given, dict) or sorted(given) != sorted(KEYS):
        raise RoomError(f"The settings of the platform are a JSON object with {', '.join(KEYS)}.")
    for key in ("issuer", "authorize_url", "jwks_endpoint"):
        address = urlsplit(given[key]) if isinstance(given[key], str) else urlsplit("")
        if address.hostname is None or (address.scheme != "https" and address.hostname not in LOCAL):
            raise RoomError(f"{key} of the platform must be an https address.")
    clients = [given["client_id"]] if isinstance(given["client_id"], str) else given["client_id"]
    if not isinstance(clients, list) or not clients or not all(isinstance(c, str) and c for c in clients):
        raise RoomError("client_id of the platform is the text that it gave this tool, or a list of such.")
    return {**given, "client_id": set(clients)}


def configure(c: Any, room: Room, settings: Settings) -> None:
    """Have the hub take launches of the platform that ``settings.more["lti"]`` names; call it last.

    Raises:
        RoomError: if the platform's settings are wrong, or the room has no certificate.
    """
    given = platform(settings)
    if not settings.more.get("certificate"):
        # The platform sends its learners by a form from another site, and browsers send cookies along with
        # that only if they are marked Secure and SameSite=None.
        raise RoomError("A platform can launch into this room only with a certificate: give one.")
    c.JupyterHub.authenticator_class = PlatformAuthenticator
    for name in (PlatformAuthenticator.__name__, CodeAuthenticator.__name__):
        c[name].room = room
    c.PlatformAuthenticator.settings = settings
    c.PlatformAuthenticator.uri_scheme = "https"
    for key in KEYS:
        setattr(c.LTI13Authenticator, key, given[key])
    tornado = dict(c.JupyterHub.tornado_settings) if "tornado_settings" in c.JupyterHub else {}
    c.JupyterHub.tornado_settings = {**tornado, "cookie_options": {"samesite": "None", "secure": True}}


def for_platform(address: str, name: str = "Secure AI workshop") -> dict[str, Any]:
    """Return what a platform asks for when a tool is registered, as JSON.

    Args:
        address: of the room as learners reach it, ``https://room.example.org``.
        name: of the tool.
    """
    base = address.rstrip("/")
    return {
        "title": name,
        "description": "Labs on putting AI to work safely",
        "oidc_initiation_url": f"{base}/hub/lti13/oauth_login",
        "target_link_uri": f"{base}/hub/",
        "redirect_uris": [f"{base}/hub/lti13/oauth_callback"],
        # No service of the platform, no e-mail address, no name.
        "scopes": [],
        "privacy_level": "anonymous",
        "custom_fields": {},
        "extensions": [
            {
                "platform": "canvas.instructure.com",
                "privacy_level": "anonymous",
                "settings": {
                    "platform": "canvas.instructure.com",
                    "placements": [
                        {
                            "placement": "course_navigation",
                            "message_type": "LtiResourceLinkRequest",
                            "windowTarget": "_blank",
                            "target_link_uri": f"{base}/hub/",
                        }
                    ],
                },
            }
        ],
    }


if __name__ == "__main__":
    import sys

    print(json.dumps(for_platform(*sys.argv[1:3]), indent=1))
