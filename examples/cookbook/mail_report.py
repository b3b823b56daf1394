"""Send the figures of a day by mail, with a chart: at most once a day, whatever happens.

cflow run examples/cookbook/mail_report.py db=shop.db day=2026-03-02 'to=["team@example.com"]' --store .cflow
"""

from datetime import date
from typing import Final

from cflow import flow, secret
from cflow.stdlib_nodes import data, log, mail, markdown, plot, sql, text

SMTP = secret("SMTP")
SENDER: Final = "Reports <reports@example.com>"
WEEK: Final = """
SELECT day, sum(total) AS total FROM sale WHERE day > date(:day, '-7 day') AND day <= :day GROUP BY day ORDER BY day"""


@flow
def mail_report(db: str, day: date, to: list[str]) -> str:
    """The id of the mail. A report that was sent is not sent again: not by a second run, nor after a crash."""
    days = sql.query(db, WEEK, {"day": f"{day}"})
    today = data.filter(days, "day", "==", f"{day}")
    assert today, f"there are no sales of {day}: has the import been run?"
    figures = text.table(data.sort(days, "-day"))
    words = f"# Sales of {day}\n\n{today[0]['total']:.2f} today.\n\n{figures}"
    drawn = plot.bar(days, "day", "total", title=f"Sales up to {day}", kind="png")
    sent = mail.send.options(once=f"report:{day}", timeout=60)(
        SMTP,
        SENDER,
        to,
        f"Sales of {day}",
        words,
        html=f'{markdown.to_html(words)}<img src="cid:chart">',
        inline={"chart": mail.Attachment(name="chart.png", data=drawn, type="image/png")},
    )
    for person, why in sent.refused.items():
        log.warning(f"{person} does not get the report: {why}")
    return sent.message_id
