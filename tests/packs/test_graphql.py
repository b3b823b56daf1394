"""The graphql pack against a server on loopback."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st
from webserver import Asked, Said, Web

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import graphql
from cflow.stdlib_nodes.graphql import operations

QUERY = (
    "query($after: String) "
    "{ viewer { repos(first: 2, after: $after) { nodes { n } pageInfo { hasNextPage endCursor } } } }"
)


def run(node: Any, *args: Any, **more: Any) -> Any:
    async def main() -> Any:
        with trio.fail_after(20):
            if not node.spec.is_stream:
                return await node.fn(*args, **more)
            return [item async for item in node.fn(*args, **more)]

    return trio.run(main)


def says(data: Any = None, errors: Any = None, status: int = 200) -> Any:
    return lambda _: Said(json.dumps({"data": data} | ({"errors": errors} if errors is not None else {})), status)


def test_what_is_sent(web: Web) -> None:
    web.on["/"] = lambda asked: Said(json.dumps({"data": {"asked": json.loads(asked.body), "headers": asked.headers}}))
    found = run(graphql.query, web.url, "query A { a } query B { b }", {"id": 7}, operation="B", headers={"x-key": "k"})
    assert found["asked"] == {
        "query": "query A { a } query B { b }", "variables": {"id": 7}, "operationName": "B"
    }  # fmt: skip
    assert (found["headers"]["content-type"], found["headers"]["x-key"]) == ("application/json", "k")
    assert found["headers"]["accept"].startswith("application/graphql-response+json")
    found = run(graphql.mutate, web.url, "mutation { go }", client=graphql.Client(auth="token-7"))
    assert found["asked"] == {"query": "mutation { go }"}
    assert found["headers"]["authorization"] == "Bearer token-7"


def test_errors_keep_what_came(web: Web) -> None:
    errors = [{"message": "no access", "path": ["user", 0, "mail"]}, {"message": "slow"}, {}, "odd", None]
    web.on["/"] = says({"user": [{"mail": None}]}, errors)
    with pytest.raises(graphql.GraphQLError) as caught:
        run(graphql.query, web.url, "{ user { mail } }")
    text = f"{web.url}: no access (at user.0.mail); slow; an error without a message; 2 more"
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (str(error), error.data, error.errors) == (text, {"user": [{"mail": None}]}, errors)
    for status in (200, 400, 503):  # a server may tell errors with any status
        web.on["/"] = says(None, [{"message": "bad " * 1000}], status)
        with pytest.raises(graphql.GraphQLError, match="bad bad") as caught:
            run(graphql.query, web.url, "{ a }")
        assert (caught.value.data, len(str(caught.value)) < 600) == (None, True)
    module = cflow.loads(
        """
import graphql

flow main(url: str) -> str:
    try:
        return str(graphql.query(url, "{ a }"))
    except graphql.GraphQLError as e:
        return f"{e.data}, {len(e.errors)}"
"""
    )
    web.on["/"] = says({"a": 1, "b": None}, [{"message": "no b"}])
    assert module.main.run(web.url) == "{'a': 1, 'b': None}, 1"


@pytest.mark.parametrize(
    ("body", "status", "kind", "text"),
    [
        ("no such page", 404, graphql.HttpError, "answered 404: no such page"),
        ('{"message": "who?"}', 401, graphql.HttpError, "answered 401"),
        ("<html>", 200, ValueError, "is not JSON"),
        ("[1]", 200, ValueError, "none of GraphQL"),
        ('{"data": null}', 200, graphql.GraphQLError, "an error without a message"),
        ('{"data": [1], "errors": "no"}', 200, graphql.GraphQLError, "an error without a message"),
    ],
)
def test_answers_that_are_none(web: Web, body: str, status: int, kind: type[Exception], text: str) -> None:
    web.on["/"] = lambda _: Said(body, status)
    with pytest.raises(kind, match=text):
        run(graphql.query, web.url, "{ a }")


def connection(nodes: Any, more: bool, cursor: Any, edges: bool = False) -> Any:
    inner = {"edges": [{"node": n} for n in nodes]} if edges else {"nodes": nodes}
    return {"viewer": {"repos": inner | {"pageInfo": {"hasNextPage": more, "endCursor": cursor}}}}


def test_a_connection_page_by_page(web: Web) -> None:
    def said(asked: Asked) -> Said:
        variables = json.loads(asked.body).get("variables", {})
        at = int(variables.get("after", 0))
        return Said(json.dumps({"data": connection([at, at + 1], at < 4, str(at + 2), edges=at == 2)}))

    web.on["/"] = said
    assert run(graphql.items, web.url, QUERY, "viewer.repos", {"first": 2}) == [0, 1, 2, 3, 4, 5]
    assert [json.loads(a.body)["variables"] for a in web.asked] == [
        {"first": 2}, {"first": 2, "after": "2"}, {"first": 2, "after": "4"}
    ]  # fmt: skip
    module = cflow.loads(
        f"""
import graphql

flow main(url: str) -> list[int]:
    some = for n in graphql.items(url, "{QUERY}", "viewer.repos"):
        if n > 2:
            break
        yield n
    return some
"""
    )
    assert module.main.run(web.url) == [0, 1, 2]


def test_connections_that_lead_astray(web: Web) -> None:
    def fails(text: str, **how: Any) -> None:
        with pytest.raises(ValueError, match=text):
            run(graphql.items, web.url, QUERY, "viewer.repos", **how)

    web.on["/"] = says(connection([1], True, "same"))
    fails("page 2 leads back to one that was read before")
    web.on["/"] = says(connection([1], True, None))
    fails("page 1 leads back")
    web.on["/"] = lambda _: Said(json.dumps({"data": connection([1], True, len(web.asked))}))
    fails(r"more than 7 pages \(limit=\)", limit=7)
    for odd in ({"viewer": {"repos": {"nodes": [1]}}}, {"viewer": {"repos": {"pageInfo": {}}}}, {"viewer": [1]}, {}):
        web.on["/"] = says(odd)
        fails("there is no connection with nodes and pageInfo at 'viewer.repos'")
    with pytest.raises(graphql.GraphQLError, match="no"):
        web.on["/"] = says(connection([1], False, ""), [{"message": "no"}])
        run(graphql.items, web.url, QUERY, "viewer.repos")


def test_the_schema(web: Web) -> None:
    web.on["/"] = says({"__schema": {"types": [{"name": "Query"}]}})
    assert run(graphql.schema, web.url) == {"types": [{"name": "Query"}]}
    assert operations(json.loads(web.asked[0].body)["query"]) == {"query"}


KINDS = [
    ("{ a }", {"query"}),
    ("query A { a }", {"query"}),
    ("mutation { a }", {"mutation"}),
    ("# mutation { a }\nquery { a }", {"query"}),
    ('{ a(x: "} mutation {") }', {"query"}),
    ('{ a(x: """ " } mutation { \\""" } mutation { """) } mutation { b }', {"query", "mutation"}),
    ('{ a(x: "\\"} mutation {") }', {"query"}),
    ("fragment mutation on X { a } query { a }", {"query"}),
    ("query($a: X = {b: 1}, $mutation: Y) { mutation { subscription } }", {"query"}),
    ("fragment F on X { a }\nsubscription S @d(a: {b: 1}) { a }", {"subscription"}),
    ("", set()),
]


@pytest.mark.parametrize(("text", "kinds"), KINDS)
def test_the_kinds_of_operations(text: str, kinds: set[str]) -> None:
    assert operations(text) == kinds


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(['"', '"""', "\\", "{", "}", "(", ")", "#", "\n", "query", " mutation ", "é"])).map(
        "".join
    )
)
def test_no_text_is_too_much(text: str) -> None:
    operations(text * 50)


def test_a_node_sends_what_it_says(web: Web) -> None:
    with pytest.raises(ValueError, match="the text holds a mutation, and this node sends a query"):
        run(graphql.query, web.url, "query { a } mutation M { b }")
    with pytest.raises(ValueError, match="holds a subscription"):
        run(graphql.mutate, web.url, "subscription { a }")
    assert web.asked == []


def test_only_hosts_that_were_granted(web: Web) -> None:
    web.on["/"] = says({"a": 1})
    for node in (graphql.query, graphql.schema):
        with under(Permissions.of(["net:*"])), pytest.raises(PermissionError, match="not allowed to reach"):
            run(node, web.url, *(["{ a }"] if node is graphql.query else []))
    assert web.asked == []
    text = "import graphql\nflow main(url: str) -> Any:\n    return graphql.query(url, '{ a }')\n"
    guest = cflow.loads(text, allow=["net:localhost"])
    assert guest.main.run(web.url) == {"a": 1}
