"""Sign in with a code and nothing else."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.handlers.pages import SpawnHandler
from traitlets import Any as AnyTrait

from secure_ai.workshop.hub.codes import INSTRUCTOR, Codes, TooManyGuesses
from secure_ai.workshop.hub.room import BOARD

TEMPLATES = Path(__file__).with_name("templates")
WRONG = "This code is wrong or was used before: look again, or ask your instructor for a new one."
EMPTY = "Type the code that your instructor gave you: eight letters and digits."


class CodeHandler(LoginHandler):
    """The page with one field."""

    refused = WRONG
    status = 403

    async def post(self) -> None:
        """Sign in, or show the page again with one sentence that says why not."""
        user = await self.login_user({"code": self.get_body_argument("code", default="")[:100]})
        if user:
            self._jupyterhub_user = user
            self.redirect(self.get_next_url(user))
            return
        self.set_status(self.status)
        self.finish(await self._render(login_error=self.refused))


class SeatHandler(SpawnHandler):
    """The page that starts a seat; the instructor, who has none, gets the board."""

    def get(self, user_name: str | None = None, server_name: str = "") -> Any:
        """Start the seat of who asks."""
        if self.current_user is not None and self.current_user.name == INSTRUCTOR and not user_name:
            return self.redirect(after_sign_in(self))
        return super().get(user_name, server_name)


class CodeAuthenticator(Authenticator):
    """Who has a code takes its seat; nobody else gets in."""

    room = AnyTrait(help="The room's folder.").tag(config=True)
    _turn: asyncio.Lock | None = None

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """Return the page to sign in, and the one that follows it."""
        return [("/login", CodeHandler), ("/spawn", SeatHandler)]

    async def authenticate(self, handler: CodeHandler, data: dict[str, str]) -> dict[str, Any] | None:
        """Redeem a code; return the user, or None and have the page say why."""
        code = data.get("code", "").strip()
        if not code:
            handler.refused, handler.status = EMPTY, 400
            return None
        if self._turn is None:
            self._turn = asyncio.Lock()
        try:
            # One guess at a time: a flood of them cannot take the processors from the class.
            async with self._turn:
                seat = await asyncio.to_thread(
                    Codes(self.room.codes_file).redeem, code, handler.request.remote_ip or ""
                )
        except TooManyGuesses as error:
            seconds = max(1, math.ceil(error.seconds))
            handler.set_header("Retry-After", str(seconds))
            handler.refused, handler.status = (
                f"Too many wrong codes: wait {seconds} seconds, then try again.",
                429,
            )
            return None
        if seat is None:
            handler.refused, handler.status = WRONG, 403
            return None
        if seat != INSTRUCTOR:
            sign_out(handler, seat)
        return {"name": seat, "admin": seat == INSTRUCTOR}


def sign_out(handler: Any, name: str) -> None:
    """End the sessions that a seat has elsewhere: a new code means that one person holds the seat."""
    user = handler.find_user(name)
    if user is None:
        return
    from jupyterhub.orm import new_token

    user.cookie_id = new_token()
    for token in list(user.api_tokens):
        if token.session_id:
            handler.db.delete(token)
    handler.db.commit()


def after_sign_in(handler: Any) -> str:
    """Return where a user goes: the instructor to the board, a learner to their seat."""
    user = handler.current_user
    if user is not None and user.name == INSTRUCTOR:
        return f"/services/{BOARD}/"
    if user is not None and user.spawner.active and not user.spawner.pending:
        return user.url
    return handler.hub.base_url + "spawn"
