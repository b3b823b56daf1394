"""How a ``.cflow`` file writes what Python writes as a call: what a finding advises, whichever stage makes it."""

from __future__ import annotations

from collections.abc import Mapping

_PARALLEL = "write `for x in xs with parallel=8:`, or `ys = for x in xs with parallel=8:` with a `yield` to collect"
FORMS: Mapping[str, str] = {
    "batched": "write `for items in stream with batch=1000:`",
    "buffered": "write `for item in stream with buffer=100:`",
    "collect": "write `done = for x in xs with parallel=8, collect=True:`, with a `yield` in it",
    "env": 'declare it at the top of the file: `env REGION: str = "eu-west-1"`',
    "lock": 'write `with lock="name":`',
    "loop": "write `while condition with max=500:`",
    "parallel": _PARALLEL,
    "secret": "declare it at the top of the file: `secret STRIPE_KEY`",
    "timeout": "write `with timeout=5s:`",
    "transaction": "write `transaction:`, or `transaction with timeout=2m:`",
    "windowed": "write `for items in stream with window=1m:`",
}
"""Functions by which Python writes what the text has words of its own for."""
