"""Sends alerts by e-mail: over TLS, one message each, with headers that no value can break out of."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Collection
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path
from typing import Literal

from secure_ai.access.openid.model import LOOPBACK
from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts.message import Message
from secure_ai.monitor.alerts.sinks import SinkError, SinkRefused, within
from secure_ai.monitor.alerts.webhook import trust
from secure_ai.monitor.detection.result import Severity

Security = Literal["starttls", "tls", "none"]
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", re.ASCII
)


class MailSink:
    """Sends one mail a message. Recipients are those of functions (``oncall@...``), not the data's people.

    Args:
        host: of the mail server.
        port: usually 587 with STARTTLS, 465 with TLS from the first byte.
        sender: the address in From.
        recipients: the addresses in To.
        name: of the sink.
        security: ``"starttls"``, ``"tls"``, or ``"none"`` for a server on this machine.
        username: to sign in with; empty to send without.
        password: for the user name.
        at_least: the lowest severity that it wants.
        roles: the roles whose messages it wants; none named: all.
        timeout_seconds: for the whole exchange.
        certificates: PEM file of the authorities to trust; None for the usual ones.

    Raises:
        UserError: if an address is none, or the connection would not be protected.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        recipients: Collection[str],
        name: str = "mail",
        *,
        security: Security = "starttls",
        username: str = "",
        password: str = "",
        at_least: Severity = "low",
        roles: Collection[str] = (),
        timeout_seconds: float = 15.0,
        certificates: str | Path | None = None,
    ) -> None:
        self.name, self.at_least, self.roles = name, at_least, tuple(roles)
        listed = [recipients] if isinstance(recipients, str) else list(recipients)
        if not listed or not all(
            isinstance(one, str) and _ADDRESS.fullmatch(one) for one in [sender, *listed]
        ):
            raise UserError(
                f"An address of the mail sink {name} is none: give plain ones such as oncall@example.org."
            )
        if security == "none" and (host not in LOOPBACK or username):
            raise UserError(
                f"The mail sink {name} would send without protection: set security to starttls or tls "
                "(none is for a server on this machine, without a user name)."
            )
        self._host, self._port, self._security, self._timeout = host, port, security, timeout_seconds
        self._sender, self._recipients = sender, listed
        self._username, self._password = username, password
        self._trust = (
            None if security == "none" else trust(None if certificates is None else str(certificates))
        )

    def __repr__(self) -> str:
        return f"MailSink(name={self.name!r})"

    def send(self, message: Message) -> None:
        """Send the mail.

        Raises:
            SinkRefused: if the server does not take this mail or these recipients.
            SinkError: if it cannot be sent now, in a phrase without an address or password.
        """
        mail = self._mail(message)
        try:
            within(self._timeout, lambda: self._deliver(mail))
        except smtplib.SMTPNotSupportedError:
            raise SinkError("the server offers no protection or no way to sign in") from None
        except smtplib.SMTPAuthenticationError:
            raise SinkError("the server does not accept the user name and password") from None
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            final = all(500 <= code < 600 for code in _codes(error))
            raise (SinkRefused if final else SinkError)("the server does not take the mail") from None
        except ssl.SSLCertVerificationError:
            raise SinkError("the server's certificate is not trusted") from None
        except (smtplib.SMTPException, OSError, ValueError):
            raise SinkError("the server cannot be reached or does not answer") from None

    def _mail(self, message: Message) -> EmailMessage:
        # EmailMessage refuses a line break in a header; every value is an identifier besides.
        mail = EmailMessage(policy=SMTP)
        fields = message.fields
        about = fields.get("alert") or f"{fields['count']} alerts"
        mail["Subject"] = f"[{str(fields['severity']).upper()}] {fields['event']}: {about}"
        mail["From"], mail["To"] = self._sender, ", ".join(self._recipients)
        mail["Date"] = formatdate(usegmt=True)
        mail["Message-ID"] = f"<{message.key}@{self._sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.line()}.\n\nOpen the alert desk to acknowledge it.\n")
        return mail

    def _deliver(self, mail: EmailMessage) -> bool:
        options = {"timeout": self._timeout, "local_hostname": "localhost"}
        if self._security == "tls":
            server = smtplib.SMTP_SSL(self._host, self._port, context=self._trust, **options)
        else:
            server = smtplib.SMTP(self._host, self._port, **options)
        with server:
            if self._security == "starttls":
                server.starttls(context=self._trust)
            if self._username:
                server.login(self._username, self._password)
            refused = server.send_message(mail, self._sender, self._recipients)
        if refused:
            # Some have it: to send again reaches the others at the price of a second copy.
            raise smtplib.SMTPRecipientsRefused(refused)
        return True


def _codes(error: smtplib.SMTPException) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code]
