"""Servers by their address, and connections that keep to what the program may reach. It knows nothing of nodes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

from .. import Permissions, SecretText, permissions
from ._names import has_control, shown

CONNECT_SECONDS = 20.0


@frozen
class Server:
    """What an address like ``imaps://user:password@host:993`` names. Shown without user and password."""

    scheme: str
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def hidden(self, text: object) -> str:
        """A text without the password, also where a server has sent that back."""
        shown = str(text)
        return shown.replace(self.password, "***") if self.password else shown


def parted(address: str) -> SplitResult:
    """The parts of an address. Of one that is a secret, the password is: scheme and host may be shown."""
    parts = urlsplit(str(address))  # a part of a secret text would be a secret itself, and hidden wherever it stands
    if isinstance(address, SecretText) and parts.password:
        for text in {parts.password, unquote(parts.password)}:
            SecretText(text)  # hidden from now on, also by itself
    return parts


def server(address: str, ports: Mapping[str, int], example: str) -> Server:
    """What an address names.

    Parameters
    ----------
    ports: the schemes there are, each with its port. example: for the text of the error.

    Raises
    ------
    ValueError: it is no such address; the text shows nothing of it but scheme and host.
    """
    # urlsplit drops line breaks in silence, and a user or password with one would end a line of the protocol.
    if not has_control(unquote(str(address))):
        try:
            parts = parted(address)
            port = parts.port
            host = (parts.hostname or "").encode("ascii" if "%" in (parts.hostname or "") else "idna").decode()
        except ValueError:
            pass
        else:
            if parts.scheme in ports and host and not parts.query and not parts.fragment:
                user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
                return Server(parts.scheme, host, port or ports[parts.scheme], user, password, parts.path)
    msg = f"{shown(str(address))} is no address of a server: {example}"
    raise ValueError(msg)


def connected(host: str, port: int, given: Permissions | None = None) -> socket.socket:
    """A connection to a host that the program may reach: resolved once, and connected to an address that was asked for.

    Parameters
    ----------
    given: what the program may, for threads that are not the node's own.

    Raises
    ------
    PermissionError: it may not be reached. OSError: it cannot.
    """
    given = permissions() if given is None else given
    given.host(host, port)
    found = [str(at[4][0]) for at in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    failed = OSError(f"{host} has no address")
    for address in given.addresses(host, port, dict.fromkeys(found)):
        try:
            return socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            failed = error
    raise failed
