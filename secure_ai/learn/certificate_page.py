"""A certificate as one HTML file: what is signed covers every byte of it, so nothing on it can be changed.

The file is a page with a block in it. The block holds the signed data (canonical JSON) and the signature; the
data hold the SHA-256 of the page with a mark in the place of the block. A release of the kit that lays the
page out in another way can still verify an older one.
"""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from importlib import resources
from typing import Any

from markupsafe import Markup

from secure_ai.encrypt.transport.packages.manifest import FORMAT
from secure_ai.encrypt.transport.public_keys import fingerprint, read_public_line
from secure_ai.learn.pages import render

PURPOSE = "certificate"
_BLOCK = "<!--block-->"
_OPEN = '<script type="application/json" id="signed-data">'
_BETWEEN = '</script>\n<script type="application/json" id="signature">'
_CLOSE = "</script>\n<!-- end of the signature -->"
# The same in the page's own check: what is laid out in another way still says the same.
_WHITE = re.compile("[ \t\n\r\u00a0]+")
PROVES = {
    "own": (
        "It proves that the progress file on the learner's machine said so when this was issued, and that "
        "nothing here was changed since. It does not prove who sat there or that nobody helped: the owner of "
        "a progress file can write into it, and solutions can be read elsewhere. An instructor's record of a "
        "workshop proves more."
    ),
    "file": (
        "It proves that the issuer was handed a progress file that said so, and that nothing here was "
        "changed since. It does not prove who solved the tasks: the owner of a progress file can write into "
        "it, and solutions can be read elsewhere. An instructor's record of a workshop proves more."
    ),
    "room": (
        "It proves that the progress file of the learner's seat in the issuer's workshop said so, and that "
        "nothing here was changed since. The learner could write into that file too: what was solved under "
        "the eyes of the instructor is for the instructor to say, who has signed here."
    ),
}


def canonical(data: dict[str, Any]) -> str:
    """Return the one way to write what is signed: sorted, no spaces, ASCII, nothing that ends a script."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def lay_out(data: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the data with the hashes of their page, and the page, in which :func:`join` puts the block."""
    script = (resources.files("secure_ai.learn.pages") / "certificate.js").read_text("utf-8")
    script = script.replace("@PREFIX@", f"{FORMAT} {PURPOSE}")
    page = render(
        "certificate.html.j2",
        data=data,
        title="Certificate of completion",
        proves=PROVES[data["record"]["source"]],
        fingerprint=fingerprint(read_public_line(data["key"], "ed25519")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        block=Markup(_BLOCK),
    )
    hashes = {"page": _sha256(page), "text": _sha256(visible_text(page))}
    return data | hashes, page


def join(page: str, signed: str, signature: str) -> str:
    """Put what was signed, and its signature, into their place on the page."""
    return page.replace(_BLOCK, f"{_OPEN}{signed}{_BETWEEN}{signature}{_CLOSE}")


def split(file: str) -> tuple[str, str, str] | None:
    """Return the SHA-256 of the page, what was signed, and the signature; None if it is no certificate."""
    before, opened, rest = file.partition(_OPEN)
    signed, between, rest = rest.partition(_BETWEEN)
    signature, closed, after = rest.partition(_CLOSE)
    if not (opened and between and closed) or "<" in signed + signature:
        return None
    return _sha256(before + _BLOCK + after), signed, signature


def visible_text(page: str) -> str:
    """Return the text of the certificate as a browser has it, without white space."""
    reader = _Text()
    reader.feed(page)
    reader.close()
    return _WHITE.sub("", "".join(reader.parts))


class _Text(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or (tag == "main" and ("id", "certificate") in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "main"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.parts.append(data)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
