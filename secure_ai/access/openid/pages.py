"""The pages that the local provider shows to people: plain HTML without scripts."""

from __future__ import annotations

from flask import Response, render_template_string

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a;
  max-width: 26rem; margin: 3rem auto; padding: 0 1rem }
label { display: block; margin-top: 1rem }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; border: 1px solid #595959 }
button { font: inherit; margin: 1.5rem .5rem 0 0; padding: .4rem 1rem }
.problem { border-left: .3rem solid #a40000; padding-left: .7rem }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
{% block content %}{% endblock %}
</main>
</body>
</html>"""

_SIGN_IN = _FRAME.replace(
    "{% block content %}{% endblock %}",
    """<p>{{ application }} asks you to sign in. It will learn: {{ learns }}.</p>
{% if problem %}<p class="problem" role="alert">{{ problem }}</p>{% endif %}
<form method="post">
<input type="hidden" name="ticket" value="{{ ticket }}">
<label>User name <input name="username" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<label>One-time code, if you use one
<input name="one_time_code" inputmode="numeric" autocomplete="one-time-code"></label>
<button name="decision" value="allow">Sign in</button>
<button name="decision" value="deny" formnovalidate>Cancel</button>
</form>""",
)
_MESSAGE = _FRAME.replace("{% block content %}{% endblock %}", "<p>{{ message }}</p>")
_LEARNS = {
    "openid": "your user name",
    "profile": "your name",
    "email": "your e-mail address",
    "roles": "your groups and roles",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def sign_in_page(application: str, scope: str, ticket: str, problem: str = "") -> Response:
    """Return the form with user name, password and one-time code; ``problem`` says what was wrong."""
    learns = ", ".join(_LEARNS.get(name, name) for name in scope.split())
    page = render_template_string(
        _SIGN_IN, title="Sign in", application=application, learns=learns, ticket=ticket, problem=problem
    )
    return Response(page, status=401 if problem else 200, headers=HEADERS)


def message_page(message: str, status: int = 400) -> Response:
    """Return a page with one sentence."""
    page = render_template_string(_MESSAGE, title="Sign-in not possible", message=message)
    return Response(page, status=status, headers=HEADERS)
