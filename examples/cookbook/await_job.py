"""Have a service without webhooks make a report, ask with growing pauses until it is ready, and fetch it.

cflow run examples/cookbook/await_job.py api=https://reports.example.com month=2026-02 target=report.csv
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from cflow import convert, flow, sleep, transaction
from cflow.stdlib_nodes import http, log


@dataclass(frozen=True, kw_only=True)
class Job:
    id: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    reason: str = ""


@flow
def cancel(api: str, job: Job):
    """Take the order back; a job that is gone already is fine."""
    http.delete.options(retry=3)(f"{api}/jobs/{job.id}", check=False)
    log.warning(f"the job {job.id} is cancelled")


@flow
def order(api: str, month: str) -> Job:
    """Ask for a report. The service knows the key, so asking twice makes one job."""
    key = {"idempotency-key": f"report-{month}"}
    answer = http.post.options(retry=3, timeout=10)(f"{api}/jobs", json={"month": month}, headers=key)
    job = convert(answer.json, Job)
    return job  # noqa: RET504


SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)


@flow
def await_job(api: str, month: str, target: str, patience: timedelta = timedelta(hours=2)) -> Path:
    """The path of the report. Where it fails, or is not ready in time, no job is left behind."""
    pause = SECOND
    with transaction(timeout=patience):
        job = order.options(undo=lambda job: cancel(api, job))(api, month)
        while job.state in ("waiting", "running"):
            sleep(pause)
            pause = min(pause * 2, MINUTE)
            job = convert(http.get_json.options(retry=5, timeout=10)(f"{api}/jobs/{job.id}"), Job)
        assert job.state == "done", f"the report of {month} cannot be made: {job.reason}"
        return http.download.options(retry=3)(f"{api}/jobs/{job.id}/report", target)
