"""What goes wrong on the way to an HTTP server, in the words of this house. It knows nothing of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx


class HttpError(Exception):
    """A request that did not succeed. ``status`` is None where no answer came; ``body`` is the answer's text."""

    def __init__(self, message: str, status: int | None = None, url: str = "", body: str = "") -> None:
        super().__init__(message, status, url, body)
        self.status = status
        self.url = url
        self.body = body

    def __str__(self) -> str:
        return str(self.args[0])


@contextmanager
def told(where: str, failed: Callable[[str], Exception]) -> Iterator[None]:
    """Around a request: what httpx raises becomes TimeoutError, ValueError or, without an answer, ``failed``.

    Parameters
    ----------
    where: the request, for the texts. failed: makes the error from its text.
    """
    try:
        yield
    except httpx.TimeoutException as error:
        msg = f"{where}: no connection, or no more data, in time"
        raise TimeoutError(msg) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        msg = f"{where}: not an http or https address ({error})"
        raise ValueError(msg) from error
    except httpx.StreamConsumed as error:
        raise failed(f"{where}: the server wants the body once more, and a stream can be sent only once") from error
    except httpx.LocalProtocolError as error:
        # The text goes on with the header that cannot be sent, and that may be a password.
        what, *_ = str(error).split(" b'")
        raise failed(f"{where}: {what}") from None
    except httpx.HTTPError as error:
        raise failed(f"{where}: {error or type(error).__name__}") from error
