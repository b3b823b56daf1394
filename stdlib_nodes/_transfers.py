"""What boto3 moves in parts and in threads of its own, waited for on Trio. It knows nothing of nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from ._buckets import client
from ._extras import needs
from ._progress import how_far

_AT_ONCE = 4  # parts


async def managed(bucket: str, begin: Any, part: int, total: int = 0) -> None:
    """What boto3 does in parts and in threads of its own, until it has ended, also where it is cut."""
    with needs("s3"):
        from s3transfer.manager import TransferConfig, TransferManager
        from s3transfer.subscribers import BaseSubscriber

    ended, token = trio.Event(), trio.lowlevel.current_trio_token()

    class Seen(BaseSubscriber):  # type: ignore[misc, unused-ignore]
        done = 0

        def on_progress(self, future: Any, bytes_transferred: int, **_: Any) -> None:
            self.done += bytes_transferred

        def on_done(self, future: Any, **_: Any) -> None:
            token.run_sync_soon(ended.set)

    seen = Seen()
    say: Callable[[float], None] = how_far(total) if total else lambda done: None
    config = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_request_concurrency=_AT_ONCE)
    with client(bucket) as (store, name):
        manager = TransferManager(store, config)
        future = begin(manager, name, [seen])
        try:
            while not ended.is_set():
                with trio.move_on_after(1):
                    await ended.wait()
                say(seen.done)
            future.result()
        finally:
            future.cancel()  # does nothing once it is over
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(manager.shutdown)
