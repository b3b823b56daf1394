"""mail against real servers (aiosmtpd and pymap, by mail-devel), and against servers that play tricks."""

from __future__ import annotations

import base64
import logging
import socket
from collections.abc import Iterator
from contextlib import aclosing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import imapclient
import pytest
import trio
from scripted import script

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import mail
from cflow.stdlib_nodes.mail import Attachment, MailError

LOGIN = "ada@example.org:p%3Ass%2Fw%40rd@"
PNG = Attachment(name="chart.png", data=b"\x89PNG", type="image/png")
ADA, BOB = "Ada <ada@example.org>", "bob@example.org"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    import services

    folder = tmp_path_factory.mktemp("mail")
    with (
        pytest.MonkeyPatch.context() as patch,
        services.certified(folder, patch) as pair,
        services.mail(*pair) as ports,
    ):
        yield ports


@pytest.fixture
def servers(ports: dict[str, int]) -> dict[str, str]:
    """Addresses by scheme; the mailbox is empty but for one folder beside INBOX."""
    with imapclient.IMAPClient("127.0.0.1", ports["imap"], ssl=False) as client:
        client.login("ada@example.org", "p:ss/w@rd")
        for folder in ("INBOX", "Old"):
            if client.folder_exists(folder):
                client.select_folder(folder)
                client.delete_messages(client.search())
                client.expunge()
            else:
                client.create_folder(folder)
    made = {scheme: f"{scheme}://{LOGIN}127.0.0.1:{port}" for scheme, port in ports.items()}
    return made | {
        f"{scheme}+plain": f"{scheme}+plain://{LOGIN}127.0.0.1:{ports[scheme]}" for scheme in ("imap", "smtp")
    }


def test_what_is_sent_comes_whole_over_each_kind_of_tls(servers: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "Bericht ü.pdf"
    report.write_bytes(b"%PDF\0\r\n.\r\n")
    sent = mail.send(
        servers["smtp"],
        ADA,
        ["Bob Ö <bob@example.org>", "carl@bücher.example"],
        "Zahlen – für heute " + "lang " * 30,
        "Hallo\n.\nFrom here",
        html='<img src="cid:chart">',
        cc="dora@example.org",
        bcc="eve@example.org",
        reply_to="desk@example.org",
        attachments=[report],
        inline={"chart": PNG},
        headers={"X-Run": "r-1"},
    )
    assert sent.refused == {}
    mail.send(servers["smtps"], "ada@example.org", BOB, "two", "plain")
    mail.send(servers["smtps"], ADA, "jürgen@example.org", "three", html="<b>only</b>", inline={"c": PNG})
    for scheme in ("imap", "imaps", "imap+plain"):
        uids = mail.search(servers[scheme])
        assert len(uids) == 3
        one = mail.read(servers[scheme], uids[0])
    assert (one.sender, one.sender_name, one.message_id) == ("ada@example.org", "Ada", sent.message_id)
    assert (one.to, one.cc) == (["bob@example.org", "carl@xn--bcher-kva.example"], ["dora@example.org"])
    assert one.subject == ("Zahlen – für heute " + "lang " * 30).strip()
    assert one.text.replace("\r\n", "\n") == "Hallo\n.\nFrom here\n"
    assert one.html.strip() == '<img src="cid:chart">'
    assert one.headers["x-run"] == "r-1"
    assert "eve" not in str(one.headers["to"]) + one.headers["cc"]
    assert one.headers["reply-to"] == "desk@example.org"
    assert one.date is not None
    assert [(a.name, a.type, a.data, a.cid) for a in one.attachments] == [
        ("chart.png", "image/png", b"\x89PNG", "chart"),
        ("Bericht ü.pdf", "application/pdf", report.read_bytes(), ""),
    ]
    three = mail.read(servers["imaps"], uids[2])
    assert "jürgen@example.org" in three.headers["x-rcptto"]
    assert (three.text, three.html.strip(), three.attachments[0].cid) == ("", "<b>only</b>", "c")


def test_search_flag_move_delete(servers: dict[str, str]) -> None:
    at = servers["imap+plain"]
    assert sorted(f.name for f in mail.folders(at)) == ["INBOX", "Old"]
    for subject in ("Übersicht", "order 7", "order 8"):
        mail.send(servers["smtps"], ADA, BOB, subject, "text of it")
    first, second, third = mail.search(at)
    assert mail.search(at, subject="Übersicht", sender="ada@") == [first]
    assert mail.search(at, subject="ORDER", to="bob") == [second, third]
    assert mail.search(at, after=second) == [third]
    assert mail.search(at, after=third) == []
    today = date.today()
    assert mail.search(at, since=today - timedelta(2), before=today + timedelta(2)) == [first, second, third]
    assert mail.search(at, before=today - timedelta(2)) == []
    mail.flag(at, [first, second], add=["\\Seen", "\\Flagged"])
    mail.flag(at, [second], remove=["\\Flagged"])
    assert mail.search(at, seen=True) == [first, second]
    assert mail.search(at, seen=False, flagged=False) == [third]
    assert mail.search(at, flagged=True) == [first]
    assert "\\Seen" in mail.read(at, second).flags
    assert mail.read(at, third).flags == []  # reading is not seeing
    assert mail.search(at, seen=False) == [third]
    mail.move(at, [second], "Old")
    mail.move(at, [], "Old")
    assert mail.search(at) == [first, third]
    (moved,) = mail.search(at, "Old")
    assert mail.read(at, moved, "Old").subject == "order 7"
    mail.delete(at, [first, 9999])
    mail.delete(at, [])
    assert mail.search(at) == [third]
    with pytest.raises(ValueError, match=r"there is no mail 9999 in 'INBOX'"):
        mail.read(at, 9999)
    with pytest.raises(ValueError, match="more than max_size=10"):
        mail.read(at, third, max_size=10)
    with pytest.raises(MailError, match="refuses"):
        mail.search(at, "Nowhere")
    with pytest.raises(MailError, match="refuses"):
        mail.move(at, [third], "Nowhere")
    assert mail.search(at) == [third]


def test_marks_of_ones_own_and_folders_of_ones_own(servers: dict[str, str]) -> None:
    at = servers["imap+plain"]
    for subject in ("one", "two", "three"):
        mail.send(servers["smtps"], ADA, BOB, subject)
    first, second, third = mail.search(at)
    mail.flag(at, [first], add=["\\Answered"])
    assert mail.search(at, answered=True) == [first]
    assert mail.search(at, answered=False, without="done", subject="two") == [second]
    with pytest.raises(MailError, match=r"keeps no flag 'done' in this folder, only .*seen"):
        mail.flag(at, [first], add=["done"])  # pymap would say OK and keep nothing
    name = "Räume (new)"
    assert mail.make_folder(at, name)
    assert not mail.make_folder(at, name)
    mail.copy(at, [first, second], name)
    mail.copy(at, [], name)
    mail.move(at, [third], name)
    assert mail.search(at) == [first, second]
    assert [mail.read(at, uid, name).subject for uid in mail.search(at, name)] == ["one", "two", "three"]
    with imapclient.IMAPClient("127.0.0.1", int(at.rpartition(":")[2]), ssl=False) as client:
        client.login("ada@example.org", "p:ss/w@rd")
        client.delete_folder(name)
    with pytest.raises(MailError, match="refuses"):
        mail.copy(at, [first], name)
    with pytest.raises(ValueError, match="is no flag"):
        mail.search(at, without="a b")
    with pytest.raises(ValueError, match="is no name of a folder"):
        mail.make_folder(at, "a\r\nb")


FLOW = """
import mail

flow main(at: str, out: str) -> list[str]:
    for subject in ["a", "b"]:
        mail.send(out, "ada@example.org", "bob@example.org", subject)
    found = []
    for letter in mail.fetch(at, mail.search(at, seen=False) + [9999]):
        found += [letter.subject]
    return found

flow wait(at: str, after: int) -> str:
    for letter in mail.incoming(at, after=after):
        return letter.subject
    return ""
"""


def test_streams(servers: dict[str, str]) -> None:
    flows = cflow.loads(FLOW)
    assert flows.main.run(servers["imap"], servers["smtps"]) == ["a", "b"]
    assert flows.wait.run(servers["imap"], mail.search(servers["imap"])[0]) == "b"

    def put() -> None:  # not by SMTP: its server runs in a thread of its own, and wakes nobody who waits in the other
        with imapclient.IMAPClient("127.0.0.1", int(servers["imap"].rpartition(":")[2]), ssl=False) as client:
            client.login("ada@example.org", "p:ss/w@rd")
            for subject in ("c", "d"):
                client.append("INBOX", f"Subject: {subject}\r\n\r\n")

    async def send_when_waiting(waiting: trio.Event) -> None:
        await waiting.wait()
        await trio.to_thread.run_sync(put)

    async def main() -> list[str]:
        waiting, came = trio.Event(), []
        news = mail.news

        async def told(client: Any, idle: bool) -> None:
            waiting.set()
            assert idle
            await news(client, idle)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mail, "news", told)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_when_waiting, waiting)
                with trio.fail_after(30):
                    async with aclosing(mail.incoming.fn(servers["imaps"])) as letters:
                        async for letter in letters:
                            came.append(letter.subject)
                            if len(came) == 2:
                                break
            with trio.move_on_after(0.2) as scope:  # nothing comes: it ends when it is cut
                async for letter in mail.incoming.fn(servers["imap"]):
                    came.append(letter.subject)
            assert scope.cancelled_caught
        return came

    assert trio.run(main) == ["c", "d"]


def test_news_in_the_same_breath_as_the_answer_to_idle_are_seen() -> None:
    answers = [b"* PREAUTH hi", b"* CAPABILITY IMAP4rev1 IDLE\r\n%t OK done", b"* 0 EXISTS\r\n%t OK [READ-ONLY] done"]
    answers += [
        b"* STATUS INBOX (UIDNEXT 7)\r\n%t OK done",
        b"* CAPABILITY IDLE\r\n%t OK done",
        b"* SEARCH\r\n%t OK done",
    ]
    answers += [b"+ idling\r\n* 1 EXISTS", b"%p OK done", b"* BAD\r\n%t NO enough"]

    async def main(port: int) -> None:
        with trio.fail_after(20):
            async for _ in mail.incoming.fn(f"imap+plain://127.0.0.1:{port}"):
                pass

    with script(*answers) as (port, heard), pytest.raises(MailError, match="enough"):
        trio.run(main, port)
    assert (heard[-2], heard[-1].split()[1:3]) == (b"DONE\r\n", [b"UID", b"SEARCH"])


@pytest.mark.parametrize("kept", [b"* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n", b""])
def test_words_of_ones_own_where_a_server_keeps_them(kept: bytes) -> None:
    begin = [b"* PREAUTH hi", b"* CAPABILITY IMAP4rev1\r\n%t OK done"]
    selected, end = b"* 1 EXISTS\r\n" + kept, [b"%t OK done", b"* BYE\r\n%t OK done"]
    with script(*begin, selected + b"%t OK [READ-WRITE] done", *end) as (port, heard):
        mail.flag(f"imap+plain://127.0.0.1:{port}", [7], add=["done"])
    assert heard[2].split()[1:] == [b"UID", b"STORE", b"7", b"+FLAGS.SILENT", b"(done)"]
    end[0] = b"* SEARCH 7\r\n" + end[0]
    with script(*begin, selected + b"%t OK [READ-ONLY] done", begin[1], *end) as (port, heard):
        assert mail.search(f"imap+plain://127.0.0.1:{port}", keyword="done", without="spam") == [7]
    assert heard[3].split()[3:] == [b"UNDELETED", b"KEYWORD", b"done", b"UNKEYWORD", b"spam"]


def test_a_call_that_is_tried_again_sends_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[str] = []

    def broken(server: str, message: Any, *rest: Any) -> dict[str, str]:
        ids.append(message["Message-ID"])
        if len(ids) % 2:
            raise ConnectionError("the answer got lost")
        return {}

    monkeypatch.setattr(mail, "sent", broken)
    text = """
    import mail

    flow main(out: str) -> str:
        sent = mail.send(out, "ada@example.org", "bob@example.org", "x") with retry=2
        return sent.message_id
    """
    flow = cflow.loads("\n".join(line[4:] for line in text.splitlines())).main
    for _ in range(2):
        flow.run("smtps://mail.test")
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert ids[0].endswith("@example.org>")


# ---- tricks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "x\r\nBcc: eve@evil.test"},
        {"subject": "x\u2028y"},
        {"sender": "ada@example.org\nBcc: eve@evil.test"},
        {"sender": "ada@example.org, eve@evil.test"},
        {"sender": "Ada"},
        {"sender": ""},
        {"to": ["bob@example.org>\r\nRCPT TO:<eve@evil.test"]},
        {"to": "bob@example.org, eve@evil.test"},
        {"to": "Smith, Bob <bob@example.org>"},
        {"to": "bob@"},
        {"to": "@example.org"},
        {"to": []},
        {"cc": ["x y@z"]},
        {"reply_to": "a@b.c\r\nX: y"},
        {"headers": {"X-A": "b\r\nBcc: eve@evil.test"}},
        {"headers": {"X-A: b\r\nBcc": "eve@evil.test"}},
        {"headers": {"Bcc": "eve@evil.test"}},
        {"headers": {"Content-Type": "text/html"}},
        {"attachments": [Attachment(name='x"\r\nX-Evil: y', data=b"")]},
        {"html": "<p>", "inline": {"x>\r\nX-Evil: y": PNG}},
        {"inline": {"c": PNG}},
    ],
    ids=str,
)
def test_nothing_of_a_stranger_becomes_a_header_or_a_recipient(wrong: dict[str, Any]) -> None:
    arguments = {"sender": ADA, "to": BOB, "subject": "s"} | wrong
    with pytest.raises(ValueError, match=r"control character|is not one address|no header|no name|recipient|inline="):
        mail.send("smtp://127.0.0.1:1", **arguments)  # and no connection is tried, which would be another error


def test_attachments_that_are_mails_are_files(servers: dict[str, str]) -> None:
    inner = Attachment(name="a.eml", data=b"Subject: x\r\n\r\nBcc: eve@evil.test", type="message/rfc822")
    mail.send(servers["smtps"], ADA, BOB, "s", attachments=[inner, Attachment(name="b", data=b"x", type="te\r\nxt/a")])
    one = mail.read(servers["imaps"], mail.search(servers["imaps"])[0])
    assert [(a.name, a.type) for a in one.attachments] == [
        ("a.eml", "application/octet-stream"),
        ("b", "application/octet-stream"),
    ]
    assert one.attachments[0].data == inner.data


def test_what_is_searched_for_is_a_text(servers: dict[str, str]) -> None:
    texts = ["{5}", "{5+}", ")", "(ALL)", '" OR ALL "', "x\\", "*", "ALL", "é {5}", 'é" ALL "']
    for text in texts:
        mail.send(servers["smtp+plain"], ADA, BOB, f"<< {text} >>", "body")
    uids = mail.search(servers["imap+plain"])
    for text, uid in zip(texts, uids, strict=True):
        assert mail.search(servers["imap+plain"], subject=f"<< {text} >>", sender="ada") == [uid]


def test_no_word_of_imap_comes_from_an_argument() -> None:
    at = "imap+plain://127.0.0.1:1"
    calls = [
        lambda: mail.search(at, subject="x\r\nA1 DELETE INBOX"),
        lambda: mail.search(at, keyword="x ALL"),
        lambda: mail.flag(at, [1], add=["\\Seen) (x"]),
        lambda: mail.flag(at, [1], remove=["{5}"]),
        lambda: mail.delete(at, ["1:*"]),  # type: ignore[list-item]
        lambda: mail.delete(at, [0]),
        lambda: mail.move(at, [1], "x\r\n"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"control character|no flag|no uid|no name of a folder"):
            call()


def test_a_folder_is_a_name(servers: dict[str, str]) -> None:
    for folder in ('x" "', "x) (", "{5}", "*", "..", "a\\", "é&"):
        with pytest.raises(MailError, match="refuses"):
            mail.search(servers["imap+plain"], folder)


def test_addresses_of_servers() -> None:
    wrong = [
        "http://x",
        "smtps://",
        "imaps://a:b@host:x",
        "imaps://a:secret\n@host",
        "imaps://a:secret%0d@host",
        "imap",
    ]
    for address in [*wrong, "imaps://a:secret@host?x=1", "imaps://a:secret#@host"]:
        with pytest.raises(ValueError, match="is no address of a server") as caught:
            mail.folders(address)
        assert "secret" not in str(caught.value)
    with pytest.raises(ConnectionError, match=r"^smtps://127.0.0.1:1: "):
        mail.send("smtps://a:secret@127.0.0.1:1", ADA, BOB, "s")


def test_a_password_is_in_no_error_and_no_log(servers: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    mail.folders(servers["imaps"])
    mail.send(servers["smtp"], ADA, BOB, "s")
    for shown in (b"p:ss/w@rd", b"\0ada@example.org\0p:ss/w@rd"):
        assert shown.decode() not in caplog.text
        assert base64.b64encode(shown).decode() not in caplog.text
    for scheme in ("imap", "imaps"):
        with pytest.raises(MailError, match="refuses") as caught:
            mail.folders(servers[scheme].replace("p%3A", "secret"))
        assert "secret" not in str(caught.value)
    with pytest.raises(MailError, match="refuses the login: 535") as caught:
        mail.send(servers["smtp"].replace("p%3A", "secret"), ADA, BOB, "s")
    assert caught.value.code == 535
    answers = b"* OK [CAPABILITY IMAP4rev1] hi", b"* CAPABILITY IMAP4rev1\r\n%t OK done", b"%t NO secret is wrong"
    with script(*answers) as (port, heard), pytest.raises(MailError, match=r"\*\*\* is wrong") as caught:
        mail.folders(f"imap+plain://a:secret@127.0.0.1:{port}")
    assert b"secret" in heard[-1]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    with script(b"* OK hi", b"* CAPABILITY IMAP4rev1\r\n%t OK done") as (port, _):
        with pytest.raises(MailError, match="ASCII"):
            mail.folders(f"imap+plain://a:s%C3%A9cret@127.0.0.1:{port}")


def test_no_password_without_the_tls_that_was_asked_for() -> None:
    with script(b"* OK [CAPABILITY IMAP4rev1] hi", b"* CAPABILITY IMAP4rev1\r\n%t OK done", b"") as (port, heard):
        with pytest.raises(MailError, match="STARTTLS"):
            mail.folders(f"imap://a:secret@127.0.0.1:{port}")
    assert not any(b"secret" in line for line in heard)
    with script(b"* PREAUTH hi", b"* CAPABILITY IMAP4rev1 STARTTLS\r\n%t OK done", b"%t BAD no") as (port, heard):
        with pytest.raises((MailError, ConnectionError)):
            mail.folders(f"imap://a:secret@127.0.0.1:{port}")
    assert not any(b"secret" in line for line in heard)
    with script(b"220 hi", b"250-x\r\n250 AUTH PLAIN LOGIN", b"") as (port, heard):
        with pytest.raises(MailError, match="STARTTLS"):
            mail.send(f"smtp://a:secret@127.0.0.1:{port}", ADA, BOB, "s")
    assert not any(b"AUTH" in line for line in heard)


def test_a_certificate_is_checked(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    for scheme in ("imap", "imaps"):
        with pytest.raises(ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            mail.folders(servers[scheme])
    for scheme in ("smtp", "smtps"):
        with pytest.raises(ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            mail.send(servers[scheme], ADA, BOB, "s")


def test_a_server_cannot_announce_more_than_memory_holds() -> None:
    answers = (
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi",
        b"* LIST () {99999999999}",
    )
    with script(*answers) as (port, _), pytest.raises(ConnectionError, match="announces 99999999999 bytes"):
        mail.folders(f"imap+plain://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [b"* LIST x\r\n%t OK done", b"* LIST (() ()\r\n%t OK done", b"\xff\x00", b"%t OK"])
def test_what_no_imap_server_says(answer: bytes) -> None:
    answers = b"* PREAUTH hi", b"* CAPABILITY IMAP4rev1\r\n%t OK done", answer
    with script(*answers) as (port, _), pytest.raises((MailError, ConnectionError), match="imap"):
        mail.folders(f"imap+plain://127.0.0.1:{port}")


def test_what_an_smtp_server_refuses(servers: dict[str, str]) -> None:
    refuse = b"550 no"
    hello = (b"220 hi", b"250 x", b"250 sender ok")
    with script(*hello, refuse, b"250 reset", b"221 bye") as (port, _):
        with pytest.raises(MailError, match=r"refuses all recipients: bob@example.org: no") as caught:
            mail.send(f"smtp+plain://127.0.0.1:{port}", ADA, BOB, "s")
        assert caught.value.code == 550
    with script(*hello, b"250 ok", refuse, b"354 go") as (port, heard):
        with pytest.raises(ConnectionError, match="smtp\\+plain"):
            mail.send(f"smtp+plain://127.0.0.1:{port}", ADA, [BOB, "eve@example.org"], "s")
        assert b"data" in heard[-2]
    with script(b"220 hi", b"250 x", b"") as (port, _), pytest.raises(MailError, match="no address but in ASCII"):
        mail.send(f"smtp+plain://127.0.0.1:{port}", ADA, "jürgen@example.org", "s")


# ---- what a program may reach --------------------------------------------------------------------


def test_hosts_and_files_are_asked_for(
    servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "secret.txt").write_text("s")
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "secret.txt")
    real = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "mail.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    at, out = servers["imap+plain"], servers["smtps"]
    with under(Permissions.of(["net:mail.test", "net:*"])):
        for address in (at, at.replace("127.0.0.1", "mail.test"), at.replace("127.0.0.1", "localhost")):
            with pytest.raises(PermissionError, match="not allowed to reach"):
                mail.folders(address)
        with pytest.raises(PermissionError, match="not allowed to reach"):
            mail.send(out.replace("127.0.0.1", "mail.test"), ADA, BOB, "s")
    with under(Permissions.of(["net:127.0.0.1", f"files:{tmp_path / 'in'}"])):
        assert mail.folders(at)
        mail.send(out, ADA, BOB, "s", attachments=[str(tmp_path / "in" / "a.txt")])
        for name in ("secret.txt", "in/link.txt", "in/../secret.txt"):
            with pytest.raises(PermissionError, match="not allowed to reach the file"):
                mail.send(out, ADA, BOB, "s", attachments=[str(tmp_path / name)])
