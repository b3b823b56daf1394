"""s3 against a server of S3 on loopback (moto's), and against one that plays tricks."""

from __future__ import annotations

import hashlib
import http.server
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import _buckets, s3
from cflow.stdlib_nodes.s3 import S3Error

KEYS = "AKID:se%2Fcret@"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from services import s3

    # A machine of AWS would be asked for credentials, and files and variables of whoever runs the tests, too.
    with pytest.MonkeyPatch.context() as patch, s3() as at:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setattr(_buckets, "_TRIES", 1)
        _buckets._session.cache_clear()
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield at
        _buckets._client.cache_clear()
        _buckets._session.cache_clear()


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> str:
    name = f"b-{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}"
    address = f"s3+http://{KEYS}{endpoint}/{name}"
    with _buckets.client(address) as (store, _):
        store.create_bucket(Bucket=name)
    return address


def all_of(bucket: str, prefix: str = "") -> list[s3.Object]:
    async def main() -> list[s3.Object]:
        return [one async for one in s3.objects.fn(bucket, prefix)]

    return trio.run(main)


def test_put_get_list_copy_delete(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put(bucket, "a/ü 1+2%2F.txt", "héllo", type="text/plain")
    s3.put(bucket, "a/b", b"")
    s3.put(bucket, "c", b"x" * 100)
    assert s3.get(bucket, "a/ü 1+2%2F.txt") == "héllo".encode()
    assert [(one.key, one.size) for one in all_of(bucket)] == [("a/b", 0), ("a/ü 1+2%2F.txt", 6), ("c", 100)]
    assert [one.key for one in all_of(bucket, "a/")] == ["a/b", "a/ü 1+2%2F.txt"]
    found = s3.info(bucket, "c")
    assert found is not None
    assert (found.size, found.etag, found.modified.tzinfo is not None) == (100, all_of(bucket, "c")[0].etag, True)
    assert s3.info(bucket, "d") is None
    s3.copy(bucket, "c", "d")
    assert s3.get(bucket, "d") == b"x" * 100
    with pytest.raises(ValueError, match="more than max_size=99 bytes"):
        s3.get(bucket, "d", max_size=99)
    assert s3.get(bucket, "d", max_size=100) == b"x" * 100
    monkeypatch.setattr(s3, "_DELETED", 2)
    s3.delete(bucket, ["a/b", "c", "d", "none"])
    s3.delete(bucket, [])
    s3.delete(bucket, "a/ü 1+2%2F.txt")
    assert all_of(bucket) == []


def test_a_list_goes_on_after_its_first_page(bucket: str) -> None:
    with _buckets.client(bucket) as (store, name):
        for number in range(5):
            store.put_object(Bucket=name, Key=f"k{number}", Body=b"")
        real = store.list_objects_v2
        store.list_objects_v2 = lambda **more: real(MaxKeys=2, **more)
        try:
            assert [one.key for one in all_of(bucket)] == [f"k{number}" for number in range(5)]
        finally:
            del store.list_objects_v2


def test_folders_and_what_is_in_them(bucket: str) -> None:
    for key in ("a/1", "a/b/2", "a/c/3", "a/c/d/4", "e/5", "6"):
        s3.put(bucket, key, b"")

    async def main(prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
        inside = [one.key async for one in s3.objects.fn(bucket, prefix, delimiter)]
        return inside, [one async for one in s3.folders.fn(bucket, prefix, delimiter)]

    assert trio.run(main, "", "/") == (["6"], ["a/", "e/"])
    assert trio.run(main, "a/", "/") == (["a/1"], ["a/b/", "a/c/"])
    assert trio.run(main, "a/c", "d/") == (["a/c/3"], ["a/c/d/"])


def test_metadata_stay_with_an_object(bucket: str, tmp_path: Path) -> None:
    s3.put(bucket, "note", "x", type="text/plain", metadata={"Source": "report 7"})
    (tmp_path / "file").write_text("x")
    upload: Any = s3.upload
    assert upload(bucket, "file", tmp_path / "file", metadata={"by": "ada"}) == 1
    s3.copy(bucket, "note", "copy")
    for key, type, metadata in (
        ("note", "text/plain", {"source": "report 7"}),
        ("copy", "text/plain", {"source": "report 7"}),
        ("file", "application/octet-stream", {"by": "ada"}),
    ):
        found = s3.info(bucket, key)
        assert found is not None
        assert (found.type, found.metadata) == (type, metadata)
    for wrong in ({"a b": "x"}, {"a": "ü"}, {"a": "x\r\ny: z"}, {"SHA256": "0"}, {"": "x"}):
        with pytest.raises(ValueError, match="metadata are texts of ASCII"):
            s3.put(bucket, "wrong", "x", metadata=wrong)
    assert s3.info(bucket, "wrong") is None


FLOW = """
import s3

flow main(bucket: str, path: str, back: str) -> int:
    size = s3.upload(bucket, "backup/large", path, type="text/plain")
    s3.put(bucket, "backup/note", "the file of today")
    s3.copy(bucket, "backup/note", "backup/copy")
    found = 0
    for one in s3.objects(bucket, "backup/"):
        s3.download(bucket, one.key, f"{back}/{one.name}")
        found += one.size
    return found
"""


def test_files_go_and_come_in_parts(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PART", 5 << 20)
    file = tmp_path / "large"
    file.write_bytes(os.urandom((11 << 20) + 3))
    assert cflow.loads(FLOW).main.run(bucket, str(file), str(tmp_path / "back")) == (11 << 20) + 3 + 2 * 17
    assert (tmp_path / "back" / "large").read_bytes() == file.read_bytes()
    assert (tmp_path / "back" / "copy").read_text() == "the file of today"
    with _buckets.client(bucket) as (store, name):
        head = store.head_object(Bucket=name, Key="backup/large")
        assert head["ETag"].strip('"').endswith("-3")
        assert head["ContentType"] == "text/plain"
        assert head["Metadata"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_is_damaged_is_no_result(bucket: str, tmp_path: Path) -> None:
    with _buckets.client(bucket) as (store, name):
        store.put_object(Bucket=name, Key="k", Body=b"other", Metadata={"sha256": hashlib.sha256(b"this").hexdigest()})
    (tmp_path / "k").write_text("before")
    with pytest.raises(ValueError, match=r"'k' is damaged: its SHA-256 is"):
        s3.get(bucket, "k")
    with pytest.raises(ValueError, match=r"'k' is damaged"):
        s3.download(bucket, "k", tmp_path / "k")
    assert (tmp_path / "k").read_text() == "before"
    assert os.listdir(tmp_path) == ["k"]


def test_an_upload_that_is_cut_leaves_nothing(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PART", 5 << 20)
    file = tmp_path / "large"
    file.write_bytes(bytes(12 << 20))
    begun, gate = threading.Event(), threading.Event()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(s3.upload.fn, bucket, "large", file)
            await trio.to_thread.run_sync(begun.wait, 20)
            nursery.cancel_scope.cancel()
            gate.set()

    with _buckets.client(bucket) as (store, name):
        real = store.upload_part

        def slow(**more: Any) -> Any:
            begun.set()
            assert gate.wait(20)
            return real(**more)

        store.upload_part = slow
        try:
            trio.run(main)
        finally:
            del store.upload_part
        assert begun.is_set()
        assert "Uploads" not in store.list_multipart_uploads(Bucket=name)
    assert all_of(bucket) == []


def test_what_a_store_refuses(bucket: str, endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(S3Error, match=r"b-.* refuses GetObject: NoSuchKey") as caught:
        s3.get(bucket, "none")
    assert (caught.value.code, caught.value.status) == ("NoSuchKey", 404)
    with pytest.raises(S3Error, match="NoSuchKey"):
        s3.download(bucket, "none", tmp_path / "x")
    with pytest.raises(S3Error):
        s3.copy(bucket, "none", "x")
    with pytest.raises(S3Error, match="NoSuchBucket"):
        s3.put(f"s3+http://{KEYS}{endpoint}/nobody-has-it", "k", b"")
    with pytest.raises(FileNotFoundError):
        s3.upload(bucket, "k", tmp_path / "none")
    with pytest.raises(S3Error, match=r"^http://127.0.0.1:1/bucket: Could not connect") as caught:
        s3.get(f"s3+http://{KEYS}127.0.0.1:1/bucket", "k")
    assert (caught.value.code, caught.value.status) == (None, None)
    with pytest.raises(S3Error, match="there are no credentials"):
        s3.get(f"s3+http://{endpoint}/bucket", "k")


def test_an_address_to_fetch_by(bucket: str) -> None:
    from cflow.stdlib_nodes import http

    s3.put(bucket, "k", "text")
    assert http.get(s3.presign(bucket, "k", seconds=60)).text == "text"
    http.put(s3.presign(bucket, "new", write=True), content="put")
    assert s3.get(bucket, "new") == b"put"
    assert "cret" not in s3.presign(bucket, "k")
    for seconds in (0, 8 * 86400):
        with pytest.raises(ValueError, match="holds for 1 second to a week"):
            s3.presign(bucket, "k", seconds=seconds)


# ---- tricks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["", "../other/k", "a/../../other/k", "..", "./k", "a/./b", "..\\k", "k\r\nHost: x", "k\0", "ü" * 513, "\ud800"],
)
def test_what_is_no_key(key: str, tmp_path: Path) -> None:
    at = f"s3+http://{KEYS}127.0.0.1:1/bucket"
    calls = [
        lambda: s3.get(at, key),
        lambda: s3.info(at, key),
        lambda: s3.put(at, key, b""),
        lambda: s3.delete(at, ["fine", key]),
        lambda: s3.copy(at, key, "fine"),
        lambda: s3.copy(at, "fine", key),
        lambda: s3.presign(at, key),
        lambda: s3.download(at, key, tmp_path / "x"),
        lambda: s3.upload(at, key, __file__),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="is no key of an object"):
            call()


def test_a_key_of_a_stranger_as_the_name_of_a_file(bucket: str) -> None:
    with _buckets.client(bucket) as (store, name):
        store.put_object(Bucket=name, Key="a/..\\..\\evil", Body=b"")
    (one,) = all_of(bucket)
    assert one.name == "evil"


def test_addresses_of_buckets() -> None:
    wrong = [
        "reports",
        "s3+https://k:secret",
        "http://x/reports",
        "s3://",
        "s3://k:secret@",
        "s3+https://k:secret@host",
        "s3://a/../b",
    ]
    wrong += ["s3+https://k:secret"]
    wrong += [
        "s3+https://k:secret@host/../b",
        "s3+https://k:secret@host/a/b",
        "s3://UP",
        "s3://a?endpoint=x",
        "s3://a..b",
    ]
    for address in [*wrong, "s3+http://k:secret@host/a\r\nb", "s3+https://k:secret@/abc"]:
        with pytest.raises(ValueError, match="is no address of a bucket") as caught:
            s3.get(address, "k")
        assert "secret" not in str(caught.value)
    assert _buckets.bucket("s3://reports?region=eu-1") == _buckets.Bucket("reports", None, "eu-1")
    assert "secret" not in repr(_buckets.bucket("s3://key:secret@reports"))


@contextmanager
def playing(status: int, headers: dict[str, str], body: bytes) -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.headers['host']} {self.path}")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_a_secret_is_in_no_error_and_no_log(endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "botocore")
    body = b"<Error><Code>Bad</Code><Message>se/cret of AKID is wrong</Message></Error>"
    with playing(403, {}, body) as (at, seen):
        with pytest.raises(S3Error, match=r"refuses GetObject: Bad \*\*\* of \*\*\* is wrong") as caught:
            s3.get(f"s3+http://{KEYS}{at}/bucket", "k")
    assert seen == [f"{at} /bucket/k"]
    assert caught.value.__suppress_context__
    sent = [record.getMessage() for record in caplog.records]
    assert any("/bucket/k" in text for text in sent)
    assert not any("se/cret" in text for text in sent if "<Error>" not in text)  # what the server said itself


# ---- what a program may reach --------------------------------------------------------------------


def test_hosts_files_and_credentials_are_asked_for(
    bucket: str, endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "store.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setenv("HTTP_PROXY", f"http://{endpoint}")  # not for programs that are not trusted
    s3.put(bucket, "k", "text")
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.txt").write_text("s")
    large = tmp_path / "in" / "large"
    large.write_bytes(bytes(11 << 20))
    named = bucket.replace("127.0.0.1", "store.test")
    monkeypatch.setattr(s3, "_PART", 5 << 20)
    with under(Permissions.of(["net:store.test", "net:*", f"files:{tmp_path / 'in'}"])):
        for address in (bucket, named):
            with pytest.raises(PermissionError, match="not allowed to reach"):
                s3.get(address, "k")
            with pytest.raises(PermissionError, match="not allowed to reach"):
                s3.upload(address, "k", large)  # from threads that are not the node's
        with pytest.raises(PermissionError, match="credentials of its host"):
            s3.get(f"s3+http://{endpoint}/bucket", "k")
    with under(Permissions.of(["net:127.0.0.1", f"files:{tmp_path / 'in'}"])):
        assert s3.get(bucket, "k") == b"text"
        s3.upload(bucket, "large", large)
        s3.download(bucket, "k", tmp_path / "in" / "k")
        for call in (
            lambda: s3.upload(bucket, "k", tmp_path / "secret.txt"),
            lambda: s3.download(bucket, "k", tmp_path / "new.txt"),
        ):
            with pytest.raises(PermissionError, match="not allowed to reach the file"):
                call()
    assert not (tmp_path / "new.txt").exists()


def test_a_redirect_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(200, {}, b"private") as (private, seen):
        headers = {"location": f"http://{private}/", "x-amz-bucket-region": "eu-1"}
        body = f"<Error><Code>PermanentRedirect</Code><Endpoint>{private}</Endpoint></Error>".encode()
        with playing(307, headers, body) as (public, first):
            port = int(public.rpartition(":")[2])
            with under(Permissions.of([f"net:127.0.0.1:{port}"])), pytest.raises((S3Error, PermissionError)):
                s3.get(f"s3+http://{KEYS}{public}/bucket", "k")
    assert first
    assert seen == []
