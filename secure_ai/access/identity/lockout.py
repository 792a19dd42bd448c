"""Throttling of sign-in attempts that slows attackers down and does not let them lock others out."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from secure_ai.access.identity.moments import seconds
from secure_ai.core.errors import UserError

DEPTH = 4


@dataclass(frozen=True)
class SlowDown:
    """Waiting that doubles with each failed attempt and is forgotten in time.

    Attributes:
        free: attempts without a wait.
        first_wait: seconds after the first attempt beyond those.
        longest_wait: seconds; the wait doubles up to it.
        half_life: seconds in which half of the failures are forgotten.
    """

    free: int
    first_wait: float
    longest_wait: float
    half_life: float

    def wait(self, failures: np.ndarray) -> np.ndarray:
        """Return the seconds to wait after so many failures."""
        beyond = np.clip(np.ceil(failures - 1e-6) - self.free, 0, 60)
        return np.where(beyond > 0, np.minimum(self.longest_wait, self.first_wait * 2.0 ** (beyond - 1)), 0.0)


@dataclass(frozen=True)
class ThrottlePolicy:
    """How attempts are slowed down.

    Attributes:
        pair: for one account from one place (an address, or a known device).
        account: for one account from all places that are not known to it, together.
        source: for one place that is not known, over all accounts (a few passwords on many names).
    """

    pair: SlowDown = SlowDown(5, 2.0, 3600.0, 3600.0)
    account: SlowDown = SlowDown(10, 60.0, 3600.0, 12 * 3600.0)
    source: SlowDown = SlowDown(30, 2.0, 900.0, 3600.0)


@dataclass(frozen=True)
class Admission:
    """Whether an attempt may be made now.

    Attributes:
        allowed: whether it may.
        wait_seconds: if not, for how long.
        rule: which counter decided: "pair", "account" or "source"; empty if allowed.
    """

    allowed: bool
    wait_seconds: float = 0.0
    rule: str = ""


class FailureSketch:
    """Failed attempts per name in a fixed amount of memory, whatever names are thrown at it.

    A count-min sketch with conservative update: four cells per name, of which the lowest counts. It never
    counts too little, so an attacker gains nothing by a million other names; with too few cells it counts
    too much, and strangers wait longer than they should. The cells of a name follow from a secret key.

    Source: Cormode and Muthukrishnan, "An improved data stream summary", J. Algorithms 55 (2005);
    Estan and Varghese, "New directions in traffic measurement", SIGCOMM 2002 (conservative update).
    """

    def __init__(self, slow_down: SlowDown, cells: int, key: bytes) -> None:
        self.slow_down, self._key, self._cells = slow_down, key, cells
        self._level = np.zeros((DEPTH, cells), dtype=np.float32)
        self._last = np.zeros((DEPTH, cells), dtype=np.float64)
        self._rows = np.arange(DEPTH)

    @property
    def size_bytes(self) -> int:
        """Memory of the counters."""
        return self._level.nbytes + self._last.nbytes

    def wait(self, name: str, moment: float) -> float:
        """Return the seconds until ``name`` may try again."""
        places = self._places(name)
        level, last = self._level[places], self._last[places]
        return max(0.0, float(np.min(last + self.slow_down.wait(level))) - moment)

    def add(self, name: str, moment: float) -> None:
        """Count one attempt."""
        places = self._places(name)
        level = self._decayed(places, moment)
        self._level[places] = np.maximum(level, level.min() + 1)
        self._last[places] = moment

    def take_back(self, name: str, moment: float) -> None:
        """Uncount one attempt that turned out to be right."""
        places = self._places(name)
        level = self._decayed(places, moment)
        # Cells above the lowest hold other names' failures, too: they stay.
        self._level[places] = np.where(level <= level.min() + 1e-3, np.maximum(0, level - 1), level)
        self._last[places] = moment

    def clear(self, name: str) -> None:
        """Forget the failures of ``name``."""
        places = self._places(name)
        level = self._level[places]
        self._level[places] = np.where(level <= level.min() + 1e-3, 0, level)

    def _decayed(self, places: tuple, moment: float) -> np.ndarray:
        age = np.maximum(0.0, moment - self._last[places])
        return self._level[places] * 0.5 ** (age / self.slow_down.half_life)

    def _places(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        digest = hashlib.blake2b(
            name.encode("utf-8", "surrogatepass"), key=self._key, digest_size=8 * DEPTH
        ).digest()
        return self._rows, np.frombuffer(digest, dtype="<u8") % self._cells


class SignInThrottle:
    """Decides whether an attempt may be made, from failures of the account, of the place, and of both.

    An account that is attacked from many places becomes slow for places that it does not know, never for a
    device that has signed in before (it brings a signed token, a "device cookie") nor for an attempt that
    shows a right second factor. Attempts are counted before they are made and taken back when they succeed,
    so a thousand at the same moment are no way around it.

    Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies"; NIST SP 800-63B-4, 3.2.2.

    Args:
        policy: the waits.
        cells: counters per row; the default takes about 38 MB and holds hundreds of thousands of names.
        key: secret from which device tokens follow; keep it, so that known devices stay known. The counters
            live in one process: in a service of several processes, each lets its share through.
    """

    def __init__(
        self, policy: ThrottlePolicy | None = None, *, cells: int = 1 << 18, key: bytes | None = None
    ) -> None:
        if not 16 <= cells <= 1 << 26:
            raise UserError("A throttle has 16 to 67 million counters per row.")
        self.policy = policy or ThrottlePolicy()
        self._key = key or secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._pair = FailureSketch(self.policy.pair, cells, self._subkey("pair"))
        self._account = FailureSketch(self.policy.account, cells, self._subkey("account"))
        self._source = FailureSketch(self.policy.source, cells, self._subkey("source"))

    @property
    def size_bytes(self) -> int:
        """Memory of all counters; it does not grow."""
        return sum(sketch.size_bytes for sketch in (self._pair, self._account, self._source))

    def device_token(self, account: str) -> str:
        """Return a token for a device on which ``account`` has just signed in completely."""
        device = secrets.token_hex(16)
        return f"{device}.{self._signature(account, device)}"

    def knows(self, account: str, token: str) -> bool:
        """Whether ``token`` was given to a device of ``account``."""
        device, _, signature = token.partition(".") if isinstance(token, str) else ("", "", "")
        if not device or len(token) > 200 or not token.isascii():
            return False
        return hmac.compare_digest(self._signature(account, device), signature)

    def look(
        self, account: str, source: str, now: datetime, *, device: str = "", second_factor: bool = False
    ) -> Admission:
        """Say whether an attempt would be admitted, without counting one."""
        with self._lock:
            return self._decide(account, source, seconds(now), self._known(account, device), second_factor)

    def admit(
        self, account: str, source: str, now: datetime, *, device: str = "", second_factor: bool = False
    ) -> Admission:
        """Decide about an attempt and, if it is admitted, count it as failed until :meth:`succeeded`.

        Args:
            account: the name that was typed.
            source: the address it comes from; IPv6 counts by its /64.
            now: the moment.
            device: the token of the device, if it has one.
            second_factor: whether the attempt showed a right second factor.
        """
        moment, known = seconds(now), self._known(account, device)
        with self._lock:
            decision = self._decide(account, source, moment, known, second_factor)
            if decision.allowed:
                self._pair.add(_pair_name(account, source, known), moment)
                if not known and not second_factor:
                    self._account.add(account, moment)
                    self._source.add(place(source), moment)
        return decision

    def succeeded(
        self, account: str, source: str, now: datetime, *, device: str = "", second_factor: bool = False
    ) -> None:
        """Take back what :meth:`admit` counted for an attempt that was right.

        Failures from the same place are forgotten (SP 800-63B-4, 3.2.2); the slow-down of other places stays:
        the owner's morning sign-in gives an attacker no new attempts.
        """
        moment, known = seconds(now), self._known(account, device)
        with self._lock:
            self._pair.clear(_pair_name(account, source, known))
            if not known and not second_factor:
                self._account.take_back(account, moment)
                self._source.take_back(place(source), moment)

    def tag(self, source: str) -> str:
        """Return a pseudonym of an address, for an audit trail that holds no addresses."""
        return hmac.new(self._subkey("tag"), place(source).encode(), hashlib.sha256).hexdigest()[:12]

    def _decide(self, account: str, source: str, moment: float, known: str, second_factor: bool) -> Admission:
        waits = {"pair": self._pair.wait(_pair_name(account, source, known), moment)}
        if not known and not second_factor:
            waits["account"] = self._account.wait(account, moment)
            waits["source"] = self._source.wait(place(source), moment)
        elif second_factor:
            waits["pair"] = 0.0
        rule = max(waits, key=lambda name: waits[name])
        return Admission(False, waits[rule], rule) if waits[rule] > 0 else Admission(True)

    def _known(self, account: str, token: str) -> str:
        return token.partition(".")[0] if token and self.knows(account, token) else ""

    def _signature(self, account: str, device: str) -> str:
        text = f"{len(device)}:{device}:{account}".encode("utf-8", "surrogatepass")
        return hmac.new(self._subkey("device"), text, hashlib.sha256).hexdigest()

    def _subkey(self, purpose: str) -> bytes:
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).digest()


def place(source: str) -> str:
    """Return the place of an address: IPv4 as it is, IPv6 by its /64, the share of one customer.

    A port is left out, or each connection would be a place of its own.
    """
    text = source[:200].strip() if isinstance(source, str) else ""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ascii(text)
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def _pair_name(account: str, source: str, known: str) -> str:
    return f"{'device' if known else 'place'} {known or place(source)} {account}"
