"""Certificates: only for what is solved, refused when one character is another, one page of paper."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.encrypt.transport.packages.manifest import sign
from secure_ai.encrypt.transport.public_keys import OrganizationKeyError, generate_signing_key, public_line
from secure_ai.learn import progress
from secure_ai.learn.certificate import (
    CertificateRefused,
    NotComplete,
    Signer,
    make_certificate,
    organization_signer,
    own_signer,
    verify_certificate,
    write_certificate,
)
from secure_ai.learn.certificate_page import canonical, join, lay_out, split
from secure_ai.learn.path_progress import path_progress
from secure_ai.learn.progress_records import own_record
from tests.learn.learners import place_progress, solve, solve_path

CHROMIUM = shutil.which("chromium")
TODAY = dt.date(2026, 3, 9)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LINE = public_line(KEY.public_key())
OTHER = public_line(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))).public_key())
NAME = "Ana María <O'Neil> & 李"


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patching:
        yield patching


@pytest.fixture(scope="module")
def learner(patch, tmp_path_factory):
    """A learner who has solved everything, one task after a hint and one after its solution was shown."""
    place_progress(patch, tmp_path_factory.mktemp("kept") / "progress.sqlite")
    progress.record("03_data_inventory", "routing_is_valid", hints_used=1)
    progress.record("03_data_inventory", "find_labeled", solution_shown=True)
    solve_path("full")
    return own_record()


@pytest.fixture(scope="module")
def page(learner) -> str:
    signer = Signer(KEY, "General Hospital")
    return make_certificate(
        path_progress("compliance", learner), learner, name=NAME, signer=signer, today=TODAY
    )


@pytest.fixture
def file(page, tmp_path) -> Path:
    return write_certificate(page, tmp_path / "certificate.html")


def _written(folder: Path, text: str) -> Path:
    path = folder / "changed.html"
    path.write_bytes(text.encode())
    return path


def test_it_says_who_what_when_and_how(file):
    data = verify_certificate(file, LINE).data
    assert (data["name"], data["path"]["id"], data["issued"]) == (NAME, "compliance", "2026-03-09")
    assert data["issuer"] == {"kind": "organization", "name": "General Hospital"}
    assert data["tasks"] == sum(one["tasks"] for one in data["chapters"]) == 32
    assert data["planned_minutes"] == sum(one["minutes"] for one in data["chapters"])
    inventory = next(one for one in data["chapters"] if one["number"] == "03")
    counts = ("tasks", "alone", "hints", "solution", "unknown")
    assert [inventory[name] for name in counts] == [6, 4, 1, 1, 0]
    for one in data["chapters"]:
        assert one["tasks"] == sum(one[name] for name in counts[1:])
    assert "RA" not in {one["number"] for one in data["chapters"]}, "nothing of it can be counted"


def test_only_the_key_that_was_given_makes_it_trusted(file):
    assert verify_certificate(file, LINE).trusted
    without = verify_certificate(file)
    assert not without.trusted and "whose key that is nobody has told" in without.sentence()
    with pytest.raises(CertificateRefused, match="signed with another key than yours"):
        verify_certificate(file, OTHER)
    with pytest.raises(OrganizationKeyError, match="one line"):
        verify_certificate(file, "ed25519:no key")


def test_a_page_that_is_not_complete_is_not_signed(monkeypatch, tmp_path):
    place_progress(monkeypatch, tmp_path / "progress.sqlite")
    solve("00", "01")
    record = own_record()
    with pytest.raises(NotComplete) as raised:
        make_certificate(
            path_progress("compliance", record), record, name="A", signer=Signer(KEY, "H"), today=TODAY
        )
    assert [line[:2] for line in raised.value.missing] == ["03", "04", "05", "16", "17"]


def test_names_are_escaped_and_kept_nowhere_else(page, learner):
    assert "<O'Neil>" not in page and "&lt;O&#39;Neil&gt;" in page
    folder = progress.local_folder()
    assert not any(b"Neil" in path.read_bytes() for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize(
    "name", ["", "  ", "a" * 101, "a\nb", "a\x00", "\u202eabc", "a\u2028b", "\ud800", None, 7]
)
def test_names_that_cannot_stand_there_are_refused(learner, name):
    with pytest.raises(UserError, match="1 to 100 printable characters"):
        make_certificate(
            path_progress("compliance", learner), learner, name=name, signer=Signer(KEY, "H"), today=TODAY
        )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_other_character_anywhere_is_refused(page, tmp_path, data):
    place = data.draw(st.integers(0, len(page) - 1))
    other = data.draw(st.sampled_from(["", " ", "x", "0", "é", "<", "\n", page[place] * 2]))
    changed = page[:place] + other + page[place + 1 :]
    if changed == page:
        return
    with pytest.raises(UserError):
        verify_certificate(_written(tmp_path, changed), LINE)


def test_every_character_of_the_signed_part_counts(page, tmp_path):
    start, end = page.index('id="signed-data">'), page.index("<!-- end of the signature -->")
    for place in range(start, end, 7):
        for other in ("", "A" if page[place] != "A" else "B"):
            with pytest.raises(UserError):
                verify_certificate(_written(tmp_path, page[:place] + other + page[place + 1 :]), LINE)


def test_line_ends_that_mail_has_changed_do_no_harm(page, tmp_path):
    assert verify_certificate(_written(tmp_path, page.replace("\n", "\r\n")), LINE).trusted


def _forged_data(page: str, **changes: Any) -> str:
    signed = split(page)[1]
    return page.replace(signed, canonical(json.loads(signed) | changes))


def _signed_by_forger(page: str) -> str:
    forger = Ed25519PrivateKey.generate()
    _, signed, _ = split(page)
    data = json.loads(signed) | {"name": "Mallory", "key": public_line(forger.public_key())}
    data, laid_out = lay_out({name: value for name, value in data.items() if name not in {"page", "text"}})
    signed = canonical(data)
    return join(laid_out, signed, sign("certificate", signed.encode(), forger).decode())


def _block_moved(page: str) -> str:
    start = page.index('<script type="application/json" id="signed-data">')
    end = page.index("<!-- end of the signature -->") + len("<!-- end of the signature -->")
    block = page[start:end]
    return page.replace(block, "").replace("<style>", f"<style>{block}")


def _other_dress(page: str) -> str:
    _, _, signature = split(page)
    return page.replace(signature, signature.replace('", "', '","'))


def _last_bits(page: str) -> str:
    """The last sign of a signature in base64 carries four bits that decode to nothing."""
    _, _, signature = split(page)
    text = json.loads(signature)["signature"]
    same = next(
        f"{text[:-3]}{sign}=="
        for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        if sign != text[-3] and base64.b64decode(f"{text[:-3]}{sign}==") == base64.b64decode(text)
    )
    return page.replace(text, same)


STYLED = "h1::after{content:' with honors'}</style>"
SECOND = '<script type="application/json" id="signed-data">{}</script></body>'
FORGERIES = {
    "another name in the data": lambda page: _forged_data(page, name="Mallory"),
    "another name on the page": lambda page: page.replace("Ana Mar", "Eva Mar"),
    "another issuer": lambda page: page.replace("General Hospital", "University Hospital"),
    "words added by the style": lambda page: page.replace("</style>", STYLED),
    "a second block": lambda page: page.replace("</body>", SECOND),
    "the block in another place": _block_moved,
    "a signature in another dress": _other_dress,
    "a signature with other last bits": _last_bits,
    "signed by somebody else": _signed_by_forger,
    "no signature": lambda page: page.replace(split(page)[2], '{"key": "", "signature": ""}'),
    "a signature that is no object": lambda page: page.replace(split(page)[2], "[1]"),
    "numbers that are none": lambda page: page.replace('"tasks":32,', '"tasks":NaN,'),
    "data that nest for ever": lambda page: page.replace(split(page)[1], "[" * 50_000),
    "a name twice": lambda page: page.replace('"tasks":32,', '"tasks":32,"tasks":32,'),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgeries_are_refused_in_a_sentence(page, tmp_path, forgery):
    changed = FORGERIES[forgery](page)
    assert changed != page
    with pytest.raises(CertificateRefused) as raised:
        verify_certificate(_written(tmp_path, changed), LINE)
    assert str(raised.value).count(".") == 1 and str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\xff\xfe", b"x" * 1_000_001])
def test_what_is_no_certificate_is_said(tmp_path, content):
    path = tmp_path / "no.html"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        verify_certificate(path, LINE)
    assert not isinstance(raised.value, CertificateRefused)
    for missing in (tmp_path / "nothing.html", tmp_path):
        with pytest.raises(UserError, match="There is no such certificate file"):
            verify_certificate(missing, LINE)


def test_another_format_is_no_forgery(page, tmp_path):
    _, signed, _ = split(page)
    later = json.loads(signed) | {"format": "secure-ai certificate 2"}
    later, laid_out = lay_out({name: value for name, value in later.items() if name not in {"page", "text"}})
    signed = canonical(later)
    text = join(laid_out, signed, sign("certificate", signed.encode(), KEY).decode())
    with pytest.raises(UserError, match="of another format"):
        verify_certificate(_written(tmp_path, text), LINE)


def test_an_older_layout_still_verifies(page, tmp_path):
    """What is verified is the page that was signed, not the page that this release would write."""
    _, signed, _ = split(page)
    data = json.loads(signed)
    import hashlib

    older = "<!doctype html><title>Certificate</title><main id='certificate'>Ana</main><!--block-->\n"
    data["page"] = hashlib.sha256(older.encode()).hexdigest()
    signed = canonical(data)
    text = join(older, signed, sign("certificate", signed.encode(), KEY).decode())
    assert verify_certificate(_written(tmp_path, text), LINE).trusted


def test_without_an_organizations_key_it_says_self_issued(learner, tmp_path):
    signer = own_signer()
    line = public_line(signer.key.public_key())
    assert public_line(own_signer().key.public_key()) == line, "the key of this machine is made once"
    assert (progress.local_folder() / "certificate.key").stat().st_mode & 0o077 == 0
    path = path_progress("executive", learner)
    assert not path.complete
    page = make_certificate(
        path_progress("security", learner), learner, name="Bo", signer=signer, today=TODAY
    )
    assert "<strong>Self-issued.</strong>" in page
    data = verify_certificate(_written(tmp_path, page), line).data
    assert data["issuer"] == {"kind": "self", "name": "the learner (self-issued)"}


def test_an_organizations_key_may_have_a_passphrase(tmp_path):
    made = generate_signing_key(tmp_path / "org.key", passphrase="a long passphrase")
    assert (
        public_line(organization_signer(made.private, "H", "a long passphrase").key.public_key())
        == made.public
    )
    with pytest.raises(OrganizationKeyError, match="give its passphrase"):
        organization_signer(made.private, "H")
    with pytest.raises(UserError, match="issuer on a certificate"):
        organization_signer(made.private, "\n", "a long passphrase")


def test_the_page_loads_nothing(page):
    assert not re.search(
        r"(?:src|href)=|@import|url\(", page.split("</style>")[0] + page.split("</style>")[1]
    )
    assert "default-src 'none'" in page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("x", "x"), "This page has checked itself"),
        (("Ana Mar", "Eva Mar"), "Do not accept this page"),
        (('"tasks":32', '"tasks":33'), "Do not accept this page"),
    ],
)
def test_the_page_checks_itself_offline(browser, page, tmp_path, change, said):
    path = _written(tmp_path, page.replace(*change))
    context = browser.new_context(offline=True)
    tab = context.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    tab.wait_for_function("document.documentElement.dataset.intact !== undefined")
    assert tab.inner_text("#verdict").startswith(said)
    assert asked == [path.as_uri()]
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("role", ["compliance", "full"])
def test_it_prints_on_one_page(browser, learner, tmp_path, paper, role):
    page = make_certificate(
        path_progress(role, learner), learner, name="W" * 100, signer=own_signer(), today=TODAY
    )
    tab = browser.new_page()
    tab.goto(_written(tmp_path, page).as_uri())
    printed = tab.pdf(format=paper)
    tab.close()
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 1280])
def test_it_never_scrolls_sideways(browser, file, width):
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto(file.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()
