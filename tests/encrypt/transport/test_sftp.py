"""A drop to a vendor: pinned, whole, verified, and nothing left behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import stat
from pathlib import Path

import asyncssh
import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport import sftp as sftp_module
from secure_ai.encrypt.transport.event_loop import run_apart
from secure_ai.encrypt.transport.sftp import HostKeyChanged, LoginRefused, UploadFailed, send_by_sftp
from secure_ai.encrypt.transport.sftp_server import vendor_sftp_server
from secure_ai.encrypt.transport.sockets import NotReachable
from secure_ai.encrypt.transport.ssh_keys import SshKeyError, generate_ssh_key, load_ssh_key, read_public_key

USER = "hospital-drop"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return generate_ssh_key(tmp_path_factory.mktemp("keys") / "id")


@pytest.fixture
def vendor(key):
    with vendor_sftp_server({USER: key.public}) as running:
        yield running


def send(path, vendor, pair, **changes):
    settings = {"user": USER, "key": pair.private, "host_key": vendor.host_key, "timeout": 10.0} | changes
    return send_by_sftp(path, vendor.address, **settings)


def test_a_file_arrives_whole_under_its_name_with_its_checksum(sample, vendor, key):
    receipt = send(sample, vendor, key)
    assert (vendor.folder / "claims.csv").read_bytes() == sample.read_bytes()
    assert receipt.sha256 == hashlib.sha256(sample.read_bytes()).hexdigest()
    assert receipt.read_back and "read back" in receipt.sentence()
    assert vendor.received() == ["claims.csv"]


def test_an_empty_file_arrives_too(tmp_path, vendor, key):
    (tmp_path / "empty").write_bytes(b"")
    assert send(tmp_path / "empty", vendor, key).size == 0


def test_a_machine_in_the_middle_gets_nothing_not_even_the_login(sample, vendor, key):
    with vendor_sftp_server({USER: key.public}) as impostor:
        with pytest.raises(HostKeyChanged, match="somebody stands in the middle"):
            send(sample, impostor, key, host_key=vendor.host_key)
        assert impostor.received() == []


def test_a_host_key_of_another_kind_is_a_changed_one_too(sample, vendor, key):
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    with pytest.raises(HostKeyChanged):
        send(sample, vendor, key, host_key=other)


def test_another_key_or_user_is_not_let_in(sample, vendor, key, tmp_path):
    stranger = generate_ssh_key(tmp_path / "stranger")
    for changes in ({"key": stranger.private}, {"user": "root"}):
        with pytest.raises(LoginRefused):
            send(sample, vendor, key, **changes)
    assert vendor.received() == []


def test_a_file_that_is_there_is_not_overwritten(sample, vendor, key):
    send(sample, vendor, key)
    sample.write_bytes(b"newer")
    with pytest.raises(UploadFailed, match="already"):
        send(sample, vendor, key)
    assert (vendor.folder / "claims.csv").stat().st_size > 5


def test_a_full_disk_leaves_nothing_behind(sample, key):
    with vendor_sftp_server({USER: key.public}, max_bytes=100_000) as small:
        with pytest.raises(UploadFailed, match="disk is full"):
            send(sample, small, key)
        assert small.received() == []


def test_bytes_that_arrive_altered_are_removed(sample, vendor, key, monkeypatch):
    async def other(client, name):
        return "0" * 64

    monkeypatch.setattr(sftp_module, "_digest", other)
    with pytest.raises(UploadFailed, match="altered"):
        send(sample, vendor, key)
    assert vendor.received() == []


def test_without_reading_back_the_receipt_says_so(sample, vendor, key):
    receipt = send(sample, vendor, key, read_back=False)
    assert not receipt.read_back and "its bytes not" in receipt.sentence()


def test_an_upload_that_takes_too_long_is_stopped_and_removed(sample, vendor, key, monkeypatch):
    async def slow(client, name):
        await asyncio.sleep(30)

    monkeypatch.setattr(sftp_module, "_digest", slow)
    with pytest.raises(NotReachable, match="in time"):
        send(sample, vendor, key, timeout=0.6)
    assert vendor.received() == []


def test_an_upload_that_breaks_off_is_removed_over_a_new_connection(sample, vendor, key, monkeypatch):
    async def broken(client, name):
        client._handler._writer.channel.get_connection().abort()
        await asyncio.sleep(0.1)
        raise asyncssh.ConnectionLost("gone")

    monkeypatch.setattr(sftp_module, "_digest", broken)
    with pytest.raises(NotReachable, match="broke off"):
        send(sample, vendor, key)
    assert vendor.received() == []


def test_a_folder_that_is_missing_or_not_writable_is_named(sample, vendor, key):
    with pytest.raises(UploadFailed, match="folder"):
        send(sample, vendor, key, folder="/nowhere")
    if os.geteuid() != 0:
        vendor.folder.chmod(0o500)
        with pytest.raises(UploadFailed, match="no right"):
            send(sample, vendor, key)
        vendor.folder.chmod(0o700)


def test_nobody_gets_out_of_the_folder(sample, vendor, key, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (vendor.folder / "out").symlink_to(secret)
    with pytest.raises(UploadFailed, match="no right"):
        send(sample, vendor, key, folder="/out")
    send(sample, vendor, key, folder="/../../..")
    assert vendor.received() == ["claims.csv"] and not list(secret.iterdir())

    async def link():
        options = {"known_hosts": None, "client_keys": [str(key.private)], "username": USER, "config": None}
        async with asyncssh.connect(*vendor.address, **options) as connection:
            async with connection.start_sftp_client() as client:
                for make in (client.symlink, client.link):
                    with pytest.raises(asyncssh.SFTPPermissionDenied):
                        await make("/claims.csv", "/link")
            with pytest.raises(asyncssh.Error):
                await connection.run("id", check=True)

    run_apart(link())


def test_no_password_is_asked_for(vendor):
    async def login():
        options = {"known_hosts": None, "client_keys": None, "username": USER, "config": None}
        async with asyncssh.connect(*vendor.address, password="x", agent_path=None, **options):
            pass

    with pytest.raises(asyncssh.PermissionDenied):
        run_apart(login())


def test_a_server_that_does_not_run_or_says_nothing_is_not_reachable(sample, key):
    with vendor_sftp_server({USER: key.public}) as gone:
        pass
    assert not gone.folder.exists()
    with pytest.raises(NotReachable, match="connection refused"):
        send(sample, gone, key)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NotReachable):
        send_by_sftp(
            sample, silent.getsockname(), user=USER, key=key.private, host_key=gone.host_key, timeout=0.3
        )


@pytest.mark.parametrize("changes", [{"user": "h\udcff"}, {"port": 70_000}, {"host": "a\0b"}])
def test_an_address_or_user_that_nobody_can_have_is_not_reachable(sample, vendor, key, changes):
    address = (changes.pop("host", vendor.address.host), changes.pop("port", vendor.address.port))
    options = {"user": USER, "key": key.private, "host_key": vendor.host_key, **changes}
    with pytest.raises(NotReachable, match="address and user"):
        send_by_sftp(sample, address, **options)
    assert vendor.received() == []


def test_it_works_where_an_event_loop_runs_already(sample, vendor, key):
    async def cell():
        return send(sample, vendor, key)

    assert asyncio.run(cell()).size == sample.stat().st_size


def test_an_error_in_the_block_stops_the_server(key):
    with pytest.raises(RuntimeError), vendor_sftp_server({USER: key.public}) as running:
        raise RuntimeError
    assert not running.folder.exists()


def test_key_files_are_private_not_overwritten_and_checked(tmp_path, key):
    assert stat.S_IMODE(Path(key.private).stat().st_mode) == 0o600
    with pytest.raises(SshKeyError, match="exists"):
        generate_ssh_key(key.private)
    with pytest.raises(SshKeyError, match="cannot be read"):
        load_ssh_key(tmp_path / "nowhere")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(SshKeyError, match="no private key"):
        load_ssh_key(tmp_path / "text")
    sealed = asyncssh.generate_private_key("ssh-ed25519").export_private_key("pkcs8-pem", "marigold")
    (tmp_path / "sealed").write_bytes(sealed)
    load_ssh_key(tmp_path / "sealed", "marigold")
    for passphrase in (None, "tulip"):
        with pytest.raises(SshKeyError, match="passphrase"):
            load_ssh_key(tmp_path / "sealed", passphrase)
    for line in ("", "ssh-ed25519", "ssh-ed25519 AAAA", "x" * 100):
        with pytest.raises(SshKeyError, match="copy it whole"):
            read_public_key(line)


def test_a_file_that_is_not_there_is_said_before_anything_is_sent(tmp_path, vendor, key):
    with pytest.raises(UserError, match="does not exist"):
        send(tmp_path / "nowhere", vendor, key)
