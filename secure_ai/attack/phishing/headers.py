"""Senders, authentication results and links of generated mail, all under reserved names."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.phishing.lookalikes import lookalikes
from secure_ai.attack.phishing.mail import SECTORS, Link
from secure_ai.attack.phishing.render import fill, read_slots
from secure_ai.core.errors import UserError

PATHS = ("login", "view", "r", "form", "doc", "auth", "start", "open", "confirm", "i")
LOOKALIKE_TECHNIQUES = (
    "omission", "transposition", "replacement", "ascii_homoglyph", "idn_homoglyph", "hyphenation",
    "other_tld", "combosquatting", "subdomain",
)  # fmt: skip
# Addresses for documentation (RFC 5737): they belong to nobody.
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")


@dataclass(frozen=True)
class Organization:
    """The invented employer of a sector.

    Attributes:
        sector: ``healthcare`` or ``finance``.
        name: its name.
        domain: its own domain.
        known_domains: own and partners' domains, that a filter or a reader may trust by name.
        roles: roles of recipients.
    """

    sector: str
    name: str
    domain: str
    known_domains: tuple[str, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """What one mail is drawn from: the employer, the template, its slots and the generator of chance."""

    place: Organization
    template: Mapping[str, Any]
    slots: dict[str, str]
    random: np.random.Generator

    def choose(self, options: Sequence[Any]) -> Any:
        """Return one of ``options``."""
        return options[int(self.random.integers(len(options)))]

    def fill(self, text: str) -> str:
        """Return ``text`` with choices made and slots filled."""
        return fill(text, self.slots, self.random)


@dataclass(frozen=True)
class Sender:
    """Who a mail says that it is from."""

    name: str
    address: str
    reply_to: str
    signer: str
    title: str
    organization: str
    person: bool
    results: dict[str, str]

    @property
    def domain(self) -> str:
        """Domain of the address."""
        return self.address.rpartition("@")[2]


@functools.cache
def organization(sector: str) -> Organization:
    """Return the invented employer of ``sector``.

    Raises:
        UserError: if the sector is neither ``healthcare`` nor ``finance``.
    """
    if sector not in SECTORS:
        raise UserError(f"The sector '{sector}' is unknown: choose healthcare or finance.")
    values = read_slots()[sector]
    known = (values["own"], *values["vendors"].values(), *values["partners"].values())
    return Organization(sector, values["org"], values["own"], known, tuple(values["roles"]))


def draw_slots(draw: Draw) -> None:
    """Fill the slots of a draw: persons, numbers, dates, things of the sector."""
    values, random, choose = read_slots(), draw.random, draw.choose
    local, common = values[draw.place.sector], values["common"]
    vendor = draw.template.get("vendor", {}).get(draw.place.sector) or choose(tuple(local["vendors"]))
    roles = draw.template.get("roles", ())
    fitting = [role for role in local["roles"] if role in roles] or local["roles"]
    draw.slots.update({
        "org": draw.place.name, "own": draw.place.domain,
        "client": local["client"], "houses": local["houses"],
        "regulator": local["regulator"], "vendor": vendor, "vdomain": local["vendors"][vendor],
        "role": choose(fitting if random.random() < 0.75 else local["roles"]),
        "first": choose(common["first"]),
        "amount": f"${int(random.integers(4, 900)) * 100 + int(random.integers(100)):,}.00",
        "invoice": f"INV-{int(random.integers(10_000, 99_999))}",
        "ticket": f"{int(random.integers(100_000, 999_999))}",
        "phone": f"555-01{int(random.integers(100)):02d}",
        "date": f"{choose(('March', 'April', 'May', 'June'))} {int(random.integers(1, 29))}",
    })  # fmt: skip
    for name in ("colleague", "boss", "outsider"):
        draw.slots[name] = f"{choose(common['first'])} {choose(common['last'])}"
    for name in ("city", "weekday", "month", "time", "project"):
        draw.slots[name] = choose(common[name])
    for name in ("system", "unit", "data_set", "model", "file", "device", "supplies", "position"):
        draw.slots[name] = choose(local[name])


def draw_sender(draw: Draw) -> Sender:
    """Draw who the mail is from, its addresses and the results of authentication."""
    values, choose, slots = read_slots(), draw.choose, draw.slots
    local = values[draw.place.sector]
    who, at = draw.template["who"], choose(draw.template["at"])
    offices = values["signers"].get(who)
    office = draw.place.name
    if offices:
        name, title = choose(offices)
    else:
        title = draw.fill(choose(values["titles"][who]))
        name = {"executive": slots["boss"], "colleague": slots["colleague"]}.get(who, slots["outsider"])
    if who == "courier":
        office, slots["vdomain"] = "Parcelway", local["vendors"]["Parcelway"]
    elif who in {"vendor", "partner", "authority", "outsider"}:
        office = {
            "vendor": slots["vendor"], "authority": slots["regulator"].removeprefix("the "), "outsider": "",
            "partner": choose(tuple(local["partners"])),
        }[who]  # fmt: skip
    domain = _domain(draw, at, office)
    mailbox = name.lower().replace(" ", "-" if offices else ".")
    if at == "freemail":
        mailbox += str(int(draw.random.integers(10, 99)))
    shown = f"{office} {name}" if offices and office not in name and choose((True, False)) else name
    address = f"{mailbox}@{domain}"
    reply, kind = address, choose(draw.template.get("reply", ("same",)))
    if kind == "freemail" and at != "freemail":
        reply = f"{mailbox}@{choose(values['freemail'])}"
    elif kind == "billing":
        reply = f"answers@{other_name(draw)}"
    return Sender(shown, address, reply, name, title, office, not offices, _results(at, draw.random))


def draw_link(draw: Draw, spec: Mapping[str, Any], sender: Sender) -> Link:
    """Draw a link: what is shown, and where it goes."""
    choose, number = draw.choose, draw.random.integers
    shown, to = draw.fill(spec["shown"]), choose(spec["to"])
    path = f"{choose(PATHS)}/{int(number(16**6)):06x}"
    if to == "tracker":
        url = f"https://click.{other_name(draw)}/{path}"
    elif to in {"own", "unknown_same"}:
        domain = draw.place.domain if to == "own" else sender.domain
        url = f"https://{choose(('www', 'portal', 'click', 'go'))}.{domain}/{path}"
    elif to == "vendor":
        url = f"https://portal.{draw.slots['vdomain']}/{path}"
    elif to in {"lookalike", "lookalike_vendor"}:
        like = draw.place.domain if to == "lookalike" else draw.slots["vdomain"]
        url = f"https://{lookalike_of(like, draw)}/{path}"
    elif to == "userinfo":
        url = f"https://{draw.place.domain}@{other_name(draw)}/{path}"
    elif to == "ip":
        url = f"http://{choose(NETWORKS)}.{int(number(1, 255))}/{path}"
    elif to == "shortener":
        onward = base64.urlsafe_b64encode(f"https://{other_name(draw)}/{path}".encode()).decode().rstrip("=")
        url = f"https://{choose(('lnk', 'go'))}.{choose(('sho.example', 'tiny.test'))}/r?u={onward}"
    else:
        url = f"https://{choose(('www.', 'app.', ''))}{other_name(draw)}/{path}"
    return Link(shown, url, bool(spec.get("in_image")))


def other_name(draw: Draw) -> str:
    """Draw a domain of two plain words: small firms and attackers alike, so a name gives nobody away."""
    common = read_slots()["common"]
    words = f"{draw.choose(common['word_a'])}{draw.choose(('', '-'))}{draw.choose(common['word_b'])}"
    return f"{words}.{draw.choose(('example', 'test'))}"


def lookalike_of(domain: str, draw: Draw) -> str:
    """Draw a lookalike of ``domain``, as it is registered."""
    return draw.choose(_lookalikes(domain)[draw.choose(LOOKALIKE_TECHNIQUES)])


@functools.cache
def _lookalikes(domain: str) -> dict[str, tuple[str, ...]]:
    return {
        technique: tuple(found.ascii for found in lookalikes(domain, [technique])) or (f"{domain}-id.test",)
        for technique in LOOKALIKE_TECHNIQUES
    }


def _domain(draw: Draw, at: str, office: str) -> str:
    values = read_slots()
    if at in {"own", "spoofed", "compromised"}:
        return draw.place.domain
    if at in {"vendor", "compromised_vendor"}:
        return draw.slots["vdomain"]
    if at == "partner_known":
        partners = values[draw.place.sector]["partners"]
        return partners.get(office) or draw.choose(tuple(partners.values()))
    if at == "freemail":
        return draw.choose(values["freemail"])
    if at in {"lookalike", "lookalike_vendor"}:
        return lookalike_of(draw.place.domain if at == "lookalike" else draw.slots["vdomain"], draw)
    return other_name(draw)


def _results(at: str, random: np.random.Generator) -> dict[str, str]:
    # Attackers pass with domains of their own; honest lists and forwarded mail fail.
    chance = random.random()
    if at == "spoofed":
        return {"spf": "fail", "dkim": "none" if chance < 0.7 else "fail", "dmarc": "fail"}
    ours = at in {"own", "compromised"}
    if chance < (0.94 if ours else 0.74):
        return {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    if chance < (0.97 if ours else 0.86):
        return {"spf": "fail", "dkim": "pass", "dmarc": "pass"}
    return {"spf": "pass" if chance < 0.96 else "none", "dkim": "none", "dmarc": "none"}
