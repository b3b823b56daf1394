from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import crypto

KEY = "k" * 32
HASHES: list[Any] = ["sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "sha1", "md5"]


@pytest.mark.parametrize("kind", HASHES)
def test_hashes(tmp_path: Path, kind: Any) -> None:
    assert crypto.hash.fn("ü", kind) == hashlib.new(kind, "ü".encode()).hexdigest()
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3_000_000)
    assert crypto.hash_file.fn(path, kind) == crypto.hash.fn(b"x" * 3_000_000, kind)
    code = crypto.hmac.fn("body", "key", kind, "base64")
    assert crypto.hmac_fits.fn("body", "key", code, kind, "base64")
    assert not crypto.hmac_fits.fn("body!", "key", code, kind, "base64")
    assert not crypto.hmac_fits.fn("body", "kez", code, kind, "base64")
    assert not crypto.hmac_fits.fn("body", "key", "ü", kind, "base64")


def test_unknown_words() -> None:
    word: Any = "crc32"
    for call in (lambda: crypto.hash.fn("", word), lambda: crypto.hmac.fn("", "", word)):
        with pytest.raises(ValueError, match="no hash 'crc32': they are sha256"):
            call()
    for call in (lambda: crypto.encode.fn("", word), lambda: crypto.decode.fn("", word)):
        with pytest.raises(ValueError, match="no encoding 'crc32': they are hex"):
            call()
    with pytest.raises(FileNotFoundError):
        crypto.hash_file.fn("/no/such/file")


@given(st.binary(max_size=50), st.sampled_from(["hex", "base64", "base64url"]))
@settings(max_examples=100, deadline=None)
def test_encodings_there_and_back(content: bytes, encoding: Any) -> None:
    assert crypto.decode.fn(crypto.encode.fn(content, encoding), encoding) == content


@given(st.text(max_size=30), st.sampled_from(["hex", "base64", "base64url"]))
@settings(max_examples=200, deadline=None)
def test_any_text_is_decoded_or_told(clear: Any, text: str, encoding: Any) -> None:
    clear(lambda: crypto.decode.fn(text, encoding), f"the text is not {encoding}")


def test_fresh_values_are_fresh() -> None:
    assert len({crypto.uuid.fn() for _ in range(100)}) == 100
    assert len({crypto.token.fn(16) for _ in range(100)}) == 100
    assert len(crypto.decode.fn(crypto.token.fn(16), "base64url")) == 16
    with pytest.raises(ValueError, match="size is from 1"):
        crypto.token.fn(0)


def test_signatures() -> None:
    pair, other = crypto.keys.fn(), crypto.keys.fn()
    signature = crypto.sign.fn("body", pair.private)
    assert crypto.verify.fn("body", signature, pair.public)
    assert not crypto.verify.fn("body!", signature, pair.public)
    assert not crypto.verify.fn("body", signature, other.public)
    assert not crypto.verify.fn("body", "not base64!", pair.public)
    assert not crypto.verify.fn("body", "", pair.public)
    for wrong in ("", "text", pair.public):
        with pytest.raises(ValueError, match="no private Ed25519 key in PEM"):
            crypto.sign.fn("body", wrong)
    for wrong in ("", "text", pair.private):
        with pytest.raises(ValueError, match="no public Ed25519 key in PEM"):
            crypto.verify.fn("body", signature, wrong)


def test_encryption() -> None:
    sealed = crypto.encrypt.fn("the plan", "pass")
    assert sealed.startswith("scrypt17-aesgcm256$")
    assert crypto.decrypt.fn(sealed, "pass") == b"the plan"
    assert crypto.encrypt.fn("the plan", "pass") != sealed
    with pytest.raises(ValueError, match="the password is another, or the text has been changed"):
        crypto.decrypt.fn(sealed, "Pass")
    head, _, body = sealed.partition("$")
    raw = bytearray(crypto.decode.fn(body, "base64url"))
    for place in (0, 20, -1):  # the salt, the nonce, the tag
        changed = raw.copy()
        changed[place] ^= 1
        with pytest.raises(ValueError, match="has been changed"):
            crypto.decrypt.fn(f"{head}${crypto.encode.fn(bytes(changed), 'base64url')}", "pass")
    for wrong in ("", "text", f"other${body}"):
        with pytest.raises(ValueError, match="is not sealed by scrypt17-aesgcm256"):
            crypto.decrypt.fn(wrong, "pass")
    with pytest.raises(ValueError, match="has been changed"):
        crypto.decrypt.fn(f"{head}$aaaa", "pass")
    with pytest.raises(ValueError, match="the password is empty"):
        crypto.encrypt.fn("x", "")


def test_tokens() -> None:
    token = crypto.jwt.fn({"sub": "ann", "aud": "shop"}, KEY, lasts=dt.timedelta(hours=1))
    claims = crypto.jwt_claims.fn(token, KEY, audience="shop")
    assert claims["sub"] == "ann"
    assert claims["exp"] > dt.datetime.now(dt.UTC).timestamp() + 3_000
    old = crypto.jwt.fn({"sub": "ann"}, KEY, lasts=dt.timedelta(seconds=-10))
    assert crypto.jwt_claims.fn(old, KEY, leeway=60)["sub"] == "ann"
    for bad, how, message in (
        (old, {}, "expired"),
        (token, {}, "[Aa]udience"),
        (token, {"audience": "other"}, "[Aa]udience"),
        (token, {"audience": "shop", "issuer": "me"}, "iss"),
        (f"{token[:-10]}AAAA{token[-6:]}", {"audience": "shop"}, "[Ss]ignature"),
        ("a.b.c", {}, "not accepted"),
        ("", {}, "not accepted"),
    ):
        with pytest.raises(ValueError, match=rf"the token is not accepted: .*{message}|{message}"):
            crypto.jwt_claims.fn(bad, KEY, **how)
    with pytest.raises(ValueError, match="not accepted"):
        crypto.jwt_claims.fn(token, "K" * 32, audience="shop")


def test_a_token_does_not_choose_its_algorithm() -> None:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    unsigned = f"{part({'alg': 'none'})}.{part({'sub': 'root'})}."
    with pytest.raises(ValueError, match="the token is not accepted"):
        crypto.jwt_claims.fn(unsigned, KEY)
    pair = crypto.keys.fn()
    token = crypto.jwt.fn({"sub": "ann"}, pair.private, "EdDSA")
    assert crypto.jwt_claims.fn(token, pair.public, "EdDSA") == {"sub": "ann"}
    # Signed with the public key as if it were a shared one: what is public is no secret.
    with pytest.raises(ValueError, match="no token"):
        crypto.jwt.fn({"sub": "root"}, pair.public, "HS256")
    with pytest.raises(ValueError, match="the token is not accepted"):
        crypto.jwt_claims.fn(crypto.jwt.fn({"sub": "root"}, KEY), pair.public, "EdDSA")


def test_keys_of_tokens() -> None:
    with pytest.raises(ValueError, match="a key for HS256 has at least 32 bytes, not 5"):
        crypto.jwt.fn({}, "short")
    with pytest.raises(ValueError, match="a key for HS512 has at least 64 bytes, not 32"):
        crypto.jwt_claims.fn("", KEY, "HS512")
    none: Any = "none"
    with pytest.raises(ValueError, match="no algorithm 'none'"):
        crypto.jwt.fn({}, KEY, none)
    with pytest.raises(ValueError, match="no token"):
        crypto.jwt.fn({}, KEY, "RS256")


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_no_token(text: str) -> None:
    with pytest.raises(ValueError, match="the token is not accepted"):
        crypto.jwt_claims.fn(text, KEY)
