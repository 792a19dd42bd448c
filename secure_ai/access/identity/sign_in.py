"""Signing in: slow-down, password and second factor in one step, with one answer for every failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from secure_ai.access.identity.database import account_name
from secure_ai.access.identity.lockout import SignInThrottle
from secure_ai.access.identity.moments import utc_now
from secure_ai.access.identity.passwords import MOST_FAILURES, PasswordCheck
from secure_ai.access.identity.second_factor import FactorCheck, SecondFactors
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError

FAILED = (
    "Sign-in failed: check the name, the password and the code. After several failures wait before the next "
    "attempt, or sign in from a device that you have used before."
)
KEPT_FOR_KNOWN_DEVICES = 10
"""Of the 100 failures in a row, so many remain for devices that the account knows and for second factors."""


class PasswordVerifier(Protocol):
    """Who checks passwords: a :class:`PasswordStore`, or a directory."""

    def verify(self, username: str, password: str) -> PasswordCheck:
        """Check a password."""
        ...

    def reserve_attempt(self, username: str, most: int = MOST_FAILURES) -> bool:
        """Count an attempt as failed before it is made; False if there have been too many in a row."""
        ...

    def clear_attempts(self, username: str) -> None:
        """Forget the failed attempts in a row."""
        ...


@dataclass(frozen=True)
class SignInResult:
    """What came of an attempt to sign in.

    Attributes:
        ok: whether the person is signed in.
        account: the account, if signed in; else empty.
        methods: how it was shown, as in the claim ``amr`` (RFC 8176): "pwd", "otp".
        message: what to show to the person: the same sentence for every failure.
        must_change: whether the password must be replaced before anything else.
        recovery_codes_left: after a recovery code was used; else -1.
        device_token: for the device to keep, so that attacks on the account do not slow it down.
    """

    ok: bool
    account: str = ""
    methods: tuple[str, ...] = ()
    message: str = FAILED
    must_change: bool = False
    recovery_codes_left: int = -1
    device_token: str = field(default="", repr=False)

    def sentence(self) -> str:
        """Return the message."""
        return self.message


class SignIn:
    """The door: every attempt is slowed down where needed, checked as a whole and written to the audit trail.

    The audit trail holds the account where one signs in or one exists ("unknown" else, for people type their
    password into the field for the name), the reason that the person is not told, and a pseudonym of the
    address.

    Args:
        passwords: who checks passwords.
        factors: second factors; None where there are none.
        throttle: the slow-down; share one among all doors of a service.
        audit: the audit trail.
        require_second_factor: whether an account without a second factor is refused.
        clock: gives the moment where :meth:`authenticate` is given none.
    """

    def __init__(
        self,
        passwords: PasswordVerifier,
        factors: SecondFactors | None = None,
        *,
        throttle: SignInThrottle | None = None,
        audit: AuditLog | None = None,
        require_second_factor: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if require_second_factor and factors is None:
            raise UserError("Second factors are required, but none are given: pass SecondFactors.")
        self.passwords, self.factors = passwords, factors
        self.throttle = throttle or SignInThrottle()
        self.audit = audit if audit is not None else AuditLog(clock=clock)
        self.require_second_factor = require_second_factor
        self._clock = clock
        self._gate = _CodeGate()

    def authenticate(
        self,
        username: str,
        password: str,
        code: str = "",
        source: str = "",
        now: datetime | None = None,
        *,
        device: str = "",
    ) -> SignInResult:
        """Check name, password and code together.

        Args:
            username: as it was typed.
            password: as it was typed.
            code: of the app, or a recovery code; empty for accounts without a second factor.
            source: the address of the client, as the server sees it.
            now: the moment; by default the clock's.
            device: the token that an earlier success gave to this device.

        Returns:
            The result; it never raises for what was typed.

        Raises:
            UserError: if a store or the audit trail cannot be used; nobody is signed in then.
        """
        moment = now or self._clock()
        try:
            name = account_name(username)
        except UserError:
            return self._refuse("", source, "no account name")
        device = device if self.throttle.knows(name, device) else ""
        shown = self._shows_factor(name, code, source, device, moment)
        extra = {"device": device, "second_factor": shown}
        admission = self.throttle.admit(name, source, moment, **extra)
        if not admission.allowed:
            return self._refuse(name, source, f"slowed down by {admission.rule}")
        most = MOST_FAILURES if device or shown else MOST_FAILURES - KEPT_FOR_KNOWN_DEVICES
        if not self.passwords.reserve_attempt(name, most):
            return self._refuse(name, source, "too many failures in a row", alert=True)
        try:
            check = self.passwords.verify(name, password)
        except UserError:
            tag = self.throttle.tag(source)
            self.audit.record("unknown", "sign-in", "unknown", "error", reason="nobody answered", source=tag)
            raise
        if not check.correct:
            return self._refuse(name, source, "wrong password or no such account")
        factor = self._check_factor(name, code, moment)
        if factor is not None and not factor.ok:
            # Somebody knows the password: worth a look, if it is not its owner who mistyped.
            return self._refuse(
                name, source, f"second factor {factor.status}", alert=factor.status != "wrong"
            )
        methods = ("pwd",) if factor is None else ("pwd", "otp")
        self.audit.record(
            name, "sign-in", name, "allowed", reason=" and ".join(methods), source=self.throttle.tag(source)
        )
        self.passwords.clear_attempts(name)
        self.throttle.succeeded(name, source, moment, **extra)
        return SignInResult(
            True, name, methods, "Signed in.", check.must_change,
            -1 if factor is None else factor.recovery_codes_left,
            device or self.throttle.device_token(name),
        )  # fmt: skip

    def hook(self, source: str = "") -> Callable[[str, str, str], bool]:
        """Return ``authenticate`` as a function of name, password and code that says yes or no.

        An OpenID provider asks it. Without the client's address all attempts come from one place.
        """
        return lambda username, password, code: self.authenticate(username, password, code, source).ok

    def diagnose_clock(
        self,
        username: str,
        password: str,
        first: str,
        second: str,
        *,
        source: str = "",
        now: datetime | None = None,
    ) -> str:
        """Say whether a clock is wrong, to somebody whose codes are refused; never signs in.

        Needs the right password and two codes that the app showed one after the other; both count as
        attempts. Anything else gets the same sentence as a failed sign-in.
        """
        moment = now or self._clock()
        try:
            name = account_name(username)
        except UserError:
            return self._refuse("", source, "no account name").message
        if not self.throttle.admit(name, source, moment).allowed:
            return self._refuse(name, source, "slowed down").message
        if not self.passwords.reserve_attempt(name, MOST_FAILURES - KEPT_FOR_KNOWN_DEVICES):
            return self._refuse(name, source, "too many failures in a row", alert=True).message
        if self.factors is None or not self.passwords.verify(name, password).correct:
            return self._refuse(name, source, "clock diagnosis without the right password").message
        minutes = self.factors.clock_difference(name, first, second, moment)
        if minutes is None:
            return self._refuse(name, source, "clock diagnosis without two codes in a row").message
        self.audit.record(
            name, "clock-diagnosis", name, "allowed", minutes=minutes, source=self.throttle.tag(source)
        )
        return clock_sentence(minutes)

    def _shows_factor(self, name: str, code: str, source: str, device: str, moment: datetime) -> bool:
        """Whether a right code may lift a slow-down; asked only where there is one to lift."""
        if (
            not code
            or self.factors is None
            or self.throttle.look(name, source, moment, device=device).allowed
        ):
            return False
        step = self.factors.shows_code(name, code, moment)
        return step is not None and self._gate.first_time(name, step)

    def _check_factor(self, name: str, code: str, moment: datetime) -> FactorCheck | None:
        if self.factors is None or not (self.factors.enrolled(name) or self.require_second_factor):
            return None
        return self.factors.verify(name, code, moment)

    def _refuse(self, name: str, source: str, reason: str, *, alert: bool = False) -> SignInResult:
        known = bool(name) and _exists(self.passwords, name)
        account = name if known else "unknown"
        self.audit.record(
            account,
            "sign-in",
            account,
            "denied",
            reason=reason,
            alert=alert,
            source=self.throttle.tag(source),
        )
        return SignInResult(False)


def clock_sentence(minutes: int) -> str:
    """Say what a difference between the device's clock and this machine's means."""
    if abs(minutes) < 1:
        return "The clocks agree: wait for the next code, for each works only once."
    direction = "ahead" if minutes > 0 else "behind"
    return (
        f"The clock of the device or of this machine is off by about {abs(minutes)} "
        f"minute{'s' if abs(minutes) != 1 else ''} (the device is {direction}): set it by the network, then "
        "sign in again."
    )


class _CodeGate:
    """Lets each time step of an account's code lift a slow-down once; holds only accounts with a factor."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}
        self._lock = threading.Lock()

    def first_time(self, name: str, step: int) -> bool:
        with self._lock:
            if self._steps.get(name, -1) >= step:
                return False
            self._steps[name] = step
            return True


def _exists(passwords: PasswordVerifier, name: str) -> bool:
    try:
        return name in passwords  # type: ignore[operator]
    except TypeError:
        return False
