"""A package is accepted whole, from whom it says, once; the rest is refused, each with its own reason."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import tarfile
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.encrypt.files import WrongAssociatedDataError, decrypt_file, encrypt_file
from secure_ai.encrypt.transport.packages import container, errors
from secure_ai.encrypt.transport.packages.manifest import FORMAT, is_safe_name, sign, signed_by
from secure_ai.encrypt.transport.packages.package import (
    Expected,
    unpack_package,
    verify_package,
    write_package,
)
from secure_ai.encrypt.transport.packages.receipt import sign_receipt, verify_receipt
from secure_ai.encrypt.transport.public_keys import (
    OrganizationKeyError,
    generate_recipient_key,
    generate_signing_key,
    load_private_key,
    read_public_line,
)
from secure_ai.encrypt.transport.recipient_keys import NotForThisRecipient, RecipientKey, RecipientKeys

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FIELDS = {
    "sender": "Lakeside Hospital",
    "recipient": "Readmission Analytics",
    "purpose": "validation of the readmission model",
    "sequence": 4,
    "created": CREATED,
    "expires": CREATED + timedelta(days=14),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: generate_signing_key(folder / name) for name in ("sender", "stranger", "vendor")}


@pytest.fixture
def expected(keys):
    return Expected(
        {"Lakeside Hospital": keys["sender"].public}, "Readmission Analytics", CREATED + timedelta(days=1), 3
    )


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in").mkdir()
    for name, content in (("a.csv", b"claim,amount\n1,2\n"), ("b.bin", os.urandom(5000)), ("empty", b"")):
        (tmp_path / "in" / name).write_bytes(content)
    names = {"a.csv": "a.csv", "part=1/b.bin": "b.bin", "part=1/empty": "empty"}
    return {name: tmp_path / "in" / source for name, source in names.items()}


@pytest.fixture(params=["folder", "tar"])
def package(request, tmp_path, files, keys):
    target = tmp_path / ("package" if request.param == "folder" else "package.tar")
    write_package(files, target, signing_key=keys["sender"].private, **FIELDS)
    return target


def rewritten(package: Path, change) -> Path:
    """A package with its entries changed by ``change``, which takes and returns names with contents."""
    if package.is_dir():
        entries = {
            path.relative_to(package).as_posix(): path.read_bytes()
            for path in package.rglob("*")
            if path.is_file()
        }
    else:
        with tarfile.open(package) as archive:
            entries = {member.name: archive.extractfile(member).read() for member in archive}
    entries = change(dict(entries))
    if package.is_dir():
        shutil.rmtree(package)
        for name, content in entries.items():
            (package / name).parent.mkdir(parents=True, exist_ok=True)
            (package / name).write_bytes(content)
    else:
        with tarfile.open(package, "w") as archive:
            for name, content in entries.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return package


def test_what_was_packed_is_what_is_unpacked_readable_by_its_owner_only(package, files, expected, tmp_path):
    manifest = unpack_package(package, tmp_path / "out", expected)
    assert manifest == verify_package(package, expected)
    assert [entry.name for entry in manifest.files] == sorted(files)
    for name, source in files.items():
        path = tmp_path / "out" / name
        assert path.read_bytes() == source.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_package_has_the_same_bytes(files, keys, tmp_path):
    for name in ("one.tar", "two.tar"):
        write_package(files, tmp_path / name, signing_key=keys["sender"].private, **FIELDS)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.tar").stat().st_mode) == 0o600


def altered(entries):
    entries["files/part=1/b.bin"] = (
        bytes([entries["files/part=1/b.bin"][0] ^ 1]) + entries["files/part=1/b.bin"][1:]
    )
    return entries


def longer(entries):
    return entries | {"files/a.csv": entries["files/a.csv"] + b"3,4\n"}


def shorter(entries):
    return entries | {"files/a.csv": entries["files/a.csv"][:-1]}


def without(name):
    return lambda entries: {entry: content for entry, content in entries.items() if entry != name}


def other_manifest(entries):
    fields = json.loads(entries["manifest.json"])
    fields["purpose"] = "marketing"
    return entries | {"manifest.json": json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()}


def moved_into_manifest(entries):
    return entries | {"manifest.sig": b'{"key": "00", "signature": "!"}'}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (altered, errors.AlteredFile),
        (longer, errors.AlteredFile),
        (shorter, errors.AlteredFile),
        (without("files/a.csv"), errors.MissingFile),
        (without("manifest.json"), errors.MissingFile),
        (without("manifest.sig"), errors.MissingFile),
        (lambda entries: entries | {"files/extra.csv": b"x"}, errors.ExtraFile),
        (lambda entries: entries | {"README": b"x"}, errors.ExtraFile),
        (other_manifest, errors.AlteredManifest),
        (
            lambda entries: entries | {"manifest.json": entries["manifest.json"] + b" "},
            errors.AlteredManifest,
        ),
        (moved_into_manifest, errors.HostilePackage),
        (lambda entries: entries | {"manifest.sig": b"[" * 50_000}, errors.HostilePackage),
    ],
    ids=range(12),
)
def test_each_alteration_is_told_apart_and_leaves_nothing(package, expected, tmp_path, change, error):
    rewritten(package, change)
    for check in (
        lambda: verify_package(package, expected),
        lambda: unpack_package(package, tmp_path / "out", expected),
    ):
        with pytest.raises(error) as caught:
            check()
        assert type(caught.value) is error
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".*partial*"))


def test_an_output_of_before_stays_when_a_package_is_refused(package, expected, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "before").write_text("kept")
    rewritten(package, altered)
    with pytest.raises(errors.AlteredFile):
        unpack_package(package, tmp_path / "out", expected)
    assert (tmp_path / "out" / "before").read_text() == "kept"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"after_sequence": 4}, errors.ReplayedPackage),
        ({"after_sequence": 9}, errors.ReplayedPackage),
        ({"recipient": "Another Vendor"}, errors.WrongRecipient),
        ({"now": CREATED + timedelta(days=15)}, errors.ExpiredPackage),
        ({"now": CREATED - timedelta(days=1)}, errors.ExpiredPackage),
        ({"trusted": {}}, errors.UnknownSigner),
    ],
    ids=range(6),
)
def test_an_untouched_package_that_is_not_for_here_and_now_is_refused(package, expected, changes, error):
    with pytest.raises(error):
        verify_package(package, Expected(**{**vars(expected), **changes}))
    verify_package(package, Expected(**{**vars(expected), "now": CREATED - timedelta(minutes=4)}))


def test_a_strangers_signature_is_unknown_and_a_known_signer_cannot_speak_for_another(
    files, keys, expected, tmp_path
):
    write_package(files, tmp_path / "p", signing_key=keys["stranger"].private, **FIELDS)
    with pytest.raises(errors.UnknownSigner, match="not trusted"):
        verify_package(tmp_path / "p", expected)
    trusted = {**expected.trusted, "Another Hospital": keys["stranger"].public}
    with pytest.raises(errors.UnknownSigner, match="another sender"):
        verify_package(tmp_path / "p", Expected(**{**vars(expected), "trusted": trusted}))


def signed_package(target: Path, keys, fields: dict, contents: dict[str, bytes]) -> Path:
    """A package that a trusted sender signed with ill intent."""
    raw = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    key = load_private_key(keys["sender"].private, "ed25519")
    with tarfile.open(target, "w") as archive:
        for name, content in {
            "manifest.json": raw,
            "manifest.sig": sign("package", raw, key),
            **contents,
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "names",
    [
        *(["../x"], ["/etc/x"], ["a/../../x"], ["C:x"], ["a\\x"], [".x"], [""]),
        *(["a", "a"], ["a", "a/b"], ["A", "a"], ["b", "a"]),
    ],
)
def test_a_signed_list_with_hostile_names_is_refused_too(names, keys, expected, tmp_path):
    fields = {
        **{name: FIELDS[name] for name in ("sender", "recipient", "purpose", "sequence")},
        "format": FORMAT,
        "created": FIELDS["created"].isoformat(timespec="seconds"),
        "expires": FIELDS["expires"].isoformat(timespec="seconds"),
        "files": [{"name": name, "size": 0, "sha256": EMPTY} for name in names],
    }
    package = signed_package(tmp_path / "p.tar", keys, fields, {})
    with pytest.raises(errors.HostilePackage):
        unpack_package(package, tmp_path / "out", expected)
    assert not (tmp_path / "out").exists() and not (tmp_path / "x").exists()


def hostile_tar(target: Path, kind: str) -> Path:
    with tarfile.open(target, "w") as archive:
        member = tarfile.TarInfo("files/a.csv")
        if kind in ("symlink", "hard link"):
            member.type = tarfile.SYMTYPE if kind == "symlink" else tarfile.LNKTYPE
            member.linkname = "/etc/passwd"
        elif kind == "device":
            member.type = tarfile.CHRTYPE
        elif kind == "pipe":
            member.type = tarfile.FIFOTYPE
        else:
            member.name = {"parent": "files/../../x", "absolute": "/tmp/x", "hidden": "files/.ssh"}[kind]
        archive.addfile(member)
        if kind == "twice":
            archive.addfile(member)
    return target


@pytest.mark.parametrize("kind", ["symlink", "hard link", "device", "pipe", "parent", "absolute", "hidden"])
def test_a_tar_file_with_links_devices_or_ways_out_is_not_opened(kind, expected, tmp_path):
    with pytest.raises(errors.HostilePackage, match="do not unpack"):
        verify_package(hostile_tar(tmp_path / "p.tar", kind), expected)


def test_a_file_that_is_twice_in_a_tar_is_refused(package, expected):
    if package.is_file():
        with tarfile.open(package, "a") as archive:
            member = tarfile.TarInfo("files/a.csv")
            archive.addfile(member, io.BytesIO())
        with pytest.raises(errors.HostilePackage, match="twice"):
            verify_package(package, expected)


@pytest.mark.parametrize("kind", ["file link", "folder link", "pipe", "package link"])
def test_a_folder_with_links_or_pipes_is_not_read(kind, files, keys, expected, tmp_path):
    package = tmp_path / "package"
    write_package(files, package, signing_key=keys["sender"].private, **FIELDS)
    if kind == "file link":
        (package / "files" / "a.csv").unlink()
        (package / "files" / "a.csv").symlink_to(files["a.csv"])
    elif kind == "folder link":
        shutil.move(package / "files", tmp_path / "elsewhere")
        (package / "files").symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(package / "pipe")
    else:
        (tmp_path / "link").symlink_to(package)
        package = tmp_path / "link"
    with pytest.raises(errors.HostilePackage):
        verify_package(package, expected)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b" + b"x" * 600, b"x" * 5000])
def test_what_is_no_package_is_said_so(content, expected, tmp_path):
    (tmp_path / "p.tar").write_bytes(content)
    with pytest.raises(errors.PackageError):
        verify_package(tmp_path / "p.tar", expected)
    with pytest.raises(errors.HostilePackage, match="does not exist"):
        verify_package(tmp_path / "nowhere", expected)


def test_a_package_cut_anywhere_is_refused(files, keys, expected, tmp_path):
    write_package(files, tmp_path / "p.tar", signing_key=keys["sender"].private, **FIELDS)
    whole = (tmp_path / "p.tar").read_bytes()
    end = len(whole.rstrip(b"\0"))
    for length in range(0, end, 397):
        (tmp_path / "p.tar").write_bytes(whole[:length])
        with pytest.raises(errors.PackageError):
            verify_package(tmp_path / "p.tar", expected)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sequence": 0}, "sequence"),
        ({"sender": ""}, "sender"),
        ({"purpose": "x" * 501}, "purpose"),
        ({"expires": CREATED}, "expires after"),
        ({"created": datetime(2026, 1, 1)}, "time zone"),
        ({"files": {}}, "files"),
        ({"files": {"../x": "x"}}, "cannot be a name"),
        ({"files": {"a.csv": "/nowhere"}}, "cannot be read"),
        ({"signing_key": "/nowhere"}, "does not exist"),
    ],
    ids=range(9),
)
def test_a_package_that_cannot_be_made_is_not_half_made(files, keys, tmp_path, changes, says):
    settings = {"files": files, "signing_key": keys["sender"].private, **FIELDS} | changes
    with pytest.raises(UserError, match=says):
        write_package(settings.pop("files"), tmp_path / "out" / "p", **settings)
    assert not (tmp_path / "out" / "p").exists()


def test_names_that_clash_on_other_systems_are_refused(files, keys, tmp_path):
    for names in (("a", "A"), ("a", "a/b")):
        with pytest.raises(UserError, match="differ in capitals"):
            write_package(
                dict.fromkeys(names, files["a.csv"]),
                tmp_path / "p",
                signing_key=keys["sender"].private,
                **FIELDS,
            )


def test_a_file_that_changes_while_it_is_packed_is_noticed(files, keys, tmp_path, monkeypatch):
    from secure_ai.encrypt.transport.packages import package as module

    entry = module._entry

    def hashed_then_changed(name, path):
        found = entry(name, path)
        if name == "a.csv":
            path.write_bytes(path.read_bytes() + b"5,6\n")
        return found

    monkeypatch.setattr(module, "_entry", hashed_then_changed)
    for target in (tmp_path / "p", tmp_path / "p.tar"):
        with pytest.raises(UserError, match="changed while"):
            write_package(files, target, signing_key=keys["sender"].private, **FIELDS)
        assert not target.exists()


@given(st.text(max_size=30))
def test_a_safe_name_stays_in_its_folder(name):
    if is_safe_name(name):
        assert (
            ".." not in name.split("/") and not name.startswith("/") and "\\" not in name and ":" not in name
        )
        assert Path("/root", name).resolve().is_relative_to("/root")


@pytest.mark.parametrize(
    "name", ["NUL", "con.txt", "tables/aux/a.csv", "lpt9.log", "Com1 .csv", "a./b", "a /b"]
)
def test_a_name_that_another_system_reads_differently_is_not_safe(name):
    assert not is_safe_name(name)


@pytest.mark.parametrize("name", ["console.txt", "nullable.csv", "a.nul", "com10.csv", "auxiliary/table.csv"])
def test_a_name_that_only_begins_like_a_device_is_safe(name):
    assert is_safe_name(name)


@pytest.mark.parametrize(
    "dates",
    [
        {"expires": datetime.max.replace(tzinfo=UTC)},
        {"created": datetime.min.replace(tzinfo=UTC)},
    ],
)
def test_dates_at_the_ends_of_time_are_compared_like_others(files, keys, expected, tmp_path, dates):
    target = tmp_path / "p.tar"
    write_package(files, target, signing_key=keys["sender"].private, **{**FIELDS, **dates})
    assert verify_package(target, expected).sequence == FIELDS["sequence"]


def test_a_time_without_a_zone_is_not_compared_with_dates():
    with pytest.raises(UserError, match="time zone"):
        Expected({}, "Readmission Analytics", datetime(2026, 3, 2))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_remark_that_claims_to_be_huge_is_not_read_into_memory(expected, tmp_path, kind):
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, 300 << 20
    path = tmp_path / "p.tar"
    with path.open("wb") as file:
        file.write(member.tobuf(format=tarfile.GNU_FORMAT))
        file.truncate(member.size + 4096)
    tracemalloc.start()
    try:
        with pytest.raises(errors.HostilePackage):
            verify_package(path, expected)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_folders_without_end_are_not_read(expected, tmp_path, monkeypatch):
    monkeypatch.setattr(container, "MAX_ENTRIES", 5)
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        for number in range(6):
            member = tarfile.TarInfo(f"folder-{number}")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
            (tmp_path / "p" / f"folder-{number}").mkdir(parents=True)
    for path in (tmp_path / "p", tmp_path / "p.tar"):
        with pytest.raises(errors.HostilePackage, match="more than"):
            verify_package(path, expected)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_no_package_and_nobody_waits_for_it(expected, tmp_path):
    os.mkfifo(tmp_path / "p.tar")
    with pytest.raises(errors.HostilePackage, match="pipe"):
        verify_package(tmp_path / "p.tar", expected)


def test_a_receipt_is_for_this_package_from_this_recipient(package, expected, keys, tmp_path, files):
    manifest = verify_package(package, expected)
    receipt = sign_receipt(manifest, received=CREATED, signing_key=keys["vendor"].private)
    trusted = {"Readmission Analytics": keys["vendor"].public}
    confirmed = verify_receipt(receipt, manifest, trusted)
    assert confirmed.package == manifest.digest()
    # The digest follows from random ciphertext, so it is no part of the sentence.
    assert confirmed.sentence() == "Readmission Analytics has signed on 2026-03-01 that this package arrived."
    other = write_package(
        files, tmp_path / "q", signing_key=keys["sender"].private, **{**FIELDS, "sequence": 5}
    )
    forged = sign_receipt(manifest, received=CREATED, signing_key=keys["stranger"].private)
    for case in (
        (receipt, other, trusted),
        (forged, manifest, trusted),
        (receipt, manifest, {"Somebody": keys["vendor"].public}),
        (receipt.replace(b"2026", b"2027"), manifest, trusted),
        (b"", manifest, trusted),
        (b"x\ny", manifest, trusted),
        ((package / "manifest.json" if package.is_dir() else package).read_bytes(), manifest, trusted),
    ):
        with pytest.raises(errors.BadReceipt):
            verify_receipt(*case)
    with pytest.raises(UserError, match="time zone"):
        sign_receipt(manifest, received=datetime(2026, 1, 1), signing_key=keys["vendor"].private)


def test_a_signature_for_one_use_does_not_stand_for_another(keys):
    key = load_private_key(keys["sender"].private, "ed25519")
    trusted, line = {"Lakeside Hospital": key.public_key()}, sign("package", b"message", key)
    assert signed_by("package", b"message", line, trusted) == "Lakeside Hospital"
    with pytest.raises(errors.AlteredManifest):
        signed_by("receipt", b"message", line, trusted)


def test_no_more_is_read_of_a_file_than_one_block_past_its_listed_size(
    files, keys, expected, tmp_path, monkeypatch
):
    from secure_ai.encrypt.transport.packages import package as module

    write_package(files, tmp_path / "p", signing_key=keys["sender"].private, **FIELDS)
    with (tmp_path / "p" / "files" / "a.csv").open("r+b") as file:
        file.truncate(1 << 30)
    read, blocks = [], module._blocks
    monkeypatch.setattr(
        module, "_blocks", lambda *place: (read.append(len(block)) or block for block in blocks(*place))
    )
    with pytest.raises(errors.AlteredFile):
        verify_package(tmp_path / "p", expected)
    assert len(read) == 1


def test_a_file_is_encrypted_for_the_recipient_alone(sample, tmp_path):
    vendor, other = generate_recipient_key(tmp_path / "v"), generate_recipient_key(tmp_path / "o")
    ring, context = RecipientKeys({"vendor": vendor.public}), {"package": "4"}
    encrypt_file(sample, tmp_path / "sealed", ring, "vendor", associated_data=context)
    assert b"000017" not in (tmp_path / "sealed").read_bytes()
    decrypt_file(
        tmp_path / "sealed",
        tmp_path / "open",
        RecipientKey("vendor", vendor.private),
        associated_data=context,
    )
    assert (tmp_path / "open").read_bytes() == sample.read_bytes()
    for reader, data in (
        (RecipientKey("vendor", other.private), context),
        (ring, context),
        (RecipientKey("vendor", vendor.private), {"package": "5"}),
    ):
        with pytest.raises(UserError):
            decrypt_file(tmp_path / "sealed", tmp_path / "no", reader, associated_data=data)
        assert not (tmp_path / "no").exists()
    assert issubclass(WrongAssociatedDataError, UserError)


def test_a_wrapped_key_opens_for_its_recipient_and_context_only(tmp_path):
    pair = generate_recipient_key(tmp_path / "v", passphrase="marigold")
    mine = RecipientKey("vendor", pair.private, passphrase="marigold")
    made = RecipientKeys({"vendor": pair.public}).new_data_key("vendor", {"file": "a"})
    assert mine.unwrap(made.wrapped, {"file": "a"}) == made.secret
    assert mine.unwrap(mine.rewrap(made.wrapped, {"file": "a"}), {"file": "a"}) == made.secret
    flipped = made.wrapped.ciphertext[:-1] + bytes([made.wrapped.ciphertext[-1] ^ 1])
    for wrapped, context in (
        (made.wrapped, {"file": "b"}),
        (type(made.wrapped)("recipient", "vendor", made.wrapped.version, flipped), {"file": "a"}),
        (type(made.wrapped)("recipient", "vendor", made.wrapped.version, b""), {"file": "a"}),
        (type(made.wrapped)("local", "vendor", made.wrapped.version, made.wrapped.ciphertext), {"file": "a"}),
    ):
        with pytest.raises(NotForThisRecipient):
            mine.unwrap(wrapped, context)
    with pytest.raises(UserError, match="no public key"):
        mine.new_data_key("somebody", {})
    for ring in (mine, RecipientKeys({})):
        with pytest.raises(UserError, match="sends its public half"):
            ring.rotate("vendor")
    with pytest.raises(NotForThisRecipient):
        RecipientKeys({}).rewrap(made.wrapped, {"file": "a"})


def test_key_files_are_private_and_checked(tmp_path):
    pair = generate_signing_key(tmp_path / "k", passphrase="marigold")
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    load_private_key(pair.private, "ed25519", "marigold")
    (tmp_path / "text").write_text("no key")
    for arguments, says in (
        ((pair.private, "ed25519"), "give its passphrase"),
        ((pair.private, "ed25519", "tulip"), "passphrase is another"),
        ((pair.private, "x25519", "marigold"), "no receiving key"),
        ((tmp_path / "text", "ed25519"), "no PEM key"),
        ((tmp_path / "nowhere", "ed25519"), "does not exist"),
        ((generate_signing_key(tmp_path / "plain").private, "ed25519", "x"), "not encrypted"),
    ):
        with pytest.raises(OrganizationKeyError, match=says) as caught:
            load_private_key(*arguments)
        assert "marigold" not in str(caught.value) and "tulip" not in str(caught.value)
    with pytest.raises(OrganizationKeyError, match="exists"):
        generate_signing_key(tmp_path / "k")
    for line in ("", "ed25519:", "ed25519:AAAA", "x25519:" + "A" * 44, pair.public.replace("ed", "x")):
        with pytest.raises(OrganizationKeyError, match="copy it whole"):
            read_public_line(line, "ed25519")
