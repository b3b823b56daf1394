"""What a host permits a program that it does not trust: hosts on the net, files, programs, names of the environment.

A grant is a text: ``net:api.example.com``, ``files:./data``, ``process:git``, ``env:REGION``. A program that is loaded
with ``allow=`` has its grants and nothing else; one that is loaded without is trusted. The grants go with what the
program imports: while a node runs that it has called, :func:`permissions` gives them, and the node asks them before it
reaches out. Nothing here reaches out itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from attrs import frozen

from .hashing import sha256

KINDS = ("net", "files", "process", "env")

_HOST = re.compile(r"[a-z0-9_*.-]+")
_LOCAL = ("127.0.0.0/8", "::1/128")
_UNICAST = ip_network("2000::/3")  # RFC 4291: all that is global so far
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last four bytes

Address = IPv4Address | IPv6Address


@frozen
class _Place:
    """A grant of the net: a name, or a pattern over names, or networks by address."""

    host: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    port: int | None

    def names(self, host: str, port: int | None) -> bool:
        """Does it grant this name?"""
        return fnmatchcase(host, self.host) and (port is None or self.port in (None, port))

    def holds(self, address: Address, port: int | None) -> bool:
        """Does it grant this address?"""
        return (port is None or self.port in (None, port)) and any(address in network for network in self.networks)


class Permissions(NamedTuple):
    """The grants of a program.

    Each question raises ``PermissionError`` where the answer is no; its text shows the grants as they were written.

    Parameters
    ----------
    grants: in the order of the alphabet; None: everything, the program is trusted.
    folder: what the paths of grants are relative to: where the host was when it gave them.
    """

    grants: tuple[str, ...] | None = None
    folder: str = ""

    @classmethod
    def of(cls, grants: Iterable[str]) -> Permissions:
        """From what a host gives.

        Raises
        ------
        ValueError: a text is no grant.
        """
        given = tuple(sorted(set(grants)))
        for grant in given:
            kind, _, rest = grant.partition(":")
            if kind not in KINDS or not rest.strip():
                msg = f"{grant!r} grants nothing: it is {', '.join(f'{kind}:...' for kind in KINDS[:-1])} or env:..."
                raise ValueError(msg)
            if grant.startswith("net:"):
                _place(grant[len("net:") :])
        return cls(given, os.path.realpath(os.getcwd()))

    @property
    def trusted(self) -> bool:
        """Is everything permitted?"""
        return self.grants is None

    def of_kind(self, kind: str) -> list[str]:
        """What is granted of this kind, without the word for it."""
        return [grant.partition(":")[2] for grant in self.grants or () if grant.startswith(f"{kind}:")]

    def absolute(self) -> tuple[str, ...]:
        """The grants, as they would be given in any other folder."""
        others = (grant for grant in self.grants or () if not grant.startswith("files:"))
        return (*others, *(f"files:{root}" for root in _roots(self)))

    @property
    def tag(self) -> str:
        """A short name, alike for alike grants in any process."""
        return sha256("\n".join(sorted(self.absolute())).encode()).hexdigest()[:12]

    # ---- the questions of nodes ------------------------------------------------------------------

    def host(self, host: str, port: int | None = None) -> None:
        """May this host be reached, as far as its name tells? :meth:`addresses` follows, once it is resolved.

        Parameters
        ----------
        host: a name as the resolver gets it (ASCII), or an address. port: the port; None: not known yet.
        """
        if self.grants is None:
            return
        address = as_address(host)
        name = host.lower().rstrip(".") if address is None else str(address)
        if not any(
            (address is not None and place.holds(address, port))
            or (place.names(name, port) and (address is None or is_public(address)))
            for place in _places(self)
        ):
            raise self._refused(f"to reach {_shown(host, port)}")

    def addresses(self, host: str, port: int, found: Iterable[str]) -> list[str]:
        """Those of the addresses of a host that may be connected to, in their order.

        A name that is granted reaches public addresses only: private networks, this machine and the like have to be
        granted by address (``net:10.0.0.0/8``, ``net:localhost``). So nobody reaches them by a name that resolves to
        them. To be asked of the very addresses that are then connected to: asked again, a resolver may answer
        otherwise.

        Parameters
        ----------
        host: for the text of the error. found: what the resolver gave.
        """
        if self.grants is None:
            return [*found]
        self.host(host, port)
        fine = [text for text in found if self._reaches(as_address(text), port)]
        if not fine:
            raise self._refused(f"to reach {_shown(host, port)} at the address it has")
        return fine

    def file(self, path: str | os.PathLike[str], *, follow: bool = True) -> Path:
        """The path to open in place of ``path``: links are followed, and it lies in a folder that was granted.

        Parameters
        ----------
        follow: False: the last part of the path is meant itself, also where it is a link (to delete, to move).
        """
        if self.grants is None:
            return Path(path)
        head, tail = os.path.split(os.fspath(path))
        if follow or tail in ("", os.curdir, os.pardir):
            real = os.path.realpath(path)
        else:
            real = os.path.join(os.path.realpath(head or os.curdir), tail)
        if not any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in _roots(self)):
            raise self._refused(f"to reach the file {os.fspath(path)!r}")
        return Path(real)

    def program(self, program: str) -> None:
        """May this program be started, named as it is here?"""
        if self.grants is not None and not any(fnmatchcase(program, name) for name in self.of_kind("process")):
            raise self._refused(f"to start {program!r}")

    def variable(self, name: str) -> bool:
        """May the environment variable be read?"""
        return self.grants is None or any(fnmatchcase(name, pattern) for pattern in self.of_kind("env"))

    # ---- inside ----------------------------------------------------------------------------------

    def _reaches(self, address: Address | None, port: int) -> bool:
        return address is not None and (
            is_public(address) or any(place.holds(address, port) for place in _places(self))
        )

    def _refused(self, what: str) -> PermissionError:
        return PermissionError(f"the program is not allowed {what} (it was given {self})")

    def __str__(self) -> str:
        return "everything" if self.grants is None else ", ".join(self.grants) or "nothing"


def is_grant(text: str) -> bool:
    """Is it meant for a grant: a word and a colon? (``C:`` begins a path.) Also one that is misspelt."""
    kind, colon, _ = text.partition(":")
    return bool(colon) and kind.isalpha() and len(kind) > 1


def as_address(text: str) -> Address | None:
    """The address that a text stands for, an IPv4 one in the guise of IPv6 (mapped, NAT64) as itself; None: a name."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(address.packed[-4:])
    return address


def is_public(address: Address) -> bool:
    """Does it lead to the public internet, and not to this machine, a private network or many receivers at once?"""
    if isinstance(address, IPv6Address):
        inner = address.sixtofour
        return address in _UNICAST and address.is_global and (inner is None or is_public(inner))
    return address.is_global and not address.is_multicast


@lru_cache(64)
def _roots(given: Permissions) -> tuple[str, ...]:
    return tuple(os.path.realpath(os.path.join(given.folder, os.path.expanduser(p))) for p in given.of_kind("files"))


@lru_cache(64)
def _places(given: Permissions) -> tuple[_Place, ...]:
    return tuple(_place(text) for text in given.of_kind("net"))


def _place(text: str) -> _Place:
    """``HOST``, ``HOST:PORT``, an address or a network; an IPv6 address with a port stands in brackets."""
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":") if port[:1] in ("", ":") else "?"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    host = host.lower()
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        msg = f"net:{text}: {port!r} is no port"
        raise ValueError(msg)
    try:
        networks = tuple(ip_network(one, strict=False) for one in (_LOCAL if host == "localhost" else (host,)))
    except ValueError:
        networks = ()
    if not networks and not _HOST.fullmatch(host):
        msg = f"net:{text}: {host!r} is neither a name (in ASCII, * for any part) nor an address nor a network"
        raise ValueError(msg)
    return _Place(host, networks, int(port) if port else None)


def _shown(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


TRUSTED = Permissions()
_NOW: ContextVar[Permissions] = ContextVar("cflow.permissions", default=TRUSTED)


def permissions() -> Permissions:
    """What the program that has called the running node may do: nodes that reach out ask it first.

    In ordinary code, and in nodes of a program that its host trusts, everything is permitted.
    """
    return _NOW.get()


@contextmanager
def under(given: Permissions) -> Iterator[None]:
    """While code runs for a program that has been given this."""
    before = _NOW.set(given)
    try:
        yield
    finally:
        _NOW.reset(before)
