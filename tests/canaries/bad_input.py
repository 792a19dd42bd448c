"""The table of bad input: what goes wrong, how it is provoked, and which error must say it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from secure_ai.access.database import refusals
from secure_ai.access.database.server import database
from secure_ai.access.identity import directory_errors
from secure_ai.access.identity.directory import DirectoryClient
from secure_ai.access.identity.sealing import KeySealer, SealBroken
from secure_ai.access.identity.second_factor import SecondFactors
from secure_ai.access.openid import errors as tokens
from secure_ai.access.openid.client import sign_in_headless
from secure_ai.access.openid.discovery import check_clock, discover
from secure_ai.access.openid.keys import SigningKeys, sign
from secure_ai.access.openid.model import User
from secure_ai.access.openid.provider import local_provider
from secure_ai.access.openid.tokens import ReplayStore, check_token
from secure_ai.core.errors import UserError
from secure_ai.encrypt import fields, files, key_rings, stores, transport
from secure_ai.encrypt.files.header import HEADER_BYTES, TAG_BYTES
from secure_ai.encrypt.key_rings import UNSAFE_COST_FOR_TESTS, LocalKeyRing, PersonKeys
from secure_ai.encrypt.secret_keys import random_key
from secure_ai.encrypt.transport import packages
from secure_ai.encrypt.transport.packages.container import FILES, MANIFEST

from .planted import PERSONAL, SECRET
from .records import COLUMNS, record, table, text_file
from .watch import Watch

NOW = 1_800_000_000
TODAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ISSUER, SERVICE = "https://id.example.org", "https://records.example.org"
OTHER_PASSPHRASE = "none of the nine wings was yellow"


@dataclass
class Bench:
    """What the cases work on.

    Attributes:
        watch: the watched place.
        ring: a key ring in a file there, with the key "patients".
        hospital: gives a running protected database and a physician who has patients.
    """

    watch: Watch
    ring: LocalKeyRing
    hospital: Callable[[], tuple[Any, str]]

    @property
    def work(self) -> Path:
        """The current folder."""
        return self.watch.work

    def enter(self, manager: Any) -> Any:
        """Enter a context manager until the case is over."""
        return self.watch.stack.enter_context(manager)

    def encrypted(self, **options: Any) -> Path:
        """A file of several chunks with planted values, encrypted for the table of patients."""
        target = self.work / "letters.enc"
        source = text_file(self.watch.inputs)
        options = {"associated_data": {"table": "patients"}, "chunk_size": 1 << 16} | options
        files.encrypt_file(source, target, self.ring, "patients", **options)
        return target

    def decrypt(self, path: Path, ring: Any = None, **options: Any) -> Callable:
        """An attempt to decrypt a file."""
        return partial(files.decrypt_file, path, self.work / "out.txt", ring or self.ring, **options)

    def other_ring(self) -> LocalKeyRing:
        """Another ring with a key of the same name."""
        return self.enter(LocalKeyRing.in_memory("patients"))

    def cipher(self) -> fields.FieldCipher:
        """A cipher of the table of patients."""
        return fields.FieldCipher(self.ring, "patients", table="patients")


# Wrong key


def file_of_another_ring(bench):
    return bench.decrypt(bench.encrypted(), bench.other_ring())


class _OtherDataKey:
    """A ring that opens another data key than the file's, as a wrongly restored one may."""

    def unwrap(self, wrapped, context):
        return bytes(32)


def file_with_another_data_key(bench):
    return bench.decrypt(bench.encrypted(), _OtherDataKey())


def store_with_the_keys_of_another(bench):
    for name in ("one.duckdb", "other.duckdb"):
        with stores.encrypted_database(bench.work / name, bench.ring, key_name="patients") as connection:
            frame = table()  # noqa: F841
            connection.execute("CREATE TABLE patients AS SELECT * FROM frame")
    one, other = (stores.keys_path(bench.work / name) for name in ("one.duckdb", "other.duckdb"))
    one.write_bytes(other.read_bytes())

    def read():
        with stores.encrypted_database(bench.work / "one.duckdb", bench.ring, read_only=True) as connection:
            connection.execute("SELECT * FROM patients").fetchall()

    return read


def parquet_with_the_keys_of_another(bench):
    for name in ("one.parquet", "other.parquet"):
        stores.write_encrypted_parquet(table(), bench.work / name, bench.ring, "patients")
    one, other = (stores.keys_path(bench.work / name) for name in ("one.parquet", "other.parquet"))
    one.write_bytes(other.read_bytes())
    return partial(stores.read_encrypted_parquet, bench.work / "one.parquet", bench.ring)


def second_factor_under_another_key(bench):
    path = bench.work / "factors.sqlite"
    enrollment = SecondFactors(KeySealer(random_key()), path).enroll("ana")
    bench.watch.canaries = bench.watch.canaries.plus(enrolled=enrollment.secret)
    other = SecondFactors(KeySealer(random_key()), path)
    return lambda: other.confirm("ana", "000000", TODAY)


def drop_with_another_key(bench):
    own, stranger = (transport.generate_ssh_key(bench.watch.inputs / name) for name in ("own", "stranger"))
    vendor = bench.enter(transport.vendor_sftp_server({"drop": own.public}))
    return _send(bench, vendor, stranger, vendor.host_key)


def vendor_with_another_host_key(bench):
    own = transport.generate_ssh_key(bench.watch.inputs / "own")
    vendor = bench.enter(transport.vendor_sftp_server({"drop": own.public}))
    other = transport.generate_ssh_key(bench.watch.inputs / "other")
    return _send(bench, vendor, own, other.public)


def _send(bench, vendor, login, host_key):
    source = text_file(bench.watch.inputs)
    return lambda: transport.send_by_sftp(
        source, vendor.address, user="drop", key=login.private, host_key=host_key, timeout=10.0
    )


def file_for_another_recipient(bench):
    pair = transport.generate_recipient_key(bench.watch.inputs / "x25519")
    other = transport.generate_recipient_key(bench.watch.inputs / "other")
    source, target = text_file(bench.watch.inputs), bench.work / "letters.enc"
    files.encrypt_file(source, target, transport.RecipientKeys({"vendor": pair.public}), "vendor")
    return bench.decrypt(target, transport.RecipientKey("vendor", other.private))


# Wrong associated data


def file_of_another_table(bench):
    return bench.decrypt(bench.encrypted(), associated_data={"table": "claims"})


def wrapped_key_of_another_table(bench):
    key = bench.ring.new_data_key("patients", {"table": "patients"})
    bench.watch.canaries = bench.watch.canaries.plus(data_key=key.secret)
    return lambda: bench.ring.unwrap(key.wrapped, {"table": "claims"})


def value_of_another_row(bench):
    cipher = bench.cipher()
    frame = fields.encrypt_columns(table(), COLUMNS, cipher, row_key="patient_id")
    frame.loc[1, "note"] = frame.loc[0, "note"]
    return lambda: fields.decrypt_columns(frame, COLUMNS, cipher, row_key="patient_id")


def record_of_another_person(bench):
    keys = bench.enter(PersonKeys.create(bench.work / "persons.sqlite", bench.ring, groups=2))
    keys.add(["P1", "P2"])
    sealed = keys.seal("P1", PERSONAL["note"].encode())
    return lambda: keys.unseal("P2", sealed)


# Truncated and altered files


def truncated_between_chunks(bench):
    path = bench.encrypted()
    last = (path.stat().st_size - HEADER_BYTES) % ((1 << 16) + TAG_BYTES)
    path.write_bytes(path.read_bytes()[:-last])
    return bench.decrypt(path)


def truncated_within_a_chunk(bench):
    path = bench.encrypted()
    path.write_bytes(path.read_bytes()[:-100])
    return bench.decrypt(path)


def truncated_head(bench):
    path = bench.encrypted()
    path.write_bytes(path.read_bytes()[:100])
    return bench.decrypt(path)


def altered_file(bench):
    path = bench.encrypted()
    path.write_bytes(_flipped(path.read_bytes(), -300_000))
    return bench.decrypt(path)


def _flipped(data, place):
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def file_that_is_not_encrypted(bench):
    return bench.decrypt(text_file(bench.watch.inputs))


def truncated_parquet(bench):
    path = bench.work / "patients.parquet"
    stores.write_encrypted_parquet(table(), path, bench.ring, "patients")
    path.write_bytes(path.read_bytes()[:-500])
    return partial(stores.read_encrypted_parquet, path, bench.ring)


def truncated_database(bench):
    path = bench.work / "patients.duckdb"
    with stores.encrypted_database(path, bench.ring, key_name="patients") as connection:
        frame = table(2000)  # noqa: F841
        connection.execute("CREATE TABLE patients AS SELECT * FROM frame")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def read():
        with stores.encrypted_database(path, bench.ring, read_only=True) as connection:
            connection.execute("SELECT * FROM patients").fetchall()

    return read


def truncated_ring(bench):
    path = bench.ring.path
    path.write_bytes(path.read_bytes()[:-20])
    return partial(LocalKeyRing.open, path, SECRET["passphrase"])


def value_that_was_cut(bench):
    cipher = bench.cipher()
    text = cipher.encrypt(PERSONAL["ssn"], column="ssn", row_key="P1")
    return lambda: cipher.decrypt(text[:40], column="ssn", row_key="P1")


def plain_value_where_an_encrypted_one_belongs(bench):
    return lambda: bench.cipher().decrypt(PERSONAL["ssn"], column="ssn", row_key="P1")


# Keys that are gone, and passphrases


def key_version_gone(bench):
    path = bench.encrypted()
    bench.ring.rotate("patients")
    bench.ring.destroy("patients", "1")
    return bench.decrypt(path)


def person_shredded(bench):
    keys = bench.enter(PersonKeys.create(bench.work / "persons.sqlite", bench.ring, groups=2))
    keys.add(["P1", "P2"])
    sealed = keys.seal("P1", PERSONAL["note"].encode())
    keys.shred("P1")
    return lambda: keys.unseal("P1", sealed)


def key_that_never_was(bench):
    source = text_file(bench.watch.inputs)
    return partial(files.encrypt_file, source, bench.work / "out.enc", bench.ring, "nobody")


def keys_file_missing(bench):
    path = bench.work / "patients.parquet"
    stores.write_encrypted_parquet(table(), path, bench.ring, "patients")
    stores.keys_path(path).unlink()
    return partial(stores.read_encrypted_parquet, path, bench.ring)


def wrong_passphrase(bench):
    return partial(LocalKeyRing.open, bench.ring.path, OTHER_PASSPHRASE)


def short_passphrase(bench):
    return partial(LocalKeyRing.create, bench.work / "new.ring", SECRET["passphrase"][:9])


def wrong_passphrase_of_a_signing_key(bench):
    pair = transport.generate_signing_key(bench.work / "signing.pem", passphrase=SECRET["passphrase"])
    return partial(transport.RecipientKey, "vendor", pair.private, passphrase=OTHER_PASSPHRASE)


# Tokens and clocks


KEYS = SigningKeys("ES256")
CLAIMS = {
    "iss": ISSUER,
    "aud": SERVICE,
    "sub": PERSONAL["name"],
    "client_id": "app",
    "iat": NOW - 10,
    "exp": NOW + 290,
    "jti": "n1",
}


def _token(bench, text=None, **changes):
    text = text or sign(CLAIMS | changes, KEYS.current, typ="at+jwt")
    bench.watch.canaries = bench.watch.canaries.plus(token=text)
    options = {"issuer": ISSUER, "audience": SERVICE, "keys": KEYS.key_set(), "now": lambda: NOW}
    return partial(check_token, text, **options)


def expired_token(bench):
    return _token(bench, iat=NOW - 4000, exp=NOW - 3700)


def unsigned_token(bench):
    from joserfc.util import urlsafe_b64encode

    head, body = ({"alg": "none", "typ": "at+jwt"}, CLAIMS)
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode() for part in (head, body)]
    return _token(bench, ".".join([*parts, ""]))


def forged_token(bench):
    stranger = SigningKeys("ES256").current
    return _token(bench, sign(CLAIMS, stranger, typ="at+jwt", kid=KEYS.current.kid))


def token_for_another_service(bench):
    return _token(bench, aud="https://canteen.example.org")


def token_of_another_issuer(bench):
    return _token(bench, iss="https://elsewhere.example.org")


def token_from_the_future(bench):
    return _token(bench, iat=NOW + 4000, exp=NOW + 4300)


def token_used_twice(bench):
    check, seen = _token(bench), ReplayStore(lambda: NOW)
    check(replays=seen)
    return partial(check, replays=seen)


def text_that_is_no_token(bench):
    return _token(bench, f"{SECRET['password']}, {PERSONAL['ssn']}")


def _provider(bench):
    nurse = User("nurse01", roles=("nurse",), password=SECRET["password"])
    return bench.enter(local_provider([nurse]))


def clock_far_off(bench):
    provider = _provider(bench)
    return partial(check_clock, provider.issuer, now=lambda: datetime.now(UTC).timestamp() + 7200)


def wrong_password_at_the_provider(bench):
    return partial(sign_in_headless, _provider(bench), "nurse01", SECRET["passphrase"])


def provider_not_running(bench):
    return partial(discover, f"http://127.0.0.1:{_closed_port()}")


def _closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clock_of_the_database_far_off(bench):
    protected, physician = bench.hospital()
    wrong = replace(protected, clock=lambda: datetime.now(UTC).timestamp() + 7200, _idle={})
    return partial(wrong.as_user, physician, "treatment")


# Servers that do not run, or refuse


def directory_not_running(bench):
    with transport.lesson_authority() as authority:
        path = bench.work / "ca.pem"
        path.write_bytes(Path(authority.certificate).read_bytes())
    client = DirectoryClient(
        f"ldaps://127.0.0.1:{_closed_port()}", "dc=example,dc=org", "cn=reader", SECRET["password"], ca=path
    )
    return lambda: client.authenticate("ana", SECRET["passphrase"])


def postgresql_not_running(bench):
    address = f"postgresql://reader:{SECRET['client secret'][:12]}@127.0.0.1:{_closed_port()}/hospital"
    bench.watch.canaries = bench.watch.canaries.plus(in_address=SECRET["client secret"][:12])
    return partial(database, address)


def service_not_running(bench):
    authority = bench.enter(transport.lesson_authority())
    caller = authority.client("ward")
    return lambda: transport.request_score(("127.0.0.1", _closed_port()), record(), caller)


def _service(bench, shown, score=lambda record: 0.5):
    authority = bench.enter(transport.lesson_authority())
    service = bench.enter(transport.serve(score, authority.server(), allowed={"ward"}))
    caller = shown(authority)
    return lambda: transport.request_score(service.address, record(), caller)


def refused_handshake(bench):
    return _service(bench, lambda one: transport.TlsFiles(None, None, one.certificate))


def expired_certificate(bench):
    return _service(bench, lambda one: one.client("ward", validity="expired"))


def caller_not_on_the_list(bench):
    return _service(bench, lambda one: one.client("another"))


def model_that_fails(bench):
    def score(record):
        raise ValueError(f"cannot score {record}")

    return _service(bench, lambda one: one.client("ward"), score)


def refused_column(bench):
    return _question(bench, "SELECT ssn FROM patients WHERE ssn = %s", PERSONAL["ssn"])


def value_of_another_type(bench):
    return _question(bench, "SELECT patient_id FROM patients WHERE birth_date = %s", PERSONAL["note"])


def _question(bench, sql, *values):
    protected, physician = bench.hospital()
    session = bench.enter(protected.as_user(physician, "treatment"))
    return lambda: session.rows(sql, values)


def nobody_of_that_identifier(bench):
    protected, _ = bench.hospital()
    return partial(protected.as_user, PERSONAL["name"], "treatment")


# Packages


def _package(bench, *, now=TODAY, **changes):
    pair = transport.generate_signing_key(bench.watch.inputs / "signing")
    source = bench.encrypted()
    settings = {
        "sender": "Lakeside Hospital", "recipient": "Vendor", "purpose": "validation", "sequence": 4,
        "created": TODAY, "expires": TODAY + timedelta(days=14),
    } | changes  # fmt: skip
    package = bench.work / "package"
    packages.write_package({"letters.enc": source}, package, signing_key=pair.private, **settings)
    expected = packages.Expected({"Lakeside Hospital": pair.public}, "Vendor", now, 3)
    return package, partial(packages.unpack_package, package, bench.work / "out", expected)


def altered_package(bench):
    package, unpack = _package(bench)
    inner = package / FILES / "letters.enc"
    inner.write_bytes(_flipped(inner.read_bytes(), -1))
    return unpack


def altered_list_of_a_package(bench):
    package, unpack = _package(bench)
    manifest = package / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b"validation", b"everything"))
    return unpack


def package_for_another(bench):
    return _package(bench, recipient="Somebody Else")[1]


def package_that_came_before(bench):
    return _package(bench, sequence=3)[1]


def package_from_the_future(bench):
    return _package(bench, now=TODAY - timedelta(days=2))[1]


def package_whose_time_is_over(bench):
    return _package(bench, now=TODAY + timedelta(days=40))[1]


CASES: dict[str, tuple[Callable[[Bench], Callable], type[UserError], str]] = {
    "wrong key: a file of another ring": (
        file_of_another_ring, key_rings.ForeignKeyError, "Another key ring wrapped",
    ),
    "wrong key: another data key": (file_with_another_data_key, files.WrongFileKeyError, "key"),
    "wrong key: a database with another's keys": (
        store_with_the_keys_of_another, stores.WrongStoreKey, "belongs to another store",
    ),
    "wrong key: a Parquet file with another's keys": (
        parquet_with_the_keys_of_another, fields.DataKeyMissing, "belongs to this data",
    ),
    "wrong key: a second factor": (second_factor_under_another_key, SealBroken, "does not open"),
    "wrong key: login at the drop": (drop_with_another_key, transport.LoginRefused, "does not accept"),
    "wrong key: the vendor's host key": (
        vendor_with_another_host_key, transport.HostKeyChanged, "another host key",
    ),
    "wrong key: another recipient": (file_for_another_recipient, transport.NotForThisRecipient, ""),
    "wrong associated data: a file": (
        file_of_another_table, files.WrongAssociatedDataError, "other associated data",
    ),
    "wrong associated data: a wrapped key": (
        wrapped_key_of_another_table, key_rings.WrappedKeyError, "another context",
    ),
    "wrong associated data: a value of another row": (
        value_of_another_row, fields.ValueDoesNotOpen, "moved from another row",
    ),
    "wrong associated data: a record of another person": (
        record_of_another_person, key_rings.WrappedKeyError, "",
    ),
    "truncated: a file, between chunks": (truncated_between_chunks, files.TruncatedFileError, ""),
    "truncated: a file, within a chunk": (truncated_within_a_chunk, files.TamperedFileError, "cut short"),
    "truncated: a file, in its head": (truncated_head, files.TruncatedFileError, ""),
    "altered: a file": (altered_file, files.TamperedFileError, "changed, moved"),
    "not encrypted: a file": (file_that_is_not_encrypted, files.NotEncryptedError, ""),
    "truncated: a Parquet file": (truncated_parquet, stores.StoreDamaged, "was cut"),
    "truncated: a database": (truncated_database, stores.StoreDamaged, "changed or cut"),
    "truncated: a key ring": (truncated_ring, key_rings.RingFileError, ""),
    "truncated: a value": (value_that_was_cut, fields.ValueDoesNotOpen, "cut or damaged"),
    "not encrypted: a value": (
        plain_value_where_an_encrypted_one_belongs, fields.ValueNotEncrypted, "not an encrypted value",
    ),
    "key version gone": (key_version_gone, key_rings.KeyVersionGoneError, "destroyed"),
    "key version gone: a person": (person_shredded, key_rings.PersonShreddedError, ""),
    "key that never was": (key_that_never_was, key_rings.KeyNotFoundError, ""),
    "keys file missing": (keys_file_missing, stores.StoreKeysMissing, "is missing"),
    "wrong passphrase: a ring": (wrong_passphrase, key_rings.PassphraseError, "another one"),
    "wrong passphrase: too short": (short_passphrase, key_rings.PassphraseError, "too short"),
    "wrong passphrase: a private key": (
        wrong_passphrase_of_a_signing_key, transport.OrganizationKeyError, "passphrase",
    ),
    "expired token": (expired_token, tokens.ExpiredTokenError, ""),
    "unsigned token": (unsigned_token, tokens.UnsignedTokenError, "no signature"),
    "forged token": (forged_token, tokens.BadSignatureError, "signature"),
    "token for another service": (token_for_another_service, tokens.WrongAudienceError, ""),
    "token of another issuer": (token_of_another_issuer, tokens.WrongIssuerError, ""),
    "token used twice": (token_used_twice, tokens.ReplayedTokenError, "used before"),
    "no token": (text_that_is_no_token, tokens.MalformedTokenError, "not a signed token"),
    "clock far off: a token from the future": (token_from_the_future, tokens.IssuedInFutureError, "clock"),
    "clock far off: from the provider's": (clock_far_off, tokens.ClockOffError, "about 2 hours off"),
    "clock far off: from the database's": (
        clock_of_the_database_far_off, UserError, "more than 5 minutes apart",
    ),
    "clock far off: a package from the future": (
        package_from_the_future, packages.ExpiredPackage, "compare the clock",
    ),
    "wrong password: the provider": (wrong_password_at_the_provider, tokens.SignInRefusedError, ""),
    "not running: the provider": (provider_not_running, tokens.ProviderUnreachableError, ""),
    "not running: LDAP": (directory_not_running, directory_errors.DirectoryUnreachable, "LDAP server runs"),
    "not running: PostgreSQL": (postgresql_not_running, UserError, "PostgreSQL cannot be reached"),
    "not running: the scoring service": (service_not_running, transport.NotReachable, ""),
    "refused handshake: no certificate": (
        refused_handshake, transport.HandshakeRefused, "showed no certificate",
    ),
    "refused handshake: expired certificate": (
        expired_certificate, transport.CertificateError, "expired",
    ),
    "refused call": (caller_not_on_the_list, transport.CallRefused, "may not call"),
    "a model that fails": (model_that_fails, transport.ServiceFailed, ""),
    "refused column": (refused_column, refusals.RefusedError, "permission denied"),
    "a value of another type": (value_of_another_type, UserError, "The value is not shown"),
    "nobody of that identifier": (
        nobody_of_that_identifier, refusals.RefusedError, "nobody of that identifier",
    ),
    "altered package": (altered_package, packages.AlteredFile, "not as it was"),
    "altered list of a package": (altered_list_of_a_package, packages.AlteredManifest, ""),
    "package for another": (package_for_another, packages.WrongRecipient, "return it"),
    "package that came before": (package_that_came_before, packages.ReplayedPackage, "came already"),
    "package whose time is over": (package_whose_time_is_over, packages.ExpiredPackage, "until"),
}  # fmt: skip


def new_ring(watch: Watch) -> LocalKeyRing:
    """A ring in the watched place, under the planted passphrase."""
    ring = LocalKeyRing.create(watch.work / "my.ring", SECRET["passphrase"], cost=UNSAFE_COST_FOR_TESTS)
    ring.create_key("patients")
    return ring
