"""The network's sinks against real servers: webhook and mail, their protection, and what goes wrong."""

from __future__ import annotations

import email
import email.policy
import io
import json
import smtplib
import socket
import ssl
import threading
import time

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import (
    ConsoleSink,
    MailSink,
    Message,
    SinkError,
    SinkRefused,
    WebhookReceiver,
    WebhookSink,
)
from secure_ai.monitor.alerts.message import fields_of
from secure_ai.monitor.alerts.signing import SignatureError, read_key, signature_headers, verify

KEY = "a-key-of-thirty-two-characters-or-more"
NOW = 1_772_000_000


@pytest.fixture
def message(desk, detection) -> Message:
    (alert,) = desk.receive(detection(1, severity="critical")).alerts
    return Message.read(json.dumps({"key": "k-1", **fields_of(alert, "raised", "analyst")}))


@pytest.fixture
def receiver():
    with WebhookReceiver(KEY, clock=lambda: NOW) as running:
        yield running


def webhook(receiver, **more):
    return WebhookSink(receiver.url, KEY, **({"clock": lambda: NOW, "timeout_seconds": 5} | more))


def test_a_webhook_is_received_verified_and_kept_once(receiver, message):
    sink = webhook(receiver)
    sink.send(message)
    sink.send(message)
    assert [one["alert"] for one in receiver.messages] == ["A-000001"]
    assert receiver.repeated == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [({"clock": lambda: NOW - 301}, "sent again"), ({"clock": lambda: NOW + 301}, "sent again")],
)
def test_an_old_message_that_is_sent_again_is_refused(receiver, message, more, sentence):
    with pytest.raises(SinkError, match="status 401"):
        webhook(receiver, **more).send(message)
    assert receiver.messages == [] and sentence in receiver.refused[0]


def test_a_message_signed_by_another_key_is_refused(receiver, message):
    with pytest.raises(SinkError, match="status 401"):
        WebhookSink(receiver.url, KEY + "x", clock=lambda: NOW).send(message)
    assert "another key" in receiver.refused[0]


@pytest.mark.parametrize("part", ["webhook-id", "webhook-timestamp", "webhook-signature", "body"])
def test_a_change_to_any_part_of_a_signed_message_is_found(part):
    key, body = read_key(KEY), b'{"a": 1}'
    headers = signature_headers(key, "k-1", NOW, body)
    assert verify(headers, body, key, now=NOW) == "k-1"
    if part == "body":
        body = b'{"a": 2}'
    else:
        headers[part] = {"webhook-timestamp": str(NOW + 1)}.get(part, headers[part] + "x")
    with pytest.raises(SignatureError):
        verify(headers, body, key, now=NOW)


def test_the_signature_is_that_of_the_standard_webhooks_specification():
    key = read_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("key", ["", "tiny-key", "whsec_c2hvcnQ=", "whsec_***"])
def test_a_short_key_is_refused_without_being_shown(key):
    with pytest.raises(UserError, match="key of a webhook") as caught:
        read_key(key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    ("behavior", "error", "words"),
    [
        ("fail", SinkError, "status 503"),
        ("refuse", SinkRefused, "status 422"),
        ("redirect", SinkError, "redirect .* not followed"),
    ],
)
def test_a_receiver_that_fails_is_said_in_words_without_its_address(
    receiver, message, behavior, error, words
):
    receiver.behavior = behavior
    with pytest.raises(error, match=words) as caught:
        webhook(receiver).send(message)
    assert "127.0.0.1" not in str(caught.value)
    receiver.behavior = "work"
    webhook(receiver).send(message)
    assert len(receiver.messages) == 1


def test_a_webhook_that_hangs_is_left_after_its_time_and_works_again_later(receiver, message):
    receiver.behavior = "hang"
    started = time.monotonic()
    with pytest.raises(SinkError, match=r"no answer within 0\.1 seconds"):
        webhook(receiver, timeout_seconds=0.1).send(message)
    assert time.monotonic() - started < 3
    receiver.behavior = "work"
    webhook(receiver).send(message)
    assert len(receiver.messages) == 1


def test_a_webhook_that_trickles_is_left_after_its_time(message):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = threading.Event()

        def trickle():
            connection, _ = listener.accept()
            with connection:
                for byte in b"HTTP/1.1 204 No Content\r\nX-Long: " + b"x" * 1000:
                    if end.wait(0.02):
                        return
                    connection.sendall(bytes([byte]))

        threading.Thread(target=trickle, daemon=True).start()
        sink = WebhookSink(f"http://127.0.0.1:{listener.getsockname()[1]}/", KEY, timeout_seconds=0.2)
        with pytest.raises(SinkError, match="no answer within"):
            sink.send(message)
        end.set()


def test_a_webhook_that_nobody_answers_is_said(message):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SinkError, match="cannot be reached"):
        WebhookSink(f"http://127.0.0.1:{port}/", KEY).send(message)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "ftp://example.org",
        "",
        "example.org",
        "https://user:pw@example.org/",
        "https://a b/",
        None,
    ],
)
def test_a_webhook_goes_over_https_or_stays_on_this_machine(url):
    with pytest.raises(UserError, match="address of the webhook") as caught:
        WebhookSink(url, KEY)
    assert "pw" not in str(caught.value)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def certificates(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def test_a_webhook_verifies_the_certificate(receiver, message, server_context, certificates):
    receiver._server.socket = server_context.wrap_socket(receiver._server.socket, server_side=True)
    url = receiver.url.replace("http://", "https://")
    WebhookSink(url, KEY, clock=lambda: NOW, certificates=certificates).send(message)
    with pytest.raises(SinkError, match="certificate is not trusted"):
        WebhookSink(url, KEY, clock=lambda: NOW).send(message)
    assert len(receiver.messages) == 1
    with pytest.raises(UserError, match="PEM file"):
        WebhookSink(url, KEY, certificates="missing.pem")


class Mailbox:
    """Keeps mails; refuses recipients when told to."""

    def __init__(self):
        self.mails, self.answer = [], "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, _options):
        envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def mail_server(server_context):
    """Start a mail server with STARTTLS and sign-in (or with TLS from the first byte)."""
    running = []

    def start(implicit=False, **more):
        box = Mailbox()
        options = (
            {"ssl_context": server_context}
            if implicit
            else {
                "tls_context": server_context, "require_starttls": True, "auth_required": True,
                "authenticator": lambda *parts: AuthResult(
                    success=parts[-1].password == b"a password", handled=False
                ),
            }
        )  # fmt: skip
        controller = Controller(
            box, hostname="127.0.0.1", port=0, server_hostname="localhost", **(options | more)
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            controller.port = free.getsockname()[1]
        controller.start()
        running.append(controller)
        return box, controller.port

    yield start
    for controller in running:
        controller.stop()


def mail_sink(port, certificates, **more):
    options = {
        "username": "desk",
        "password": "a password",
        "certificates": certificates,
        "timeout_seconds": 5,
    }
    return MailSink("127.0.0.1", port, "desk@example.org", ["oncall@example.org"], **(options | more))


def test_a_mail_goes_over_starttls_with_sign_in(mail_server, certificates, message):
    box, port = mail_server()
    mail_sink(port, certificates).send(message)
    (mail,) = box.mails
    assert mail["Subject"] == "[CRITICAL] raised: A-000001"
    assert mail["Message-ID"] == "<k-1@example.org>"
    assert "bulk night reading by E-0012 on P-00001" in mail.get_content()


def test_a_mail_goes_over_tls_from_the_first_byte(mail_server, certificates, message):
    box, port = mail_server(implicit=True)
    mail_sink(port, certificates, security="tls", username="", password="").send(message)
    assert len(box.mails) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_mail_server_without_starttls_gets_no_mail_and_no_password(mail_server, certificates, message):
    box, port = mail_server(tls_context=None, require_starttls=False, auth_require_tls=False)
    with pytest.raises(SinkError, match="no protection"):
        mail_sink(port, certificates).send(message)
    assert box.mails == []


def test_a_mail_server_that_is_not_trusted_gets_no_mail(mail_server, message):
    box, port = mail_server()
    with pytest.raises(SinkError, match="certificate is not trusted"):
        mail_sink(port, None).send(message)
    assert box.mails == []


@pytest.mark.parametrize(
    ("password", "answer", "error", "words"),
    [
        ("wrong", "250 OK", SinkError, "does not accept the user name"),
        ("a password", "550 no such user", SinkRefused, "does not take the mail"),
        ("a password", "451 later", SinkError, "does not take the mail"),
    ],
)
def test_a_mail_that_is_not_taken_is_said_without_address_or_password(  # noqa: PLR0917
    mail_server, certificates, message, password, answer, error, words
):
    box, port = mail_server()
    box.answer = answer
    with pytest.raises(error, match=words) as caught:
        mail_sink(port, certificates, password=password).send(message)
    assert "example.org" not in str(caught.value) and password not in str(caught.value)
    assert isinstance(caught.value, SinkRefused) == (error is SinkRefused)


def test_a_mail_server_that_hangs_is_left_after_its_time(message):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink = mail_sink(listener.getsockname()[1], None, timeout_seconds=0.1)
        with pytest.raises(SinkError):
            sink.send(message)


@pytest.mark.parametrize(
    "address",
    ["a@example.org\nBcc: b@example.org", "a@example.org, b@example.org", "A <a@example.org>", "", "a", None],
)
def test_no_header_can_be_put_into_a_mail_by_an_address(address):
    with pytest.raises(UserError, match="address of the mail sink"):
        MailSink("127.0.0.1", 25, "desk@example.org", [address])
    with pytest.raises(UserError, match="address of the mail sink"):
        MailSink("127.0.0.1", 25, address, ["oncall@example.org"])


def test_no_header_can_be_put_into_a_mail_by_an_alert(desk, detection, monkeypatch):
    sent = []
    monkeypatch.setattr(MailSink, "_deliver", lambda _self, mail: sent.append(mail.as_bytes()) or True)
    desk.receive(detection(1, actor="E-1\r\nBcc: x@example.org", kind="x\r\nSubject: y", target="P\nTo: z"))
    (alert,) = desk.alerts()
    fields = fields_of(alert, "raised", "analyst")
    MailSink("localhost", 25, "desk@example.org", ["oncall@example.org"], security="none").send(
        Message.read(json.dumps({"key": "k-1", **fields}))
    )
    head = sent[0].partition(b"\r\n\r\n")[0]
    assert b"Bcc" not in sent[0] and head.lower().count(b"subject:") == 1


@pytest.mark.parametrize("more", [{"host": "mail.example.org"}, {"username": "desk"}])
def test_a_mail_without_protection_stays_on_this_machine(more):
    options = {"host": "127.0.0.1", "port": 25, "sender": "a@example.org", "recipients": ["b@example.org"]}
    with pytest.raises(UserError, match="without protection"):
        MailSink(**(options | more), security="none")


def test_a_console_prints_one_line(message):
    stream = io.StringIO()
    ConsoleSink(stream=stream).send(message)
    assert stream.getvalue() == (
        "CRITICAL raised [to analyst]: A-000001 bulk night reading by E-0012 on P-00001, once "
        "(records in night 240, usually 12)\n"
    )


def test_a_refusal_of_some_recipients_is_not_a_delivery(monkeypatch, message):
    class Half:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def send_message(self, *_):
            return {"b@example.org": (550, b"no")}

    monkeypatch.setattr(smtplib, "SMTP", Half)
    sink = MailSink("localhost", 25, "a@example.org", ["b@example.org", "c@example.org"], security="none")
    with pytest.raises(SinkRefused):
        sink.send(message)
