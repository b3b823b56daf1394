"""Mails as bytes: what strangers write is read within bounds, or refused in a ValueError."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import mail
from cflow.stdlib_nodes._mailtext import address
from cflow.stdlib_nodes._names import file_name


def test_a_name_cannot_smuggle_in_an_address() -> None:
    one = mail.parse(b"From: =?utf-8?q?=22eve=40evil=2Etest=22=2C_Ada?= <ada@example.org>\nTo: a@b.c, B <b@c.d>\n\n")
    assert (one.sender, one.sender_name) == ("ada@example.org", '"eve@evil.test", Ada')
    assert one.to == ["a@b.c", "b@c.d"]


def test_headers() -> None:
    one = mail.parse(
        b"Subject: =?iso-8859-1?q?caf=E9?=\n =?utf-8?b?IG5vaXI=?=\nDate: Fri, 1 Mar 2024 10:00:00 +0200\n"
        b"Received: a\nReceived: b\nX-Raw: caf\xc3\xa9 \xff\nX-None: =?nope?q?x?=\nX-Slow: =?punycode?q?abc?=\n\nbody"
    )
    assert one.subject == "café noir"
    assert one.date == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert (one.headers["received"], one.headers["x-raw"]) == ("a\nb", "café \ufffd")
    assert (one.headers["x-none"], one.headers["x-slow"]) == ("x", "abc")
    assert (one.text, one.html, one.sender, one.to) == ("body", "", "", [])
    assert mail.parse(b"Date: 99 Foo\n\n").date is None
    assert mail.parse(b"Subject: =?utf-8?b?abcde?=\n\n").subject == "=?utf-8?b?abcde?="
    assert mail.parse(b"") == mail.Mail()


def test_a_mail_within_a_mail_is_an_attachment() -> None:
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("inner text")
    outer.set_content("outer text")
    outer.add_attachment(inner)
    one = mail.parse(outer.as_bytes())
    assert one.text.strip() == "outer text"
    assert [a.type for a in one.attachments] == ["message/rfc822"]
    assert mail.parse(one.attachments[0].data).subject == "inner"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("/etc/shadow", "shadow"),
        ("..", "attachment-1"),
        (".", "attachment-1"),
        ("", "attachment-1"),
        ("a/", "attachment-1"),
        (".ssh", "ssh"),
        ("a\0b\r\n.txt", "ab.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("con:x|y", "conxy"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
        ("ü.txt", "ü.txt"),
    ],
)
def test_names_of_attachments_are_plain(written: str, name: str) -> None:
    assert file_name(written, "attachment-1") == name


def test_a_path_in_a_name_goes_no_further() -> None:
    head = b"Content-Type: text/plain; name*=utf-8''..%2F..%2Fetc%2Fpasswd\nContent-Disposition: attachment\n\nx"
    (one,) = mail.parse(head).attachments
    assert (one.name, one.data) == ("passwd", b"x")


def test_parts_without_end() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(300))
    with pytest.raises(ValueError, match="more than 200 parts that hold parts"):
        mail.parse(deep)
    mail.parse(b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(150)))
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 2000 + b"--b--"
    with pytest.raises(ValueError, match="more than 1000 parts"):
        mail.parse(many)


def test_a_long_header_is_looked_at_in_part() -> None:
    one = mail.parse(b"To: " + b"(" * 2_000_000 + b"\nSubject: " + b"=?utf-8?q?x?= " * 100_000 + b"\n\nx")
    assert one.text == "x"
    assert len(one.subject) <= 65_536


PIECES = st.sampled_from(
    [
        *(b"Subject: ", b"From: ", b"To: ", b"Date: ", b"Content-Type: multipart/mixed; boundary=b\n", b"\n--b\n"),
        *(b"Content-Type: message/rfc822\n", b"Content-Transfer-Encoding: base64\n", b"=?utf-8?b?", b"?=", b"\n\n"),
        *(
            b"Content-Transfer-Encoding: x-uuencode\n",
            b"begin 644 x\n",
            b"Content-Disposition: attachment; filename*0*=",
        ),
        *(
            b"Content-Type: text/plain; charset=",
            b"utf-7",
            b"hex",
            b"idna",
            b"\xff",
            b"<a@b>",
            b'"',
            b"(",
            b"\n--b--\n",
        ),
        *(
            b"Content-Type: message/delivery-status\n",
            b"Content-Type: message/partial\n",
            b"Mon, 31 Feb 99999 25:61 +9999",
        ),
    ]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=30))
@settings(max_examples=150, deadline=None)
def test_a_mail_is_read_or_refused(pieces: list[bytes]) -> None:
    try:
        one = mail.parse(b"".join(pieces))
    except ValueError:
        return
    for text in (one.subject, one.text, one.html, *one.headers.values(), *(a.name for a in one.attachments)):
        text.encode()
    assert all("/" not in a.name and a.name not in ("", ".", "..") for a in one.attachments)


@given(st.one_of(st.text(max_size=40), st.from_regex(r'[a-z<>@",;:() \\\n.]{0,20}', fullmatch=True)))
@settings(max_examples=150, deadline=None)
def test_an_address_is_one_or_refused(text: str) -> None:
    try:
        one = address(text)
    except ValueError:
        return
    assert one.username
    assert one.domain.isascii()
    assert not set("\r\n") & set(str(one))
