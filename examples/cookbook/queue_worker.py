"""Work off a queue in Redis: no job is lost when the worker dies, and one that fails is kept with the reason.

REDIS=redis://:PASSWORD@localhost:6379/0 cflow run examples/cookbook/queue_worker.py api=https://geo.example.com
"""

from dataclasses import dataclass

from cflow import convert, flow, loop, secret
from cflow.stdlib_nodes import http, json, log, redis

REDIS = secret("REDIS")


@dataclass(frozen=True, kw_only=True)
class Job:
    id: str
    address: str


@flow
def place_of(api: str, job: Job) -> str:
    """What the job wants to know. Only asks, so it may be done twice."""
    place = http.get_json.options(retry=3, timeout=10)(f"{api}/place", params={"q": job.address})
    return json.dumps(place)


@flow
def put_back():
    """What a worker that died had in hand stands in line again."""
    while loop(redis.command(REDIS, ["LMOVE", "jobs:busy", "jobs", "RIGHT", "LEFT"]), max=1000):
        log.warning("a job is taken up again")


@flow
def queue_worker(api: str, most: int = 1000) -> dict[str, int]:
    """Do the jobs that are in line, at most `most`. A job leaves the list `jobs:busy` when its result is kept."""
    put_back()
    done = failed = 0
    for _ in range(most):
        text = redis.command(REDIS, ["LMOVE", "jobs", "jobs:busy", "LEFT", "RIGHT"])
        if text is None:
            break
        try:
            job = convert(json.loads(text), Job)
            redis.set(REDIS, f"place:{job.id}", place_of(api, job), seconds=86_400)
            done += 1
        except (http.HttpError, TimeoutError, ValueError) as e:
            redis.push(REDIS, "jobs:failed", [json.dumps({"job": text, "why": f"{e}"})])
            failed += 1
        redis.command(REDIS, ["LREM", "jobs:busy", 1, text])
    return {"done": done, "failed": failed}
