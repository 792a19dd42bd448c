"""A signed folder is opened only as it was signed, by a key that still counts."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("OpenSSL", reason="model-signing imports pyOpenSSL without declaring it")

from sklearn.linear_model import LogisticRegression

from secure_ai.core import UserError
from secure_ai.defend.model_files import (
    TrustedKeys,
    UnverifiedModel,
    generate_model_key,
    load_signed_model,
    save_skops,
    sign_model_folder,
    verify_model_folder,
)


@pytest.fixture
def signed(tmp_path):
    folder = tmp_path / "triage"
    folder.mkdir()
    save_skops(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), folder / "model.skops")
    (folder / "card.txt").write_text("what it is for")
    key = generate_model_key(tmp_path / "keys")
    signature = sign_model_folder(folder, key.private)
    return folder, signature, key, TrustedKeys().with_key(key.public, "Data science")


def test_a_signed_folder_is_verified_and_its_model_opened(signed):
    folder, _, _, trusted = signed
    found = verify_model_folder(folder, trusted)
    assert found.owner == "Data science" and set(found.digests) == {"card.txt", "model.skops"}
    assert load_signed_model(folder, "model.skops", trusted).predict([[1.0]]) == [1]


def _flip(folder):
    content = bytearray((folder / "model.skops").read_bytes())
    content[40] ^= 1
    (folder / "model.skops").write_bytes(content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_flip, "model.skops was changed"),
        (lambda f: (f / ".gitignore").write_text("x"), ".gitignore was added"),
        (lambda f: (f / "card.txt").unlink(), "card.txt is missing"),
        (lambda f: (f / "link").symlink_to("card.txt"), "links"),
    ],
    ids=["byte", "added", "missing", "link"],
)
def test_a_changed_folder_is_not_opened_and_the_file_is_named(signed, change, said):
    folder, _, _, trusted = signed
    change(folder)
    with pytest.raises(UnverifiedModel, match=said):
        load_signed_model(folder, "model.skops", trusted)


def test_keys_that_are_unknown_stolen_or_replaced_do_not_count(signed, tmp_path):
    folder, signature, key, trusted = signed
    for keys, said in [
        (TrustedKeys(), "not on the list"),
        (trusted.revoked(key.key_id, reason="laptop stolen"), "revoked .laptop stolen"),
        (trusted.retired(key.key_id), "retired"),
    ]:
        with pytest.raises(UnverifiedModel, match=said):
            verify_model_folder(folder, keys)
    rotated = trusted.retired(key.key_id, keep=(signature,))
    rotated.write(tmp_path / "trusted.json")
    assert verify_model_folder(folder, TrustedKeys.read(tmp_path / "trusted.json")).owner == "Data science"
    with pytest.raises(UserError, match="not taken back"):
        trusted.revoked(key.key_id, reason="stolen").retired(key.key_id)


@pytest.mark.parametrize("change", ["cut", "signature", "payload", "empty"])
def test_an_altered_signature_is_refused(signed, change):
    folder, signature, _, trusted = signed
    raw = signature.read_bytes()
    bundle = json.loads(raw)
    envelope = bundle["dsseEnvelope"]
    if change == "signature":
        envelope["signatures"][0]["sig"] = "AAAA"
    elif change == "payload":
        envelope["payload"] = envelope["payload"].replace("A", "B", 1)
    content = {"cut": raw[:300], "empty": b"{}"}.get(change, json.dumps(bundle).encode())
    signature.write_bytes(content)
    with pytest.raises(UnverifiedModel):
        verify_model_folder(folder, trusted)


def test_a_key_with_a_passphrase_signs_only_with_it(signed, tmp_path):
    folder = signed[0]
    key = generate_model_key(tmp_path / "keys", "second", passphrase="correct horse")
    assert key.private.stat().st_mode & 0o077 == 0
    with pytest.raises(UserError, match="passphrase"):
        sign_model_folder(folder, key.private)
    sign_model_folder(folder, key.private, passphrase="correct horse")
    with pytest.raises(UserError, match="not taken"):
        generate_model_key(tmp_path / "keys", "second")


def test_a_signature_inside_the_folder_is_refused(signed):
    folder, _, key, _ = signed
    with pytest.raises(UserError, match="beside"):
        sign_model_folder(folder, key.private, signature=folder / "model.sig")
