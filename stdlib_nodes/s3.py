"""Object stores: list, get, put, copy and delete objects, by S3, which all of them but Azure's speak.

A bucket is an address: ``s3://reports?region=eu-central-1`` at Amazon, with the credentials of the environment (or
``s3://KEY:SECRET@reports``), ``s3+https://KEY:SECRET@minio.example.org:9000/reports`` anywhere else; signs like ``/``
in a secret are written ``%2F``. Built on boto3, the client of Amazon; nothing else follows each change of the protocol.

What is put has a checksum (SHA-256) that the store verifies, and once more among its metadata, of the whole object,
which is verified when it is read. The resource is ``s3``: reads overlap and wait for writes before them. A request is
tried up to three times, as each may be repeated: it puts, copies or deletes the same.

A program that its host does not trust reaches the hosts and files that it was given, by credentials of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

import trio
from attrs import field, frozen

from .. import node, permissions
from ._aside import aside
from ._atomic import writing
from ._buckets import bucket as _bucket, checked, client, told
from ._names import file_name
from ._progress import how_far
from ._transfers import managed

_PART = 16 << 20  # bytes of a part of an object that is put in parts
_COPIED = 5 << 30  # bytes of an object that a store copies at once, with its metadata
_BLOCK = 1 << 20  # bytes that are read per hop to a thread
_SIZE = 64 << 20  # bytes of an object that is read into memory
_DELETED = 1000  # keys a request takes
_SUM = "sha256"
_WORD, _TEXT = re.compile(r"[A-Za-z0-9_-]{1,100}"), re.compile(r"[ -~]{0,1000}")


class S3Error(Exception):
    """What an object store refuses: ``code`` is its word for it (``NoSuchKey``), ``status`` that of HTTP. Both are None
    where it could not be reached."""

    def __init__(self, message: str, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message, code, status)
        self.code = code
        self.status = status

    def __str__(self) -> str:
        return str(self.args[0])


@frozen(kw_only=True)
class Object:
    """An object in a bucket. ``key`` is what somebody called it; ``name`` its last part, fit for a file's name.
    ``type`` and ``metadata`` (names in lower case) are known from ``info``; lists of a store do not tell them."""

    key: str
    size: int
    modified: datetime
    etag: str
    type: str = ""
    metadata: dict[str, str] = field(factory=dict)

    @property
    def name(self) -> str:
        """A plain name for a file."""
        return file_name(self.key, "object")


@node(reads="s3")
async def objects(bucket: str, prefix: str = "", delimiter: str = "") -> AsyncIterator[Object]:
    """The objects whose keys begin so, as a stream, in the order of their keys; with a ``delimiter`` only those that do
    not have it behind the prefix: with ``/`` what is in a folder, without those below.

    ``for one in s3.objects(BUCKET, "2026/"): ...``

    Raises S3Error.
    """
    async with aclosing(_pages(bucket, prefix, delimiter)) as pages:
        async for page in pages:
            for one in page.get("Contents", ()):
                yield Object(
                    key=one["Key"], size=one["Size"], modified=one["LastModified"], etag=one.get("ETag", "").strip('"')
                )


@node(reads="s3")
async def folders(bucket: str, prefix: str = "", delimiter: str = "/") -> AsyncIterator[str]:
    """How keys that begin so go on, up to the delimiter, each once, as a stream: ``2026/01/``, ``2026/02/``.

    ``for month in s3.folders(BUCKET, "2026/"): ...``

    Raises S3Error.
    """
    async with aclosing(_pages(bucket, prefix, delimiter)) as pages:
        async for page in pages:
            for one in page.get("CommonPrefixes", ()):
                yield one["Prefix"]


@node(reads="s3")
def info(bucket: str, key: str) -> Object | None:
    """What there is under a key; None: nothing.

    ``known = s3.info(BUCKET, "report.pdf") is not None``
    """
    try:
        with client(bucket) as (store, name):
            found = store.head_object(Bucket=name, Key=checked(key))
    except S3Error as error:
        if error.status == 404:
            return None
        raise
    return Object(
        key=key,
        size=found["ContentLength"],
        modified=found["LastModified"],
        etag=found.get("ETag", "").strip('"'),
        type=found.get("ContentType", ""),
        metadata={name: text for name, text in found.get("Metadata", {}).items() if name != _SUM},
    )


@node(reads="s3")
def get(bucket: str, key: str, max_size: int = _SIZE) -> bytes:
    """The bytes of an object; ``download`` fetches large ones.

    ``settings = json.parse(s3.get(BUCKET, "settings.json"))``

    Raises S3Error (``code`` is ``NoSuchKey`` where there is none), ValueError for more than ``max_size`` bytes, and
    for an object that does not have its checksum.
    """
    with client(bucket) as (store, name):
        answer = store.get_object(Bucket=name, Key=checked(key))
        with answer["Body"] as body:
            data: bytes = body.read(max_size + 1)
    if len(data) > max_size:
        msg = f"{key!r} has more than max_size={max_size} bytes: s3.download fetches it into a file"
        raise ValueError(msg)
    _verify(key, answer, hashlib.sha256(data))
    return data


@node(reads="s3", writes="files")
async def download(bucket: str, key: str, path: str | Path) -> Path:
    """Fetch an object into a file, whole or not at all, in constant memory; returns the path.

    ``s3.download(BUCKET, "backup.tar.gz", "backup.tar.gz")``

    Raises what ``get`` raises, and OSError (which names the path).
    """
    permissions().file(path)
    answer = await trio.to_thread.run_sync(_opened, bucket, checked(key))
    say, summed, done = how_far(answer["ContentLength"]), hashlib.sha256(), 0
    try:
        async with aside(writing(path)) as file:

            def pump() -> int:
                with told(_bucket(bucket)):
                    data = answer["Body"].read(_BLOCK)
                summed.update(data)
                file.write(data)
                return len(data)

            while read := await trio.to_thread.run_sync(pump):
                done += read
                say(done)
            _verify(key, answer, summed)
    finally:
        answer["Body"].close()
    return Path(path)


@node(writes="s3")
def put(
    bucket: str,
    key: str,
    data: str | bytes,
    type: str = "application/octet-stream",
    metadata: dict[str, str] | None = None,
) -> None:
    """Put an object, in place of what is there; ``metadata`` stay with it.

    ``s3.put(BUCKET, "summary.json", json.format(summary), type="application/json")``

    Raises S3Error, ValueError for what is no key, and for metadata that are no texts of ASCII.
    """
    content = data.encode() if isinstance(data, str) else data
    with client(bucket) as (store, name):
        extra = _extra(type, metadata, hashlib.sha256(content).hexdigest())
        store.put_object(Bucket=name, Key=checked(key), Body=content, **extra)


@node(reads="files", writes="s3")
async def upload(
    bucket: str,
    key: str,
    path: str | Path,
    type: str = "application/octet-stream",
    metadata: dict[str, str] | None = None,
) -> int:
    """Put a file, in place of what is there, in constant memory and large ones in parts; how many bytes.

    ``s3.upload(BUCKET, f"{time.today()}/backup.tar.gz", "backup.tar.gz")``

    An upload that is cut or fails leaves nothing behind: its parts are taken away. Raises S3Error, OSError.
    """
    file = permissions().file(path)
    digest, size = await trio.to_thread.run_sync(_measured, file)
    extra = _extra(type, metadata, digest)
    checked(key)
    await managed(bucket, lambda manager, name, seen: manager.upload(str(file), name, key, extra, seen), _PART, size)
    return size


@node(writes="s3")
async def copy(bucket: str, key: str, target: str, to: str = "") -> None:
    """Copy an object within the store, to another key, or to another bucket (``to``, an address of the same store).

    ``s3.copy(BUCKET, "current.json", "2026/before.json")``

    Raises S3Error (``code`` is ``404`` or ``NoSuchKey`` where there is none).
    """
    other = _bucket(to or bucket)
    if (other.endpoint, other.region) != (_bucket(bucket).endpoint, _bucket(bucket).region):
        msg = "a copy goes to a bucket of the same store: s3.download and s3.upload go between stores"
        raise ValueError(msg)
    source = {"Bucket": _bucket(bucket).name, "Key": checked(key)}
    checked(target)
    await managed(
        to or bucket, lambda manager, name, seen: manager.copy(source, name, target, subscribers=seen), _COPIED
    )


@node(writes="s3")
def delete(bucket: str, keys: str | list[str]) -> None:
    """Delete objects; those that are not there are no error.

    ``s3.delete(BUCKET, ["a.txt", "b.txt"])``

    Raises S3Error for the first that the store does not delete.
    """
    asked = [keys] if isinstance(keys, str) else [*keys]
    with client(bucket) as (store, name):
        for start in range(0, len(asked), _DELETED):
            some = [{"Key": checked(key)} for key in asked[start : start + _DELETED]]
            answer = store.delete_objects(Bucket=name, Delete={"Objects": some, "Quiet": True})
            for wrong in answer.get("Errors", ()):
                code = wrong.get("Code")
                msg = f"{_bucket(bucket)} does not delete {wrong.get('Key')!r}: {code} {wrong.get('Message')}"
                raise S3Error(msg, code)


@node(reads="s3")
def presign(bucket: str, key: str, seconds: int = 3600, write: bool = False) -> str:
    """An address by which anybody may fetch an object (``write``: put it) for some time. Nothing is sent.

    ``link = s3.presign(BUCKET, "report.pdf", seconds=600)``

    Raises ValueError for more than a week, which is what stores take.
    """
    if not 0 < seconds <= 7 * 86400:
        msg = f"seconds={seconds}: an address holds for 1 second to a week"
        raise ValueError(msg)
    with client(bucket) as (store, name):
        made: str = store.generate_presigned_url(
            "put_object" if write else "get_object", {"Bucket": name, "Key": checked(key)}, seconds
        )
    return made


async def _pages(bucket: str, prefix: str, delimiter: str) -> AsyncGenerator[dict[str, Any], None]:
    more = {"Prefix": prefix} | ({"Delimiter": delimiter} if delimiter else {})
    while True:
        page = await trio.to_thread.run_sync(_page, bucket, more)
        yield page
        if not page.get("NextContinuationToken"):
            return
        more["ContinuationToken"] = page["NextContinuationToken"]


def _page(bucket: str, more: dict[str, str]) -> dict[str, Any]:
    with client(bucket) as (store, name):
        page: dict[str, Any] = store.list_objects_v2(Bucket=name, **more)
    return page


def _opened(bucket: str, key: str) -> dict[str, Any]:
    with client(bucket) as (store, name):
        answer: dict[str, Any] = store.get_object(Bucket=name, Key=key)
    return answer


def _extra(type: str, metadata: dict[str, str] | None, digest: str) -> dict[str, Any]:
    given = {str(name): str(text) for name, text in (metadata or {}).items()}
    for name, text in given.items():
        if not _WORD.fullmatch(name) or not _TEXT.fullmatch(text) or name.lower() == _SUM:
            msg = f"metadata are texts of ASCII by names of letters, digits, - and _ (not {_SUM}): {name!r}: {text!r}"
            raise ValueError(msg)
    return {"ContentType": type, "ChecksumAlgorithm": "SHA256", "Metadata": {**given, _SUM: digest}}


def _measured(file: Path) -> tuple[str, int]:
    with open(file, "rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return digest, opened.tell()


def _verify(key: str, answer: dict[str, Any], summed: Any) -> None:
    expected = answer.get("Metadata", {}).get(_SUM)
    if expected not in (None, summed.hexdigest()):
        msg = f"{key!r} is damaged: its SHA-256 is {summed.hexdigest()}, and was {expected} when it was put"
        raise ValueError(msg)
