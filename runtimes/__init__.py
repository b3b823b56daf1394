"""Where the code of nodes runs that the executor does not call itself: processes, asyncio, programs, WebAssembly, C.

Each runtime is a module with a ``RUNTIME`` that keeps to :class:`~.port.Runtime`, imported when the first of its nodes
is called. Nothing here knows of flows, plans or policies.
"""
