"""Settings and policy: validated, secrets elsewhere, every mistake a sentence that shows no value."""

from __future__ import annotations

import copy
from importlib import resources

import pytest
import yaml

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import load_policy, open_desk, read_settings

SECRET = "canary-secret-of-thirty-two-characters"
SETTINGS = """
store: alerts.db
sinks:
  - {kind: console, at_least: high}
  - {kind: file, path: alerts.jsonl, roles: [analyst]}
  - kind: webhook
    name: siem
    url: https://siem.example.org/alerts
    key: {env: TEST_ALERT_KEY}
    retry: {first_seconds: 2}
  - kind: mail
    host: mail.example.org
    sender: desk@example.org
    recipients: [oncall@example.org]
    username: desk
    password: {file: mail-password}
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_ALERT_KEY", SECRET)
    password = tmp_path / "mail-password"
    password.write_text(SECRET)
    password.chmod(0o600)

    def write(text=SETTINGS):
        path = tmp_path / "alerts.yaml"
        path.write_text(text)
        return path

    return write


def test_settings_open_a_desk_with_all_its_sinks(settings):
    with open_desk(settings(), background=False) as desk:
        assert [one.sink for one in desk.deliveries()] == ["console", "file", "siem", "mail"]
        shown = repr(desk) + repr(read_settings(settings())) + repr(vars(desk)["_couriers"])
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("store:", "stor:"), "not known|store"),
        (("at_least: high", "at_least: urgent"), "at_least"),
        (("kind: console", "kind: pager"), "sinks.0"),
        (("env: TEST_ALERT_KEY", f"envv: {SECRET}"), "not known"),
        (("{env: TEST_ALERT_KEY}", SECRET), "a secret is never written into the settings"),
        (("{env: TEST_ALERT_KEY}", "{env: A, file: b}"), "either env or file"),
        (("env: TEST_ALERT_KEY", "env: NOT_SET_ANYWHERE"), "environment variable"),
        (("file: mail-password", "file: missing"), "cannot be read"),
        (("    username: desk\n", ""), "username and password go together"),
        (("name: siem", "name: mail"), "one name"),
        (("https://siem", "http://siem"), "https://"),
        (("roles: [analyst]", "roles: [janitor]"), "role janitor"),
        (("first_seconds: 2", "first_seconds: .nan"), "first_seconds"),
        (("host: mail.example.org", "host: mail.example.org\n    port: 99999"), "port"),
        ((SETTINGS, "- a list"), "name: value"),
        ((SETTINGS, "a: [b"), "no valid YAML"),
        ((SETTINGS, ""), "name: value"),
    ],
)
def test_a_mistake_in_the_settings_is_a_sentence_that_shows_no_value(settings, change, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence) as caught:
        open_desk(settings(SETTINGS.replace(*change)))
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "alerts.db").exists()


def test_a_secret_file_that_others_can_read_is_refused(settings, tmp_path):
    (tmp_path / "mail-password").chmod(0o644)
    with pytest.raises(UserError, match="can be read by others"):
        open_desk(settings())


def test_settings_that_are_not_there_are_a_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_settings(tmp_path / "missing.yaml")


@pytest.fixture
def policy(tmp_path):
    text = resources.files("secure_ai.monitor.alerts").joinpath("data/policy.yaml").read_text("utf-8")
    content = yaml.safe_load(text)

    def changed(change):
        new = copy.deepcopy(content)
        change(new)
        path = tmp_path / "policy.yaml"
        path.write_text(yaml.safe_dump(new))
        return path

    return changed


def test_the_kits_policy_is_read_from_a_file_too_and_is_a_table(policy):
    assert load_policy(policy(lambda content: None)) == load_policy()
    table = load_policy().to_frame()
    assert table.iloc[0].tolist() == ["critical", 10.0, "on-call", "acknowledged"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c.pop("flood"), "flood"),
        (lambda c: c["escalation"].pop("low"), "says nothing of low"),
        (lambda c: c["escalation"].update(critical=[]), "must be escalated to somebody"),
        (lambda c: c["escalation"]["high"].reverse(), "must grow"),
        (
            lambda c: c["escalation"]["low"].append({"after_minutes": 9999, "to": "nobody"}),
            "not among the roles",
        ),
        (lambda c: c["escalation"]["low"].append({"after_minutes": 9999, "to": "on-call"}), "one role twice"),
        (lambda c: c["escalation"].update(urgent=[]), "urgent"),
        (lambda c: c.update(first="nobody"), "first is nobody"),
        (lambda c: c["flood"].update(alerts=0), "flood.alerts"),
        (lambda c: c["deduplicate"].update(window_minutes=-1), "window_minutes"),
        (lambda c: c["deduplicate"].update(window_minutes=float("inf")), "window_minutes"),
        (lambda c: c["severity"].update(most_steps="many"), "most_steps"),
    ],
)
def test_a_policy_that_contradicts_itself_is_a_sentence(policy, change, sentence):
    with pytest.raises(UserError, match=sentence):
        load_policy(policy(change))
