"""Settings of the alert desk from a YAML file; secrets come from the environment or a file, never from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator

from secure_ai.core.errors import UserError
from secure_ai.core.yaml_files import Strict, checked, read_yaml
from secure_ai.monitor.alerts.courier import Retry
from secure_ai.monitor.alerts.desk import AlertDesk
from secure_ai.monitor.alerts.policy import AlertPolicy, Role, load_policy
from secure_ai.monitor.alerts.sinks import ConsoleSink, FileSink, Sink
from secure_ai.monitor.detection.result import Severity

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Seconds = Annotated[float, Field(gt=0, le=300)]
_LONGEST_SECRET = 4096


class Secret(Strict):
    """Where a secret is: an environment variable or a file, one of them."""

    env: str | None = Field(default=None, min_length=1, max_length=200)
    file: str | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _is_a_place(cls, content: Any) -> Any:
        if isinstance(content, str):
            raise ValueError("a secret is never written into the settings; give {env: NAME} or {file: path}")
        return content

    @model_validator(mode="after")
    def _is_one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("give either env or file")
        return self

    def read(self, what: str, folder: Path) -> SecretStr:
        """Return the secret.

        Args:
            what: it is, for an error.
            folder: that a relative path starts from.

        Raises:
            UserError: if it is not there or empty, or the file can be read by others; it is never shown.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value.strip():
                raise UserError(
                    f"The {what} is missing: set the environment variable that the settings name."
                )
            return SecretStr(value.strip())
        path = folder / str(self.file)
        try:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise UserError(f"The file with the {what} can be read by others: chmod 600 {path.name}.")
            with path.open("rb") as file:
                value = file.read(_LONGEST_SECRET + 1).decode("utf-8").strip()
        except (OSError, ValueError):
            raise UserError(f"The file with the {what} cannot be read: check its path and rights.") from None
        if not value or len(value) > _LONGEST_SECRET:
            raise UserError(f"The file with the {what} is empty or too long.")
        return SecretStr(value)


class _SinkSettings(Strict):
    name: Name | None = None
    at_least: Severity = "low"
    roles: tuple[Role, ...] = ()
    retry: Retry = Retry()

    def called(self) -> str:
        return self.name or str(self.kind)  # type: ignore[attr-defined]

    def common(self) -> dict[str, Any]:
        return {"name": self.called(), "at_least": self.at_least, "roles": self.roles}


class ConsoleSettings(_SinkSettings):
    """A sink that prints."""

    kind: Literal["console"]

    def build(self, _folder: Path) -> Sink:
        """Return the sink."""
        return ConsoleSink(**self.common())


class FileSettings(_SinkSettings):
    """A sink that appends to a file."""

    kind: Literal["file"]
    path: Annotated[str, Field(min_length=1)]
    rotate_bytes: Annotated[int, Field(ge=1000)] | None = None
    keep: Annotated[int, Field(ge=0, le=1000)] = 5

    def build(self, folder: Path) -> Sink:
        """Return the sink."""
        return FileSink(folder / self.path, rotate_bytes=self.rotate_bytes, keep=self.keep, **self.common())


class WebhookSettings(_SinkSettings):
    """A sink that posts; where the address itself holds a token, it is a secret too."""

    kind: Literal["webhook"]
    url: str | Secret
    key: Secret
    timeout_seconds: Seconds = 10.0
    certificates: str | None = None

    def build(self, folder: Path) -> Sink:
        """Return the sink."""
        from secure_ai.monitor.alerts.webhook import WebhookSink

        what = f"webhook {self.called()}"
        url = self.url.read(f"address of the {what}", folder) if isinstance(self.url, Secret) else self.url
        return WebhookSink(
            url.get_secret_value() if isinstance(url, SecretStr) else url,
            self.key.read(f"key of the {what}", folder).get_secret_value(),
            timeout_seconds=self.timeout_seconds,
            certificates=folder / self.certificates if self.certificates else None,
            **self.common(),
        )


class MailSettings(_SinkSettings):
    """A sink that sends mail."""

    kind: Literal["mail"]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: str
    recipients: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: Secret | None = None
    timeout_seconds: Seconds = 15.0
    certificates: str | None = None

    @model_validator(mode="after")
    def _signs_in_whole(self) -> MailSettings:
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together")
        return self

    def build(self, folder: Path) -> Sink:
        """Return the sink."""
        from secure_ai.monitor.alerts.mail import MailSink

        what = f"password of the mail sink {self.called()}"
        return MailSink(
            self.host, self.port, self.sender, self.recipients, security=self.security,
            username=self.username,
            password=self.password.read(what, folder).get_secret_value() if self.password else "",
            timeout_seconds=self.timeout_seconds,
            certificates=folder / self.certificates if self.certificates else None, **self.common(),
        )  # fmt: skip


AnySink = Annotated[
    ConsoleSettings | FileSettings | WebhookSettings | MailSettings, Field(discriminator="kind")
]


class AlertSettings(Strict):
    """Everything that a desk is set up with; relative paths start from the folder of the file."""

    store: Annotated[str, Field(min_length=1)]
    policy: AlertPolicy | str | None = None
    sinks: tuple[AnySink, ...] = ()
    tick_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0

    @model_validator(mode="after")
    def _named_apart(self) -> AlertSettings:
        names = [sink.called() for sink in self.sinks]
        if len(set(names)) < len(names):
            raise ValueError("two sinks have one name; give each a name of its own")
        return self

    def build(self, folder: Path) -> Sequence[Sink]:
        """Return the sinks.

        Raises:
            UserError: if a secret is not there, or an address is not safe.
        """
        return [sink.build(folder) for sink in self.sinks]


def read_settings(path: str | Path) -> AlertSettings:
    """Read settings.

    Raises:
        UserError: if the file cannot be read, or a setting is unknown, missing or wrong; no value is shown.
    """
    return checked(AlertSettings, read_yaml(path, "alert settings"), f"alert settings {Path(path).name}")


def open_desk(path: str | Path, **more: Any) -> AlertDesk:
    """Open the desk that a settings file describes.

    Args:
        path: of the YAML file.
        more: further arguments of :class:`AlertDesk`, such as ``audit`` and ``prominent``.

    Raises:
        UserError: if the settings are wrong, a secret is not there or the store cannot be used.
    """
    settings, folder = read_settings(path), Path(path).resolve().parent
    policy = settings.policy
    if not isinstance(policy, AlertPolicy):
        policy = load_policy(None if policy is None else folder / policy)
    if unknown := sorted({role for sink in settings.sinks for role in sink.roles} - set(policy.roles)):
        raise UserError(f"A sink is for the role {unknown[0]}, which the policy does not have.")
    options: dict[str, Any] = {
        "policy": policy,
        "sinks": settings.build(folder),
        "retry": {sink.called(): sink.retry for sink in settings.sinks},
        "tick_seconds": settings.tick_seconds,
    }
    return AlertDesk(folder / settings.store, **(options | more))
