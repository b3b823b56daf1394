"""Hashes, signatures, tokens and encryption, by named recipes that are safe as they stand. Encryption, signatures and
tokens need the extra ``crypto``.

By Python's hashlib and hmac, by cryptography, and by PyJWT. What draws random bytes reads ``random``, so a run that is
repeated gets what it got. Keys and passwords are best given as a ``secret``.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac as _hmac
import os
import uuid as _uuid
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from .. import node, permissions
from ._jsontext import simple
from ._libraries import library
from ._progress import pieces

Hash = Literal["sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "sha1", "md5"]
Encoding = Literal["hex", "base64", "base64url"]
Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"]


@frozen(kw_only=True)
class Keys:
    """A pair of Ed25519 keys in PEM: what the private one signs, the public one verifies."""

    private: str
    public: str


@node(pure=True)
def hash(content: str | bytes, kind: Hash = "sha256") -> str:
    """The hash of text (in UTF-8) or bytes, in hexadecimal. ``sha1`` and ``md5`` are for old formats, not for safety.

    ``crypto.hash("abc", "md5")`` gives ``"900150983cd24fb0d6963f7d28e17f72"``

    Raises ValueError for an unknown kind.
    """
    return str(_hash(kind, _bytes(content)).hexdigest())


@node(reads="files")
def hash_file(path: str | Path, kind: Hash = "sha256") -> str:
    """The hash of a file, in hexadecimal, in constant memory.

    ``crypto.hash_file("backup.zip")``
    """
    found = _hash(kind)
    with open(permissions().file(path), "rb") as file:
        for chunk in pieces(file):
            found.update(chunk)
    return str(found.hexdigest())


@node(pure=True)
def hmac(content: str | bytes, key: str | bytes, kind: Hash = "sha256", encoding: Encoding = "hex") -> str:
    """The code that shows who knows the key that the content has not been changed (RFC 2104).

    ``crypto.hmac("abc", "key")`` gives ``"9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab"``
    """
    _hash(kind)
    if not key:
        msg = "an empty key is known to everybody: is the secret set?"
        raise ValueError(msg)
    return _encoded(_hmac.new(_bytes(key), _bytes(content), kind).digest(), encoding)


@node(pure=True)
def hmac_fits(
    content: str | bytes, key: str | bytes, code: str, kind: Hash = "sha256", encoding: Encoding = "hex"
) -> bool:
    """Is ``code`` the ``hmac`` of the content? Compared in constant time, as a webhook should.

    ``crypto.hmac_fits(body, KEY, signature)``
    """
    return _hmac.compare_digest(hmac.fn(content, key, kind, encoding).encode(), code.encode("utf-8", "replace"))


@node(pure=True)
def encode(content: str | bytes, encoding: Encoding = "base64") -> str:
    """Bytes as text.

    ``crypto.encode("abc")`` gives ``"YWJj"``
    """
    return _encoded(_bytes(content), encoding)


@node(pure=True)
def decode(text: str, encoding: Encoding = "base64") -> bytes:
    """The bytes that ``encode`` made text of; base64 may lack its padding.

    ``crypto.decode("YWJj")`` gives ``b"abc"``

    Raises ValueError for text of another form.
    """
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        signs = {"base64": None, "base64url": b"-_"}[encoding]
        return base64.b64decode(text + "=" * (-len(text) % 4), signs, validate=True)
    except KeyError:
        raise _no_encoding(encoding) from None
    except (binascii.Error, ValueError) as error:
        msg = f"the text is not {encoding}: {error}"
        raise ValueError(msg) from error


@node(reads="random")
def uuid() -> str:
    """A fresh random UUID (version 4, RFC 9562).

    ``id = crypto.uuid()``
    """
    return str(_uuid.uuid4())


@node(reads="random")
def token(size: int = 32) -> str:
    """Fresh random text, safe in an address, of ``size`` random bytes: for keys, links and passwords.

    ``link = crypto.token()``
    """
    if not 1 <= size <= 1 << 20:
        msg = f"size is from 1 to {1 << 20:,} bytes, not {size}"
        raise ValueError(msg)
    return _encoded(os.urandom(size), "base64url")


@node(reads="random")
def keys() -> Keys:
    """A fresh pair of keys to sign and verify with.

    ``pair = crypto.keys()``
    """
    ed25519, serialization = _ed25519()
    private = ed25519.Ed25519PrivateKey.generate()
    form = serialization.Encoding.PEM
    secret = private.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = private.public_key().public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Keys(private=secret.decode(), public=public.decode())


@node(pure=True)
def sign(content: str | bytes, private: str) -> str:
    """The Ed25519 signature of the content, in base64 (RFC 8032).

    ``signature = crypto.sign(body, PRIVATE_KEY)``

    Raises ValueError for what is no such key.
    """
    ed25519, serialization = _ed25519()
    try:
        key = serialization.load_pem_private_key(private.encode(), None)
    except (ValueError, TypeError) as error:
        raise _no_key("private") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _no_key("private")
    return _encoded(key.sign(_bytes(content)), "base64")


@node(pure=True)
def verify(content: str | bytes, signature: str, public: str) -> bool:
    """Was the content signed by the private key that goes with this public one?

    ``if crypto.verify(body, signature, pair.public): ...``

    Raises ValueError for what is no such key; a signature that is none does not fit.
    """
    ed25519, serialization = _ed25519()
    try:
        key = serialization.load_pem_public_key(public.encode())
    except ValueError as error:
        raise _no_key("public") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise _no_key("public")
    try:
        key.verify(decode.fn(signature), _bytes(content))
    except (ValueError, library("crypto", "cryptography.exceptions").InvalidSignature):
        return False
    return True


@node(reads="random")
def encrypt(content: str | bytes, password: str) -> str:
    """The content, encrypted so that only who knows the password can read or change it unseen.

    ``sealed = crypto.encrypt("the plan", PASSWORD)``

    The recipe ``scrypt17-aesgcm256``, which the text names: a key by scrypt (N = 2**17, r = 8, p = 1: the OWASP
    Password Storage Cheat Sheet; 128 MiB and a quarter of a second a call) and 16 random bytes, then AES-256-GCM.
    Raises ValueError for an empty password.
    """
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = _aesgcm(password, salt).encrypt(nonce, _bytes(content), _RECIPE.encode())
    return f"{_RECIPE}${_encoded(salt + nonce + sealed, 'base64url')}"


@node(pure=True)
def decrypt(sealed: str, password: str) -> bytes:
    """What ``encrypt`` sealed.

    ``plan = crypto.decrypt(sealed, PASSWORD).decode()``

    Raises ValueError for another password, or a text that is damaged or of another recipe.
    """
    recipe, _, text = sealed.partition("$")
    if recipe != _RECIPE:
        msg = f"the text is not sealed by {_RECIPE}"
        raise ValueError(msg)
    raw = decode.fn(text, "base64url")
    try:
        return bytes(_aesgcm(password, raw[:16]).decrypt(raw[16:28], raw[28:], recipe.encode()))
    except (library("crypto", "cryptography.exceptions").InvalidTag, ValueError) as error:
        msg = "the password is another, or the text has been changed"
        raise ValueError(msg) from error


@node(reads="world")
def jwt(claims: dict[str, Any], key: str, algorithm: Algorithm = "HS256", lasts: dt.timedelta | None = None) -> str:
    """A JSON Web Token (RFC 7519) that says ``claims``; ``lasts``: how long from now.

    ``bearer = crypto.jwt({"sub": "ann"}, KEY, lasts=1h)``

    Raises ValueError for a key that does not fit the algorithm or is too short for it.
    """
    said = simple(claims)
    if lasts is not None:
        said["exp"] = int((dt.datetime.now(dt.UTC) + lasts).timestamp())
    _check_algorithm(key, algorithm)
    try:
        return str(_jwt().encode(said, key, algorithm))
    except (_jwt().PyJWTError, TypeError, ValueError) as error:
        msg = f"no token: {error}"
        raise ValueError(msg) from error


@node(reads="world")
def jwt_claims(
    token: str,
    key: str,
    algorithm: Algorithm = "HS256",
    audience: str | None = None,
    issuer: str | None = None,
    leeway: float = 0.0,
) -> dict[str, Any]:
    """The claims of a token that is signed with ``key``, not expired, and for this audience and of this issuer.

    ``claims = crypto.jwt_claims(bearer, KEY)``

    The algorithm is the caller's, never the token's own. ``leeway``: seconds that clocks may differ. Raises ValueError
    that says what is wrong with the token.
    """
    _check_algorithm(key, algorithm)
    try:
        found = _jwt().decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer, leeway=leeway)
    except (_jwt().PyJWTError, TypeError, ValueError) as error:
        msg = f"the token is not accepted: {error}"
        raise ValueError(msg) from error
    return dict(found)


_RECIPE = "scrypt17-aesgcm256"
_MIN_KEY = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Bytes of a shared key: as long as the hash (RFC 7518, section 3.2)."""


def _check_algorithm(key: str, algorithm: str) -> None:
    if algorithm not in ("HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"):
        msg = f"no algorithm {algorithm!r}: they are HS256, HS384, HS512, RS256, ES256, EdDSA"
        raise ValueError(msg)
    least = _MIN_KEY.get(algorithm, 0)
    if len(key.encode()) < least:
        msg = f"a key for {algorithm} has at least {least} bytes, not {len(key.encode())}"
        raise ValueError(msg)


def _jwt() -> Any:
    return library("crypto", "jwt")


def _ed25519() -> tuple[Any, Any]:
    base = "cryptography.hazmat.primitives"
    return (
        library("crypto", f"{base}.asymmetric.ed25519"),
        library("crypto", f"{base}.serialization"),
    )


def _aesgcm(password: str, salt: bytes) -> Any:
    if not password:
        msg = "the password is empty"
        raise ValueError(msg)
    key = hashlib.scrypt(password.encode(), salt=salt, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32)
    return library("crypto", "cryptography.hazmat.primitives.ciphers.aead").AESGCM(key)


def _hash(kind: str, content: bytes = b"") -> Any:
    if kind not in ("sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "sha1", "md5"):
        msg = f"no hash {kind!r}: they are sha256, sha384, sha512, sha3_256, sha3_512, blake2b, sha1, md5"
        raise ValueError(msg)
    return hashlib.new(kind, content, usedforsecurity=False)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _encoded(content: bytes, encoding: str) -> str:
    match encoding:
        case "hex":
            return content.hex()
        case "base64":
            return base64.b64encode(content).decode()
        case "base64url":
            return base64.urlsafe_b64encode(content).decode().rstrip("=")
    raise _no_encoding(encoding)


def _no_encoding(encoding: str) -> ValueError:
    return ValueError(f"no encoding {encoding!r}: they are hex, base64, base64url")


def _no_key(which: str) -> ValueError:
    return ValueError(f"this is no {which} Ed25519 key in PEM")
