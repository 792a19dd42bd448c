"""The addresses of the local provider: sign-in, tokens, keys, and its description of itself."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from secure_ai.access.openid import pages
from secure_ai.access.openid.errors import TokenError
from secure_ai.access.openid.grants import Desk
from secure_ai.access.openid.model import SCOPES, User
from secure_ai.access.openid.tokens import check_token
from secure_ai.core.errors import UserError

TICKET_SECONDS = 600
MAX_REQUEST_BYTES = 65_536
WRONG = "The user name, the password or the one-time code is wrong."
FORM_FIELDS = frozenset({"ticket", "username", "password", "one_time_code", "decision"})
Authenticate = Callable[[str, str, str], bool]


def description(issuer: str, algorithm: str) -> dict[str, Any]:
    """Return the discovery document (OpenID Connect Discovery 1.0, RFC 8414)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/keys",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def make_app(desk: Desk, server: AuthorizationServer, authenticate: Authenticate) -> Flask:
    """Return the web application; ``server`` has its grants registered already."""
    app = Flask("secure_ai.access.openid", static_folder=None, template_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES, MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES)
    store, issuer = desk.store, desk.terms.issuer
    server.init_app(app, query_client=store.clients.get, save_token=desk.save_token)

    @app.before_request
    def refuse_ambiguous() -> Response | None:
        """A foreign host name means DNS rebinding; a parameter given twice two readers may take apart."""
        if request.host != issuer.partition("://")[2]:
            return _error("invalid_request", "This provider does not go by that name.")
        for values in (request.args, request.form):
            if any(len(given) > 1 for _, given in values.lists()):
                return _error("invalid_request", "A parameter stands there twice.")
        if request.path in ("/token", "/revoke", "/introspect") and request.args:
            return _error("invalid_request", "Parameters belong in the body, where no log shows them.")
        return None

    @app.after_request
    def keep_out_of_caches(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.errorhandler(Exception)
    def failed(problem: Exception) -> Response:
        # Nothing of the request is repeated or logged: it may hold a password or a code.
        if isinstance(problem, HTTPException):
            return _error("invalid_request", problem.name + ".", problem.code or 400)
        if isinstance(problem, OAuth2Error | ValueError):
            return _error("invalid_request", "The request is malformed.")
        return _error("server_error", "The provider failed.", 500)

    @app.get("/.well-known/openid-configuration")
    @app.get("/.well-known/oauth-authorization-server")
    def describe() -> Response:
        return jsonify(description(issuer, desk.keys.algorithm))

    @app.get("/keys")
    def public_keys() -> Response:
        return jsonify(desk.keys.key_set())

    @app.get("/authorize")
    def show_form() -> Response:
        grant = _consent(server, issuer)
        return grant if isinstance(grant, Response) else _form(desk, grant)

    @app.post("/authorize")
    def decide() -> Response:
        grant = _consent(server, issuer)
        if isinstance(grant, Response):
            return grant
        ticket, cookie = request.form.get("ticket", ""), request.cookies.get("ticket", "")
        same = hmac.compare_digest(ticket.encode(), cookie.encode())
        if not same or not store.take_ticket(ticket, _query()) or not request.form.keys() <= FORM_FIELDS:
            return pages.message_page("This form is out of date: go back to the application and start again.")
        user = None
        if request.form.get("decision") != "deny":
            user = _authenticated(desk, grant.client.client_id, authenticate, request.form)
            if user is None:
                return _form(desk, grant, WRONG)
        return server.create_authorization_response(grant=grant, grant_user=user)

    @app.post("/token")
    def token() -> Response:
        # One at a time: of two requests with the same code only one may succeed.
        with store.lock:
            return server.create_token_response()

    @app.route("/userinfo", methods=["GET", "POST"])
    def user_info() -> Response:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        user = _user_of(desk, given.strip())
        if user is None:
            return Response(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return jsonify(user)

    @app.post("/revoke")
    def revoke() -> Response:
        with store.lock:
            return server.create_endpoint_response("revocation")

    @app.post("/introspect")
    def introspect() -> Response:
        with store.lock:
            return server.create_endpoint_response("introspection")

    return app


def _error(code: str, text: str, status: int = 400) -> Response:
    response = jsonify({"error": code, "error_description": text})
    response.status_code = status
    return response


def _query() -> str:
    return request.query_string.decode("latin-1")


def _consent(server: AuthorizationServer, issuer: str) -> Any:
    """Return the grant that a request is for, or the response that refuses it."""
    try:
        return server.get_consent_grant()
    except OAuth2Error as problem:
        if not problem.redirect_uri:
            # The address is not known to be the application's: sending anyone there would help a thief.
            return pages.message_page(
                "The application's request is not acceptable: its name or its address for the answer is not "
                "known here."
            )
        address = add_params_to_uri(problem.redirect_uri, [*problem.get_body(), ("iss", issuer)])
        return Response(status=302, headers={**pages.HEADERS, "Location": address})
    except ValueError:
        # Authlib 1.9 puts the request's address into an error text that may not hold every character.
        return pages.message_page("The application's request is malformed.")


def _form(desk: Desk, grant: Any, problem: str = "") -> Response:
    ticket = desk.store.new_ticket(_query(), TICKET_SECONDS)
    client = grant.request.client
    page = pages.sign_in_page(client.title or client.client_id, grant.request.scope or "", ticket, problem)
    page.set_cookie("ticket", ticket, TICKET_SECONDS, path="/authorize", httponly=True, samesite="Strict")
    return page


def _authenticated(
    desk: Desk, client_id: str, authenticate: Authenticate, form: Mapping[str, str]
) -> User | None:
    username = form.get("username", "")
    user = desk.store.user_named(username)
    try:
        # Asked for unknown names, too, so that the time taken does not tell which exist.
        right = authenticate(
            user.username if user else username,
            form.get("password", ""),
            form.get("one_time_code", "").strip(),
        )
    except UserError:
        right = False
    if user is None or right is not True:
        actor = user.username if user else "unknown"
        desk.report(actor, "sign_in", client_id, "denied", reason="wrong name, password or code")
        return None
    desk.report(user.username, "sign_in", client_id, "allowed")
    return user


def _user_of(desk: Desk, token: str) -> dict[str, object] | None:
    store = desk.store
    record = desk.find(token)
    client = store.clients.get(record.family.client_id) if record is not None else None
    if record is None or client is None or record.refresh or record.is_revoked():
        return None
    try:
        claims = check_token(
            token,
            issuer=desk.terms.issuer,
            audience=client.audience or desk.terms.audience,
            keys=desk.keys.key_set(),
            now=store.clock,
            leeway=0,
        )
    except TokenError:
        return None
    user = store.users.get(claims.subject)
    if user is None or "openid" not in claims.scopes:
        return None
    return user.claims(" ".join(claims.scopes))
