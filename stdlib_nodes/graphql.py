"""GraphQL over HTTP: queries, mutations, connections page by page, the schema. Built on httpx, as the pack ``http`` is;
of its :class:`Client` and its rules for programs that a host does not trust all holds here too.

The resource is ``http``: a query reads it, a mutation writes it. Values go into a query as ``variables``, never into
its text. An answer with errors raises :class:`GraphQLError`, which keeps the data that came all the same.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from .. import node
from ._auth import OAuth
from ._calls import exchange, http_error, json_content
from ._failures import HttpError
from ._httpwords import PLAIN, Call, Client, Response
from ._paging import Seen, in_time, inside

__all__ = ["Client", "GraphQLError", "HttpError", "OAuth"]  # what a program may name beside the nodes

_IGNORED = re.compile(r'"""(?:\\"""|(?!""").)*"""|"(?:[^"\\\n]|\\[^\n])*"|#[^\n\r]*', re.DOTALL)
_WORD = re.compile(r"[{}()]|\w+")
_ERRORS_SHOWN = 3

SCHEMA = """query {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types {
      kind name description
      fields(includeDeprecated: true) {
        name description isDeprecated deprecationReason type { ...T }
        args { name description defaultValue type { ...T } }
      }
      inputFields { name description defaultValue type { ...T } }
      interfaces { name }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { name }
    }
    directives { name description locations args { name description defaultValue type { ...T } } }
  }
}
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
"""


class GraphQLError(Exception):
    """An answer with errors. ``errors``: as the server tells them; ``data``: what came in spite of them, or None."""

    def __init__(self, message: str, errors: list[Any] | None = None, data: Any = None, url: str = "") -> None:
        super().__init__(message, errors, data, url)
        self.errors = errors or []
        self.data = data
        self.url = url

    def __str__(self) -> str:
        return str(self.args[0])


@node(reads="http", timeout=30.0)
async def query(
    url: str,
    query: str,
    variables: dict[str, Any] | None = None,
    operation: str = "",
    headers: dict[str, str] | None = None,
    client: Client | None = None,
) -> dict[str, Any]:
    """The data of a query. ``operation``: the one that is meant, where the text has several.

    ``user = graphql.query(url, "query($id: ID!) { user(id: $id) { name } }", {"id": 7})["user"]``

    Raises GraphQLError, HttpError, TimeoutError, and ValueError where the text is more than a query.
    """
    return await _data(_query(url, query, variables, operation, headers, client))


@node(writes="http", timeout=30.0)
async def mutate(
    url: str,
    query: str,
    variables: dict[str, Any] | None = None,
    operation: str = "",
    headers: dict[str, str] | None = None,
    client: Client | None = None,
) -> dict[str, Any]:
    """Carry out a mutation; its data.

    ``graphql.mutate(url, "mutation($n: String!) { rename(name: $n) { id } }", {"n": "Ada"})``

    Raises GraphQLError (part of it may have been done), HttpError, TimeoutError, ValueError.
    """
    return await _data(_call(url, query, variables, operation, headers, client, {"query", "mutation"}))


@node(reads="http")
async def items(
    url: str,
    query: str,
    at: str,
    variables: dict[str, Any] | None = None,
    cursor: str = "after",
    limit: int = 1000,
    headers: dict[str, str] | None = None,
    client: Client | None = None,
) -> AsyncIterator[Any]:
    """The nodes of a connection, as a stream, page by page. ``at``: the path to it in the data. The query has the
    variable ``cursor`` for where to go on, and asks for ``nodes`` (or ``edges { node }``) and
    ``pageInfo { hasNextPage endCursor }``.

    ``for repo in graphql.items(url, QUERY, "viewer.repositories"): ...``

    Raises what ``query`` raises, and ValueError where there is no connection, where it leads back, or where there are
    more than ``limit`` pages.
    """
    seen = Seen(f"the connection {at}", limit)
    place = ""
    while True:
        seen.go(place)
        asked = (variables or {}) | ({cursor: place} if place else {})
        call = _query(url, query, asked, "", headers, client)
        found = inside(_data_of(await in_time(call, check=False), call), at)
        about = inside(found, "pageInfo")
        nodes = inside(found, "nodes")
        if nodes is None and isinstance(edges := inside(found, "edges"), list):
            nodes = [inside(edge, "node") for edge in edges]
        if not isinstance(nodes, list) or not isinstance(about, dict):
            msg = f"there is no connection with nodes and pageInfo at {at!r} in the answer"
            raise ValueError(msg)
        for one in nodes:
            yield one
        if not about.get("hasNextPage"):
            return
        place = str(about.get("endCursor") or "")


@node(reads="http", timeout=30.0)
async def schema(url: str, headers: dict[str, str] | None = None, client: Client | None = None) -> dict[str, Any]:
    """What a server offers (``__schema``): its types, their fields, its directives.

    ``names = [t["name"] for t in graphql.schema(url)["types"]]``
    """
    found: dict[str, Any] = (await _data(_query(url, SCHEMA, None, "", headers, client)))["__schema"]
    return found


def _query(
    url: str,
    text: str,
    variables: dict[str, Any] | None,
    operation: str,
    headers: dict[str, str] | None,
    client: Client | None,
) -> Call:
    return _call(url, text, variables, operation, headers, client, {"query"})


def _call(
    url: str,
    text: str,
    variables: dict[str, Any] | None,
    operation: str,
    headers: dict[str, str] | None,
    client: Client | None,
    fine: set[str],
) -> Call:
    kinds = operations(text)
    if not kinds <= fine:
        msg = f"the text holds a {min(kinds - fine)}, and this node sends a {' or a '.join(sorted(fine))}"
        raise ValueError(msg)
    body = {"query": text} | ({"variables": variables} if variables else {})
    accept = {"accept": "application/graphql-response+json, application/json;q=0.9"}
    content, more = json_content(body | ({"operationName": operation} if operation else {}), accept | (headers or {}))
    return Call(
        method="POST", url=url, headers=more, content=content, client=client or PLAIN, harmless=kinds <= {"query"}
    )


def operations(text: str) -> set[str]:
    """The kinds of the operations in a text: ``query``, ``mutation``, ``subscription``."""
    kinds, depth, begins = set(), 0, True
    for word in _WORD.findall(_IGNORED.sub(" ", text)):
        if begins:  # the first word of a definition; a selection alone is a query
            kinds |= {"query" if word == "{" else word} - {"fragment", "}"}
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(word, 0)
        begins = word == "}" and depth <= 0
    return kinds


async def _data(call: Call) -> dict[str, Any]:
    return _data_of(await exchange(call, check=False), call)


def _data_of(got: Response, call: Call) -> dict[str, Any]:
    """The data of an answer. A server may tell errors with any status."""
    try:
        value = got.json
    except ValueError:
        if got.ok:
            raise
        value = None
    if not isinstance(value, dict) or not ("data" in value or "errors" in value):
        if not got.ok:
            raise http_error(call.method, got)
        msg = f"the answer of {got.url} is JSON, but none of GraphQL"
        raise ValueError(msg)
    data, errors = value.get("data"), value.get("errors")
    if errors or not isinstance(data, dict):
        errors = errors if isinstance(errors, list) else [errors]
        raise GraphQLError(f"{got.url}: {_told(errors)}", errors, data, got.url)
    return data


def _told(errors: list[Any]) -> str:
    """The first errors, with their places."""
    texts = []
    for error in errors[:_ERRORS_SHOWN]:
        told, path = inside(error, "message"), inside(error, "path")
        at = f" (at {'.'.join(map(str, path))})" if isinstance(path, list) and path else ""
        texts.append(f"{told if isinstance(told, str) else 'an error without a message'}{at}"[:500])
    more = len(errors) - len(texts)
    return "; ".join(texts) + (f"; {more} more" if more else "")
