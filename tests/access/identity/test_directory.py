"""Groups of a real OpenLDAP server become roles; what can go wrong is said in a sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.access.identity import directory_server as server_module
from secure_ai.access.identity.directory import DirectoryClient, DirectoryPasswords
from secure_ai.access.identity.directory_data import DirectoryContent, group_dn, group_name
from secure_ai.access.identity.directory_errors import (
    AccountDisabled,
    DirectoryNotTrusted,
    DirectoryRefusedBind,
    DirectoryUnreachable,
    NoSuchPerson,
)
from secure_ai.access.identity.directory_server import directory_server, why_no_directory
from secure_ai.access.identity.password_hashing import FOR_TESTS
from secure_ai.access.identity.roles import RoleMapping, read_role_mapping
from secure_ai.access.identity.sign_in import SignIn
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.certificates import lesson_authority
from synthetic_data import load

REQUIRED = os.environ.get("SECURE_AI_REQUIRE_DIRECTORY") == "1"
STAFF = pd.DataFrame(
    {
        "staff_id": ["S1", "S2", "S3", "S4", "S5"],
        "username": ["ana", "ben", "c*", "o'neil, (x)", "dora"],
        "role": ["nurse", "physician", "nurse", "registrar", "physician"],
        "department": ["Intensive Care", "Intensive Care", "Surgery", "Registration", "Surgery"],
    }
)
PASSWORDS = {"ana": "Ana's own sentence", "ben": "Ben's own sentence", "o'neil, (x)": "ümläut & more"}
GROUPS = {"clinical": ["role-nurse", "role-physician", "loop"], "loop": ["clinical"], "night-shift": ["dora"]}
MAPPING = RoleMapping(groups={"clinical": ["clinician"], "role-nurse": ["nurse"], "night-shift": ["on_call"]})


@pytest.fixture(scope="module")
def server():
    if reason := why_no_directory():
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    with directory_server(DirectoryContent(STAFF, PASSWORDS, GROUPS, ["ben"]), profile=FOR_TESTS) as running:
        yield running


def client_of(server, url=None, password=None, **options):
    return DirectoryClient(
        url or server.ldaps_url, server.base, server.reader, password or server.reader_password,
        **{"ca": server.authority, **options},
    )  # fmt: skip


@pytest.fixture
def client(server):
    return client_of(server)


def test_groups_within_groups_give_roles_and_a_circle_ends(client):
    assert client.roles_of("ana", MAPPING) == ("clinician", "nurse")
    assert client.roles_of("dora", MAPPING) == ("clinician", "on_call")
    assert client.roles_of("o'neil, (x)", MAPPING) == ()
    assert group_dn("loop") in client.groups_of("ana")


def test_a_group_may_be_named_by_its_whole_name():
    mapping = RoleMapping(groups={"CN=Night-Shift, OU=Groups, DC=example, DC=org": ["on_call"], "x": ["y"]})
    assert mapping.roles(["cn=night-shift,ou=groups,dc=example,dc=org"]) == ("on_call",)
    assert mapping.roles(["cn=night-shift,ou=other,dc=example,dc=org"]) == ()


@pytest.mark.parametrize("door", ["ldaps_url", "ldap_url"])
def test_the_directory_checks_a_password_over_tls(server, door):
    client = client_of(server, getattr(server, door))
    assert client.authenticate("ana", PASSWORDS["ana"])
    assert client.authenticate("ANA", PASSWORDS["ana"])
    assert not client.authenticate("ana", PASSWORDS["ben"])


@pytest.mark.parametrize(
    "password", ["", "\0", "\0\0", PASSWORDS["ana"] + "\0", None, "x" * 10_000, "\ud800", 0]
)
def test_an_empty_password_is_no_anonymous_success(client, password):
    assert client.authenticate("ana", password) is False


@pytest.mark.parametrize(
    "username", ["dora", "nobody", "", "*", "ana)(uid=*", "x" * 1000, "\0", "\ud800", None]
)
def test_a_name_without_a_password_or_without_an_entry_does_not_sign_in(client, username):
    assert client.authenticate(username, PASSWORDS["ana"]) is False


@pytest.mark.parametrize(
    "username",
    ["*", "a*", "ana)(objectClass=*", "*)(|(uid=*", "ana\0", "\\2a", "ana)(!(uid=x))", "x)(userPassword=*"],
)
def test_a_name_cannot_change_the_question(client, username):
    with pytest.raises(NoSuchPerson, match="Nobody has this user name") as error:
        client.find(username)
    assert username not in str(error.value)


def test_a_name_of_special_characters_is_found_as_what_it_is(client):
    assert client.find("c*").username == "c*"
    assert client.find("o'neil, (x)").username == "o'neil, (x)"
    assert client.authenticate("o'neil, (x)", PASSWORDS["o'neil, (x)"])


def test_a_locked_account_has_no_roles_and_does_not_sign_in(client):
    assert client.find("ben").disabled
    assert not client.authenticate("ben", PASSWORDS["ben"])
    with pytest.raises(AccountDisabled, match="locked"):
        client.roles_of("ben", MAPPING)


def test_two_people_of_one_name_are_no_answer(server):
    with pytest.raises(NoSuchPerson, match="More than one"):
        client_of(server, user_attribute="departmentNumber").find("Surgery")


def test_many_groups_come_page_by_page():
    if reason := why_no_directory():
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    many = {f"team-{number}": ["ana"] for number in range(620)}
    with directory_server(DirectoryContent(STAFF, {}, many), profile=FOR_TESTS) as running:
        groups = client_of(running).groups_of("ana")
    assert sum(name.startswith("cn=team-") for name in groups) == 620


def test_the_sectors_staff_tables_make_directories(server):
    for sector in ("healthcare", "finance"):
        staff = load(sector, rows=50, seed=1).tables["staff"]
        someone = staff.iloc[0]
        content = DirectoryContent(staff, {str(someone["username"]): PASSWORDS["ana"]})
        with directory_server(content, profile=FOR_TESTS) as running:
            client = client_of(running)
            role = group_name("role", str(someone["role"]))
            mapping = RoleMapping(groups={role: ["found"], "all-staff": ["staff"]})
            assert client.roles_of(str(someone["username"]), mapping) == ("found", "staff")
            assert client.authenticate(str(someone["username"]), PASSWORDS["ana"])


def test_a_wrong_service_account_is_said(server):
    with pytest.raises(DirectoryRefusedBind, match="refuses the service account") as error:
        client_of(server, password="wrong").find("ana")
    assert error.value.__cause__ is None
    with pytest.raises(DirectoryRefusedBind):
        DirectoryClient(server.ldaps_url, server.base, "no name", "x", ca=server.authority).find("ana")


@pytest.mark.parametrize("door", ["ldaps_url", "ldap_url"])
def test_a_certificate_of_a_stranger_is_not_trusted(server, door, tmp_path):
    with lesson_authority("Stranger") as stranger:
        for ca in (None, stranger.certificate):
            with pytest.raises(DirectoryNotTrusted, match="not trusted"):
                client_of(server, getattr(server, door), ca=ca).authenticate("ana", PASSWORDS["ana"])


@pytest.mark.parametrize(
    ("hosts", "validity"), [(["other.example.org"], "valid"), (["127.0.0.1"], "expired")]
)
def test_a_certificate_for_another_name_or_out_of_date_is_not_trusted(server, hosts, validity):
    with lesson_authority("Lesson") as authority:
        files = authority.server(hosts=hosts, validity=validity)
        with (
            directory_server(DirectoryContent(STAFF), tls=files, profile=FOR_TESTS) as running,
            pytest.raises(DirectoryNotTrusted, match="not trusted"),
        ):
            client_of(running).find("ana")


def test_a_file_without_a_certificate_is_no_authority(server, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(DirectoryNotTrusted, match="holds no certificate"):
        client_of(server, ca=tmp_path / "ca.pem").find("ana")


def test_a_certificate_and_a_key_that_do_not_belong_together_are_said(server):
    with lesson_authority("Lesson") as authority:
        one, other = authority.server("one"), authority.server("other")
        mixed = replace(one, key=other.key)
        for tls, said in ((mixed, "belong together"), (replace(one, key="/no/such.key"), "cannot be read")):
            with (
                pytest.raises(UserError, match=said),
                directory_server(DirectoryContent(STAFF), tls=tls, profile=FOR_TESTS),
            ):
                pass


def test_the_server_also_runs_as_who_starts_it(server, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with directory_server(DirectoryContent(STAFF), profile=FOR_TESTS) as running:
        assert client_of(running).find("ana").username == "ana"
        assert running.authority.stat().st_uid == os.getuid()


def test_a_password_is_refused_before_tls(server):
    import ldap3
    from ldap3.core.exceptions import LDAPConfidentialityRequiredResult

    host, port = server.ldap_url.removeprefix("ldap://").split(":")
    plain = ldap3.Connection(
        ldap3.Server(host, int(port), get_info=ldap3.NONE),
        "uid=ana,ou=people,dc=example,dc=org", PASSWORDS["ana"],
        raise_exceptions=True,
    )  # fmt: skip
    with pytest.raises(LDAPConfidentialityRequiredResult):
        plain.bind()
    plain.unbind()


def test_a_server_that_does_not_run_or_does_not_answer_is_said(server):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(DirectoryUnreachable, match="does not answer"):
            client_of(server, f"ldaps://127.0.0.1:{port}").find("ana")
        silent.listen()
        start = time.monotonic()
        for scheme in ("ldaps", "ldap"):
            with pytest.raises((DirectoryUnreachable, DirectoryNotTrusted)):
                client_of(server, f"{scheme}://127.0.0.1:{port}", timeout=1).find("ana")
        assert time.monotonic() - start < 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "http://x"}, "ldaps://host"),
        ({"url": "x"}, "ldaps://host"),
        ({"url": "ldaps://u:p@x"}, "ldaps://host"),
        ({"url": "ldaps://x:99999"}, "ldaps://host"),
        ({"bind_password": ""}, "service account"),
        ({"bind_dn": ""}, "service account"),
        ({"ca": "/no/such.pem"}, "authority file"),
        ({"user_attribute": "uid)(x=*"}, "user_attribute"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 1.5}, "timeout"),
    ],
)
def test_wrong_settings_are_said_at_once(change, said):
    settings = {"url": "ldaps://x", "base": "dc=x", "bind_dn": "cn=x", "bind_password": "secret!", **change}
    with pytest.raises(UserError, match=said) as error:
        DirectoryClient(**settings)
    assert "secret!" not in str(error.value)


def test_a_client_and_a_server_show_no_password(server, client):
    assert server.reader_password not in repr(server) + repr(client)
    assert "sentence" not in repr(DirectoryContent(STAFF, PASSWORDS))


def test_several_threads_ask_at_the_same_time(client):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(client.roles_of("ana", MAPPING))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [("clinician", "nurse")] * 4


def test_the_directory_can_be_the_password_of_the_whole_sign_in(client):
    sign_in = SignIn(DirectoryPasswords(client))
    assert sign_in.authenticate("ana", PASSWORDS["ana"]).ok
    assert not sign_in.authenticate("ana", "").ok
    assert [event.actor for event in sign_in.audit.events] == ["ana", "ana"]


def test_the_server_leaves_no_process_and_no_folder_also_on_an_error(server):
    with pytest.raises(RuntimeError), directory_server(DirectoryContent(STAFF), profile=FOR_TESTS) as running:
        folder = Path(running.authority).parent
        pid = int((folder / "slapd.pid").read_text())
        assert folder.stat().st_mode & 0o077 == 0
        raise RuntimeError
    assert not folder.exists()
    assert gone(pid)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_notebook_leaves_no_process_and_no_folder(server, kind):
    script = (
        "import pandas as pd, time\n"
        "from secure_ai.access.identity.directory_data import DirectoryContent\n"
        "from secure_ai.access.identity.directory_server import directory_server\n"
        "staff = pd.DataFrame({'staff_id': ['S1'], 'username': ['a'], 'role': ['r'], 'department': ['d']})\n"
        "with directory_server(DirectoryContent(staff)) as running:\n"
        "    print(running.authority, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    folder = Path(process.stdout.readline().strip()).parent
    pid = int((folder / "slapd.pid").read_text())
    process.send_signal(kind)
    process.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while (folder.exists() or not gone(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(pid)
    assert not folder.exists()


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_where_slapd_is_missing_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(server_module, "_program", lambda name: None)
    assert "apt-get install slapd" in why_no_directory()
    assert not server_module.directory_available()
    with pytest.raises(UserError, match="apt-get install slapd"), directory_server(DirectoryContent(STAFF)):
        pass


@pytest.mark.parametrize(
    ("staff", "options", "said"),
    [
        (STAFF.drop(columns="role"), {}, "lacks role"),
        (STAFF.assign(role=None), {}, "empty cells"),
        (pd.concat([STAFF, STAFF]), {}, "unique"),
        (STAFF, {"passwords": {"nobody": "x"}}, "not in the staff table"),
        (STAFF, {"disabled": ["nobody"]}, "not in the staff table"),
    ],
)
def test_a_wrong_staff_table_is_said(staff, options, said):
    with pytest.raises(UserError, match=said):
        DirectoryContent(staff, **options)


def test_a_group_of_unknown_members_is_said():
    with pytest.raises(UserError, match="no group and no user name"):
        DirectoryContent(STAFF, group_members={"team": ["nobody"]}).groups()


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip()))
def test_no_value_can_add_a_line_to_the_content(text):
    staff = STAFF.iloc[:1].assign(username=[text], role=[text])
    try:
        ldif = DirectoryContent(staff).to_ldif("{SSHA}x", argon2=False)
    except UnicodeEncodeError:
        return
    assert all(":: " in line or not line for line in ldif.split("\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("groups: {role-nurse: [nurse]}", None),
        ("groups: [a, b]", "wrong at groups"),
        ("groups: {}", "wrong at groups"),
        ("groups: {role-nurse: nurse}", "wrong at groups.role-nurse"),
        ("group: {x: [y]}", "wrong at group"),
        ("", "wrong at the file"),
        ("{", "not valid YAML"),
        ("groups: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_a_role_mapping_is_read_or_its_fault_named(tmp_path, text, said):
    file = tmp_path / "roles.yaml"
    file.write_text(text)
    if said is None:
        assert read_role_mapping(file).roles([group_dn("role-nurse")]) == ("nurse",)
        return
    with pytest.raises(UserError, match=said):
        read_role_mapping(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_role_mapping(tmp_path / "missing.yaml")
