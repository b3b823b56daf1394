"""Connections over SSH, by asyncssh on asyncio's loop. It knows nothing of nodes.

A host is known by its key, or is not spoken to: there is no way to say otherwise. ``~/.ssh/config`` is not read.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .. import permissions
from ._extras import needs
from ._reach import Server, connected, server

if TYPE_CHECKING:
    import asyncssh

_LOGIN_SECONDS = 30.0
_ALIVE_SECONDS = 15.0  # how often a silent host is asked; it may miss three
_KEY_TYPES = (" ssh-", " ecdsa-", " sk-")

T = TypeVar("T")


@asynccontextmanager
async def connection(address: str, key: str | Path, known: str | Path) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection, logged in.

    Parameters
    ----------
    key: the private key, as a file or as its text; empty: the password of the address, or else what is usual. With a
        key, the password is that of the key.
    known: the keys of hosts, as a file or as lines of one; empty: ``~/.ssh/known_hosts``.

    Raises
    ------
    SshError: the key of the host is not known or another one, or it refuses. PermissionError, OSError: it may not, or
    cannot, be reached.
    """
    from .ssh import SshError

    at = server(address, {"ssh": 22, "sftp": 22}, "ssh://user@host:22")
    with needs("ssh"):
        import asyncssh
    options = await asyncio.to_thread(_identity, at, key)
    hosts = await asyncio.to_thread(_hosts, known)
    try:
        plain = await asyncio.to_thread(connected, at.host, at.port)
    except PermissionError:
        raise
    except OSError as error:
        msg = f"{at}: {error}"
        raise ConnectionError(msg) from None
    try:
        async with asyncssh.connect(
            at.host,
            at.port,
            sock=plain,
            config=None,
            known_hosts=hosts,
            login_timeout=_LOGIN_SECONDS,
            keepalive_interval=_ALIVE_SECONDS,
            x509_trusted_certs=None,
            gss_host=None,
            **options,
        ) as made:
            try:
                yield made
            except BaseException:
                made.abort()  # a kind end waits for the host
                raise
    except asyncssh.HostKeyNotVerifiable:
        raise SshError(_stranger(at, any(asyncssh.match_known_hosts(hosts, at.host, "", at.port)))) from None
    except asyncssh.PermissionDenied:
        msg = f"{at} refuses the login"
        raise SshError(msg) from None
    except asyncssh.SFTPError as error:
        raise SshError(at.hidden(f"{at}: {error.reason}")) from None
    except asyncssh.DisconnectError as error:
        raise ConnectionError(at.hidden(f"{at}: {error.reason}")) from None
    except asyncssh.Error as error:
        raise SshError(at.hidden(f"{at}: {error.reason}")) from None
    finally:
        plain.close()


def _stranger(at: Server, other: bool) -> str:
    if other:
        return f"{at} has another key than the one that is known: it was set up anew, or somebody stands between"
    return f"{at} is an unknown host: put its key among the known hosts, once you have it from who runs it"


def _identity(at: Server, key: str | Path) -> dict[str, Any]:
    """How to log in. What the host of a program has, its keys and its agent, is for programs that it trusts."""
    given = permissions()
    if not given.trusted and (at.user is None or not (key or at.password)):
        msg = "the program is not allowed to use the keys of its host: it has to give ssh://user:password@... or key="
        raise PermissionError(msg)
    options: dict[str, Any] = {"username": getpass.getuser() if at.user is None else at.user, "host_based_auth": False}
    options |= {"gss_auth": False, "gss_kex": False}
    if key:
        text = str(key)
        data = text.encode() if text.startswith("-----BEGIN ") else given.file(text).read_bytes()
        import asyncssh

        from .ssh import SshError

        try:
            options["client_keys"] = [asyncssh.import_private_key(data, at.password)]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            msg = f"the private key cannot be used: {error}"
            raise SshError(msg) from None
        options |= {"agent_path": None, "password": None, "password_auth": False, "kbdint_auth": False}
    elif at.password is not None:
        options |= {"client_keys": None, "agent_path": None, "password": at.password}
    return options


def _hosts(known: str | Path) -> bytes:
    """The lines of known hosts; none where the usual file is not there."""
    text = str(known)
    if any(kind in text for kind in _KEY_TYPES):
        return text.encode()
    if text:
        return permissions().file(text).read_bytes()
    usual = Path("~/.ssh/known_hosts").expanduser()
    if not permissions().trusted:
        msg = "the program is not allowed to use the known hosts of its host: it has to give known="
        raise PermissionError(msg)
    return usual.read_bytes() if usual.exists() else b""


@asynccontextmanager
async def apart(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A blocking context manager whose beginning and end run in a thread; the end is never cut short. As
    :func:`~._aside.aside`, for asyncio."""
    value = await asyncio.to_thread(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        end = asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__)
        if not await asyncio.shield(end):
            raise
    else:
        await asyncio.shield(asyncio.to_thread(manager.__exit__, None, None, None))
