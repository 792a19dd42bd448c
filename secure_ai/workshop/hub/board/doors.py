"""Who asks: JupyterHub says it, by a seat's token or by the browser's sign-in."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from tornado import web

from secure_ai.workshop.hub.codes import INSTRUCTOR


class HubDoors:
    """Asks the hub whose request this is."""

    def __init__(self) -> None:
        from jupyterhub.services.auth import HubOAuth

        self.auth = HubOAuth.instance()
        # A token that the hub takes back opens the board for this long at most.
        self.auth.cache_max_age = 60

    @property
    def prefix(self) -> str:
        """The path under which the hub's proxy shows the board."""
        return self.auth.base_url

    @property
    def cookie_secret(self) -> bytes:
        """The secret of the board's cookies: the same after a restart, so that the page stays open."""
        return hashlib.sha256(b"board cookies\0" + self.auth.api_token.encode()).digest()

    async def who(self, handler: web.RequestHandler) -> tuple[str, bool]:
        """Return the name of the hub's user, and whether it is the instructor; empty for nobody.

        A request with a cookie must bring the page's XSRF token along, as JupyterHub asks for it.
        """
        model = await self.auth.get_user(handler, sync=False)
        if not model or model.get("kind", "user") != "user":
            return "", False
        if not self.auth.check_scopes(self.auth.access_scopes, model):
            return "", False
        return model["name"], model["name"] == INSTRUCTOR

    def xsrf_token(self, handler: web.RequestHandler) -> str:
        """Return the token that the page sends with its requests."""
        from jupyterhub._xsrf_utils import get_xsrf_token

        token = get_xsrf_token(handler, cookie_path=self.prefix)
        return token.decode("ascii") if isinstance(token, bytes) else token

    def sign_in(self, handler: web.RequestHandler) -> None:
        """Send a browser to the hub's sign-in."""
        handler.redirect(handler.get_login_url())

    def handler_class(self) -> type:
        """Return what handlers inherit from, so that JupyterHub's sign-in works with them."""
        from jupyterhub.services.auth import HubOAuthenticated

        return HubOAuthenticated

    def routes(self) -> list[Any]:
        """Return the handlers of the sign-in itself."""
        from jupyterhub.services.auth import HubOAuthCallbackHandler

        return [(f"{self.prefix}oauth_callback", HubOAuthCallbackHandler)]

    def ssl_context(self) -> Any:
        """Return how the board proves itself to the proxy, or None without internal TLS."""
        import ssl

        from jupyterhub.utils import make_ssl_context

        key, certificate, authority = (
            os.environ.get(f"JUPYTERHUB_SSL_{name}", "") for name in ("KEYFILE", "CERTFILE", "CLIENT_CA")
        )
        if not key or not certificate:
            return None
        return make_ssl_context(key, certificate, cafile=authority, purpose=ssl.Purpose.CLIENT_AUTH)
