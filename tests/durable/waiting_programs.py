"""Flows that wait, for tests in which their process is killed."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from cflow import flow, node, sleep, wait_signal


@node(writes="file")
async def say(what: str) -> str:
    if os.environ.get("HANGS_AT") == what:
        await trio.sleep_forever()
    with Path(os.environ["EFFECTS"]).open("a") as log:
        log.write(f"{what}\n")
    return what


@flow
def asks() -> list[str]:
    say("asked")
    one = wait_signal("answer")
    say(f"got {one}")
    two = wait_signal("answer")
    return [say(f"got {two}"), one]


@flow
def naps() -> str:
    say("before")
    sleep("600ms")
    return say("after")
