"""The recipes around pictures, mail, models, object stores and other machines, against servers on loopback."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import imapclient
import pytest
from PIL import Image
from recipe_site import Request, Site

import cflow

Load = Callable[[str], Any]


def test_make_thumbnails(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    Path("photos/trip").mkdir(parents=True)
    Image.new("RGB", (800, 400), "red").save("photos/a.jpg")
    Image.new("RGBA", (100, 50), "blue").save("photos/trip/b.PNG")
    Path("photos/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    Path("photos/notes.txt").write_text("no photo")
    make = load("make_thumbnails").make_thumbnails
    assert make.run("photos", limit=2) == {"photos": 3, "made": 2, "failed": 1}
    sizes = {}
    for path in Path("thumbnails").rglob("*.webp"):
        with Image.open(path) as small:
            sizes[str(path)] = small.size
    assert sizes == {"thumbnails/a.jpg.webp": (320, 160), "thumbnails/trip/b.PNG.webp": (100, 50)}
    (said,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert said.startswith("photos/broken.jpg is no picture of a kind that is read")
    later = Path("thumbnails/a.jpg.webp").stat().st_mtime + 10
    os.utime("photos/a.jpg", (later, later))
    assert make.run("photos") == {"photos": 3, "made": 1, "failed": 1}, "what is up to date is left alone"


# ---- mail and models -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mail_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    import services

    folder = tmp_path_factory.mktemp("mail")
    with (
        pytest.MonkeyPatch.context() as patch,
        services.certified(folder, patch) as pair,
        services.mail(*pair) as ports,
    ):
        yield ports


@pytest.fixture
def mailbox(mail_ports: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[imapclient.IMAPClient]:
    """An empty mailbox with a folder for junk; its addresses are in the environment."""
    for name in ("imap", "smtp"):
        address = f"{name}+plain://ada@example.org:p%3Ass%2Fw%40rd@127.0.0.1:{mail_ports[name]}"
        monkeypatch.setenv(name.upper(), address)
    with imapclient.IMAPClient("127.0.0.1", mail_ports["imap"], ssl=False) as client:
        client.login("ada@example.org", "p:ss/w@rd")
        for folder in ("Junk", "INBOX"):
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.select_folder(folder)
            client.delete_messages(client.search())
            client.expunge()
        yield client


def letter(subject: str, text: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "bob@example.net", "ada@example.org", subject
    made["Message-ID"] = f"<{subject}@example.net>"
    made.set_content(text)
    return bytes(made)


def test_triage_mail(
    load: Load,
    site: Site,
    mailbox: imapclient.IMAPClient,
    engine: cflow.Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LLM_KEY", "sk-secret")
    monkeypatch.setenv("LLM_URL", f"{site.url}/v1")
    for subject in ("question", "complaint", "spam", "spam", "odd"):
        mailbox.append("INBOX", letter(subject, f"this is a {subject}"))
    busy = iter([503])

    def model(request: Request) -> Any:
        if status := next(busy, None):
            return status
        asked = json.loads(request.json["messages"][1]["content"])
        kind = asked["subject"] if asked["subject"] != "odd" else "love letter"
        said = json.dumps({"kind": kind, "draft": f"Dear {asked['from']}, thank you."})
        return {"choices": [{"index": 0, "message": {"content": said}, "finish_reason": "stop"}]}

    site.routes["POST /v1/chat/completions"] = model
    triage = load("triage_mail").triage_mail
    engine.signal("answer", "send", key="<question@example.net>")
    engine.signal("answer", "no", key="<complaint@example.net>")
    assert sorted(engine.run(triage)) == [
        ("complaint", "left to a person"), ("question", "answered"), ("spam", "spam"), ("spam", "spam"),
    ]  # fmt: skip
    assert {r.headers["authorization"] for r in site.seen} == {"Bearer sk-secret"}
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1, "what the model cannot sort costs itself alone"
    assert ": gpt-4o-mini gave nothing that fits in 3 attempts" in errors[0]

    mailbox.select_folder("INBOX")
    (answer,) = mailbox.search(["SUBJECT", "Re: question"])
    found = mailbox.fetch([answer], ["BODY[]"])[answer][b"BODY[]"]
    assert b"From: Support <support@example.com>" in found
    assert b"In-Reply-To: <question@example.net>" in found
    assert b"Dear bob@example.net, thank you." in found
    by_flag = {word: mailbox.search([word, "SEEN"]) for word in ("ANSWERED", "FLAGGED")}
    assert [len(found) for found in by_flag.values()] == [1, 1]
    assert len(mailbox.search(["SUBJECT", "odd", "UNSEEN"])) == 1
    mailbox.select_folder("Junk")
    assert len(mailbox.search()) == 2


def test_mail_report(load: Load, mailbox: imapclient.IMAPClient, engine: cflow.Engine) -> None:
    with closing(sqlite3.connect("shop.db")) as db:
        db.execute("CREATE TABLE sale (day TEXT, total REAL)")
        days = [(f"2026-03-{n:02}", n * 10.0) for n in range(1, 11)]
        db.executemany("INSERT INTO sale VALUES (?, ?)", days)
        db.commit()
    report = load("mail_report").mail_report
    first = engine.run(report, "shop.db", dt.date(2026, 3, 10), ["ada@example.org", "bob@example.org"])
    assert engine.run(report, "shop.db", dt.date(2026, 3, 10), ["ada@example.org"]) == first
    with pytest.raises(AssertionError, match="has the import been run"):
        engine.run(report, "shop.db", dt.date(2026, 3, 11), ["ada@example.org"])
    mailbox.select_folder("INBOX")
    (uid,) = mailbox.search()  # one, though asked for twice
    found = message_from_bytes(mailbox.fetch([uid], ["BODY[]"])[uid][b"BODY[]"], policy=policy.default)
    assert found["Message-ID"] == first
    assert found["To"] == "ada@example.org, bob@example.org"
    text = found.get_body(("plain",))
    assert text is not None
    assert "100.00 today." in text.get_content()
    assert text.get_content().index("2026-03-10 |") < text.get_content().index("2026-03-04 |")
    assert "2026-03-03 |" not in text.get_content()
    (picture,) = [part for part in found.walk() if part.get_content_type() == "image/png"]
    with Image.open(BytesIO(picture.get_content())) as chart:
        assert chart.size == (800, 450)
    html = found.get_body(("html",))
    assert html is not None
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html.get_content()


# ---- object stores ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store_endpoint() -> Iterator[str]:
    from services import s3

    from cflow.stdlib_nodes import _buckets

    with s3() as at:
        yield at
        _buckets._client.cache_clear()


def test_backup_folder(
    load: Load, store_endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    from cflow.stdlib_nodes import _buckets, s3

    bucket = f"s3+http://AKID:secret@{store_endpoint}/backups-{len(request.node.name)}"
    monkeypatch.setenv("BUCKET", bucket)
    with _buckets.client(bucket) as (store, name):
        store.create_bucket(Bucket=name)

    def there() -> dict[str, Any]:
        with _buckets.client(bucket) as (store, name):
            return {o["Key"]: o["LastModified"] for o in store.list_objects_v2(Bucket=name).get("Contents", [])}

    files = {"a.txt": b"one", "deep/b.bin": bytes(range(256)) * 100, "deep/same.txt": b"one"}
    for path, content in files.items():
        Path("photos", path).parent.mkdir(parents=True, exist_ok=True)
        Path("photos", path).write_bytes(content)
    module = load("backup_folder")
    assert module.backup_folder.run("photos", "monday", limit=1) == 3
    first = there()
    assert sorted(key.partition("/")[0] for key in first) == ["backups", "contents", "contents"]

    # One that fails half-way leaves nothing of its own behind.
    Path("photos/new.txt").write_text("new")
    Path("photos/z.txt").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        module.backup_folder.run("photos", "tuesday", limit=1)
    assert there() == first
    Path("photos/z.txt").unlink()
    assert module.backup_folder.run("photos", "tuesday") == 4
    assert there().items() >= first.items(), "what was there is not put again"
    assert len(there()) == 5

    assert module.restore.run("monday", "restored") == 3
    assert {str(p.relative_to("restored")): p.read_bytes() for p in Path("restored").rglob("*.*")} == files
    Path("restored/a.txt").write_text("changed")
    before = Path("restored/deep/b.bin").stat().st_mtime_ns
    module.restore.run("monday", "restored")
    assert Path("restored/a.txt").read_bytes() == b"one"
    assert Path("restored/deep/b.bin").stat().st_mtime_ns == before
    with _buckets.client(bucket) as (store, name):
        manifest = json.loads(store.get_object(Bucket=name, Key="backups/monday.json")["Body"].read())
        evil = json.dumps({"../../escaped": manifest["a.txt"]})
        store.put_object(Bucket=name, Key="backups/evil.json", Body=evil.encode())
    with pytest.raises(ValueError, match=r"'\.\./\.\./escaped' is no name"):
        module.restore.run("evil", "deep/restored")
    assert not Path("escaped").exists()
    with pytest.raises(s3.S3Error):
        module.restore.run("sunday", "restored")


# ---- hosts -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Two SSH servers, each with a folder, and a key that both let in."""
    import asyncssh
    import services

    from cflow.runtimes.aio import LOOP

    client, own = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    folders = [tmp_path_factory.mktemp("ssh") for _ in range(2)]
    with (
        services.ssh(folders[0], own, client.export_public_key()) as first,
        services.ssh(folders[1], own, client.export_public_key()) as second,
    ):
        yield {
            "key": client.export_private_key().decode(),
            "known": "".join(f"[127.0.0.1]:{port} {own.export_public_key().decode()}" for port in (first, second)),
            "names": [f"ssh://ada@127.0.0.1:{port}" for port in (first, second)],
            "folders": [folder / "there" for folder in folders],
        }
    LOOP.close()


def test_deploy_hosts(
    load: Load, hosts: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DEPLOY_KEY", hosts["key"])
    Path("known_hosts").write_text(hosts["known"])
    Path("hosts.yaml").write_text(json.dumps(hosts["names"]))
    files = [folder / "app.conf" for folder in hosts["folders"]]
    for file, mode in zip(files, (0o600, 0o755), strict=True):
        file.write_text("old")
        file.chmod(mode)

    def there() -> list[dict[str, tuple[str, str]]]:
        """What the hosts have: all files with their modes."""
        return [
            {p.name: (oct(p.stat().st_mode)[-3:], p.read_text()) for p in folder.iterdir()}
            for folder in hosts["folders"]
        ]

    def deploy(content: str, limit: int) -> Any:
        Path("app.conf").write_text(content)
        # It comes up with anything but what is bad; the first host is done by the time the second one fails.
        check = f"! grep bad {files[1]}"
        return load("deploy_hosts").deploy_hosts.run("hosts.yaml", "app.conf", "app.conf", check, limit=limit)

    assert deploy("new", limit=2) == 2
    deployed = [{"app.conf": ("600", "new")}, {"app.conf": ("755", "new")}]
    assert there() == deployed
    with pytest.raises(Exception, match="ended with status 1"):
        deploy("bad", limit=1)
    assert there() == deployed
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    ports = [line.removesuffix(" has again what it had").rpartition(":")[2] for line in said]
    assert ports == [name.rpartition(":")[2] for name in reversed(hosts["names"])]
    Path("known_hosts").write_text("")
    with pytest.raises(Exception, match="known"):
        deploy("newer", limit=2)
    assert there() == deployed
