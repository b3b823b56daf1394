"""What it costs to go through a queue: ``python benchmarks/queued_runs.py [RUNS] [ROUNDS]`` (a minute).

Runs of one node that writes, all on record, in three ways that take turns: submitted into a queue beforehand and run by
two worker processes; submitted directly, in one process; and one after another. Told are the medians, in runs a second,
and what submitting into the queue takes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from cflow import Engine, flow, node

WORKERS = 2


@node(writes="nothing", runs="loop")
def write(n: int) -> int:
    return n


@flow
def one(n: int) -> int:
    return write(n)


def work(folder: str) -> None:
    with Engine(store=folder).supervise():
        print("ready", flush=True)
        sys.stdin.read()


def wait_until_over(engine: Engine) -> None:
    assert engine.recorder is not None
    while any(row.queued or row.running for row in engine.recorder.store.queues()):
        time.sleep(0.005)


def main(count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(store=folder)
        command = [sys.executable, __file__, "work", folder]
        workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)
        ]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
        queue = engine.queue("bench")
        times: dict[str, list[float]] = {"put": [], "queued": [], "direct": [], "one by one": []}
        for number in range(rounds + 1):
            queue.pause()
            began = time.perf_counter()
            for n in range(count):
                queue.put(one, n)
            put = time.perf_counter() - began
            began = time.perf_counter()
            queue.resume()
            wait_until_over(engine)
            queued = time.perf_counter() - began
            began = time.perf_counter()
            for future in [engine.submit(one, n) for n in range(count)]:
                future.result()
            direct = time.perf_counter() - began
            began = time.perf_counter()
            for n in range(count // 10):
                engine.run(one, n)
            alone = (time.perf_counter() - began) * 10
            if number:  # the first round is for warming up
                for name, took in zip(times, (put, queued, direct, alone), strict=True):
                    times[name].append(took)
        for name, took in times.items():
            print(f"{name:10}  {count / statistics.median(took):8.0f} runs/s")
        pairs = zip(times["direct"], times["queued"], strict=True)
        ratio = statistics.median(direct / queued for direct, queued in pairs)
        print(f"queued beside direct: {ratio:.2f} ({rounds} rounds of {count} runs)")
        for worker in workers:
            worker.communicate()
        assert engine.recorder is not None
        engine.recorder.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2])
    else:
        words = sys.argv[1:]
        main(int(words[0]) if words else 1000, int(words[1]) if len(words) > 1 else 5)
