"""What processes do that share a store: each call leaves a line, its name and its key, in a file beside."""

from __future__ import annotations

import os
import sys
import time

from cflow import context, flow, node


def effect(what: str) -> None:
    handle = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{what} {context().key}\n".encode())
    os.close(handle)
    hang(what)


def hang(what: str) -> None:
    """Where the test wants to kill this process."""
    if os.environ.get("HANG_AT") == what:
        print("hanging", flush=True)
        time.sleep(600)


@node(writes="file")
def step(what: str) -> str:
    effect(what)
    return f"{what} done"


@node(reads="file", cache=True)
def look(what: str) -> str:
    effect(what)
    return f"saw {what}"


@node(reads="file", cache=True)
def slow_look(what: str) -> str:
    """Made in a while, so that who comes meanwhile has to wait."""
    effect(what)
    while "GO" in os.environ and not os.path.exists(os.environ["GO"]):
        time.sleep(0.01)
    return f"saw {what}"


@flow
def slow_looks(day: str) -> str:
    return slow_look("slow")


@flow
def etl(day: str) -> list[str]:
    a = step("extract")
    b = step("transform")
    c = step("load")
    return [a, b, c, day]


@flow
def nightly(day: str) -> list[str]:
    return etl.options(once=f"etl:{day}")(day)


@flow
def charge(day: str) -> str:
    return step.options(once=f"charge:{day}")("charge")


@flow
def looks(day: str) -> list[str]:
    return [look("one"), look("two"), look("one")]


if __name__ == "__main__":
    from cflow import Engine
    from cflow.runs.onces import StoreOnce
    from cflow.runs.resume import resume

    settle = StoreOnce._settle

    async def settles(self: StoreOnce, key: str, data: bytes) -> None:
        hang("before settling")
        await settle(self, key, data)
        hang("after settling")

    StoreOnce._settle = settles  # type: ignore[method-assign]
    _, store, name = sys.argv
    engine = Engine(store=store)
    print("ready", flush=True)
    if name == "resume":
        print([row.state for row in resume(engine)])
    else:
        print(engine.run({"nightly": nightly, "charge": charge, "looks": looks, "slow_looks": slow_looks}[name], "mon"))
