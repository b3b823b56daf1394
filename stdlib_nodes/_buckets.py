"""Buckets by their address, and a boto3 client for each that keeps to what the program may reach. It knows no nodes."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from attrs import field, frozen

from .. import Permissions, permissions
from ._extras import needs
from ._names import climbs, has_control, shown
from ._reach import CONNECT_SECONDS, connected, parted

_ANSWER_SECONDS = 60.0
_TRIES = 3
_LONGEST = 1024  # bytes of a key
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_MAKING = threading.Lock()  # sessions are for one thread at a time
_EXAMPLE = "s3://BUCKET?region=eu-central-1 or s3+https://KEY:SECRET@HOST/BUCKET"


@frozen
class Bucket:
    """What an address names; shown without key and secret."""

    name: str
    endpoint: str | None = None
    region: str | None = None
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.name}" if self.endpoint else f"s3://{self.name}"


def bucket(address: str) -> Bucket:
    """What ``s3://BUCKET`` or ``s3+https://KEY:SECRET@HOST/BUCKET`` names.

    Raises
    ------
    ValueError: it is no such address; its text shows nothing of a secret.
    """
    parts = parted(address)
    host = parts.netloc.rpartition("@")[2]
    endpoint = None if parts.scheme == "s3" else f"{parts.scheme.removeprefix('s3+')}://{host}"
    name = host if endpoint is None else parts.path.removeprefix("/").removesuffix("/")
    query = parse_qs(parts.query, keep_blank_values=True)
    if (
        parts.scheme not in ("s3", "s3+https", "s3+http")
        or has_control(str(address))
        or not _BUCKET.fullmatch(name)
        or not host
        or (endpoint is None and parts.path not in ("", "/"))
        or set(query) - {"region"}
        or parts.fragment
    ):
        msg = f"{shown(str(address))} is no address of a bucket: {_EXAMPLE}"
        raise ValueError(msg)
    key, secret = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    return Bucket(name, endpoint, query.get("region", [None])[0], key, secret)


def checked(key: str) -> str:
    """A key, as it may be sent.

    Raises
    ------
    ValueError: it is empty, too long, has control characters, or ``.`` or ``..`` for a part: what stands between here
    and the store may take those for a way out of the bucket.
    """
    if not key or has_control(key) or climbs(key) or len(key.encode()) > _LONGEST:
        msg = f"{key[:200]!r} is no key of an object (1 to 1024 bytes, no control characters, no part . or ..)"
        raise ValueError(msg)
    return key


@contextmanager
def client(address: str) -> Iterator[tuple[Any, str]]:
    """A client, and the name of the bucket. What goes wrong is told as :class:`~.s3.S3Error`."""
    at, given = bucket(address), permissions()
    if not given.trusted and at.key is None:
        msg = "the program is not allowed to use the credentials of its host: it has to give s3...://KEY:SECRET@..."
        raise PermissionError(msg)
    with told(at):
        yield _client(at, given), at.name


@lru_cache(1)
def _session() -> Any:
    """One for all clients: it reads what Amazon's services are, which takes longer than anything else here."""
    with needs("s3"):
        from boto3.session import Session
    return Session()


@lru_cache(32)
def _client(at: Bucket, given: Permissions) -> Any:
    with needs("s3"):
        from botocore.config import Config
    settings = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=_ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        signature_version="s3v4",
        s3={"addressing_style": "path" if at.endpoint else "auto"},
        proxies=None if given.trusted else {},  # a proxy would resolve names where nobody looks at the addresses
        ignore_configured_endpoint_urls=not given.trusted,
    )
    with _MAKING:
        session = _session()
        made = session.client(
            "s3",
            endpoint_url=at.endpoint,
            region_name=at.region or session.region_name or "us-east-1",
            aws_access_key_id=at.key,
            aws_secret_access_key=at.secret,
            config=settings,
        )
    if not given.trusted:
        _confine(made, given)
    return made


def _confine(made: Any, given: Permissions) -> None:
    """Connections of a client go where its program may: each is asked for, wherever the store redirects it to.

    botocore has no parameter for it; a test holds that it is in use.
    """
    from botocore import awsrequest

    def opened(self: Any) -> socket.socket:
        try:
            made = connected(self._dns_host, self.port, given)
        except PermissionError as error:
            raise _RefusedError(*error.args) from error  # an OSError would be tried again
        made.settimeout(_ANSWER_SECONDS)
        return made

    manager = made._endpoint.http_session._manager
    manager.pool_classes_by_scheme = {
        scheme: type("Confined", (pool,), {"ConnectionCls": type("Confined", (connection,), {"_new_conn": opened})})
        for scheme, pool, connection in (
            ("http", awsrequest.AWSHTTPConnectionPool, awsrequest.AWSHTTPConnection),
            ("https", awsrequest.AWSHTTPSConnectionPool, awsrequest.AWSHTTPSConnection),
        )
    }


class _RefusedError(Exception):
    """A question to the permissions that was answered with no, on its way through libraries."""


@contextmanager
def told(at: Bucket) -> Iterator[None]:
    """What goes wrong with a store, in words that name it, without key and secret."""
    from .s3 import S3Error

    with needs("s3"):
        from botocore import exceptions
        from s3transfer.exceptions import RetriesExceededError
    try:
        yield
    except exceptions.ClientError as error:
        answer = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = str(answer.get("Code", status))
        text = f"{at} refuses {error.operation_name}: {code} {answer.get('Message', '')}".strip()
        raise S3Error(_hidden(at, text), code, status) from None
    except exceptions.NoCredentialsError:
        msg = f"{at}: there are no credentials (in the address, in the environment, or in the files of AWS)"
        raise S3Error(msg) from None
    except (exceptions.BotoCoreError, RetriesExceededError) as error:
        if (refused := _refused(error)) is not None:
            raise PermissionError(*refused.args) from None
        raise S3Error(_hidden(at, f"{at}: {error}")) from None


def _refused(error: BaseException | None) -> BaseException | None:
    for _ in range(20):
        if error is None or isinstance(error, _RefusedError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _hidden(at: Bucket, text: str) -> str:
    for secret in (at.secret, at.key):
        text = text.replace(secret, "***") if secret else text
    return text
