"""Sort the mail of a support address with a language model; a person says yes before an answer goes out.

cflow run examples/cookbook/triage_mail.py --store .cflow
cflow signal - answer '"send"' --key MESSAGE-ID --store .cflow
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from cflow import Collected, Retry, collect, convert, env, flow, parallel, secret, wait_signal
from cflow.stdlib_nodes import json, llm, log, mail

IMAP = secret("IMAP")
SMTP = secret("SMTP")
LLM_KEY = secret("LLM_KEY")
LLM_URL = env("LLM_URL", "https://api.openai.com/v1")
DESK: Final = "Support <support@example.com>"
MODEL: Final = "gpt-4o-mini"
TOLD: Final = "You sort mail to the support of a furniture shop. Draft a short, kind answer. Promise nothing."
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["kind", "draft"],
    "additionalProperties": False,
    "properties": {"kind": {"enum": ["question", "complaint", "spam"]}, "draft": {"type": "string"}},
}


@dataclass(frozen=True, kw_only=True)
class Ticket:
    kind: Literal["question", "complaint", "spam"]
    draft: str


@flow
def triage(letter: mail.Mail, patience: timedelta) -> str:
    """What has become of one mail. It counts as seen when everything else is done."""
    asked = json.dumps({"from": letter.sender, "subject": letter.subject, "text": letter.text[:4000]})
    busy = Retry(3, on=llm.BusyError)
    found = llm.structured.options(retry=busy, timeout=120)(LLM_URL, MODEL, asked, SCHEMA, key=LLM_KEY, system=TOLD)
    ticket = convert(found.value, Ticket)
    if ticket.kind == "spam":
        mail.move(IMAP, [letter.uid], "Junk")
        return "spam"
    log.info(f"{letter.message_id} ({ticket.kind}) waits for a yes to: {ticket.draft}")
    said = wait_signal("answer", letter.message_id, timeout=patience, default=None)
    if said != "send":
        mail.flag(IMAP, [letter.uid], add=["\\Seen", "\\Flagged"])
        return "left to a person"
    mail.send.options(once=f"answer:{letter.message_id}")(
        SMTP,
        DESK,
        letter.sender,
        f"Re: {letter.subject}",
        ticket.draft,
        headers={"In-Reply-To": letter.message_id},
    )
    mail.flag(IMAP, [letter.uid], add=["\\Seen", "\\Answered"])
    return "answered"


@flow
def triage_mail(patience: timedelta = timedelta(days=1), limit: int = 20) -> list[tuple[str, str]]:
    """The subject of each mail that nobody has seen, and what has become of it."""
    uids = mail.search(IMAP, seen=False)
    done: Collected[tuple[str, str]] = collect()
    for uid in parallel(uids, limit=limit):
        letter = mail.read.options(retry=2, timeout=30)(IMAP, uid)
        outcome = triage(letter, patience)
        done.append((letter.subject, outcome))
    for bad in done.failed:
        log.error(f"mail {bad.item}: {bad.error}")
    return done.ok
