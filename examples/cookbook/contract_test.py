"""Test that an API keeps its contract: each answer against its JSON Schema, with a JUnit report for the CI.

cflow run examples/cookbook/contract_test.py api=https://api.example.com contract=contract.yaml
"""

from dataclasses import dataclass, field
from typing import Any

from cflow import collect, convert, flow, parallel
from cflow.stdlib_nodes import http, log, validate, xml, yaml


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What is promised of one address: `schema` is the name of one in the contract."""

    path: str
    status: int = 200
    schema: str = ""


@dataclass(frozen=True, kw_only=True)
class Contract:
    promises: list[Promise]
    schemas: dict[str, Any] = field(default_factory=dict)


@flow
def broken(api: str, promise: Promise, contract: Contract) -> list[str]:
    """What is wrong with one answer."""
    answer = http.get.options(retry=2, timeout=10)(f"{api}{promise.path}", check=False)
    if answer.status != promise.status:
        return [f"the status is {answer.status}, not {promise.status}"]
    if not promise.schema:
        return []
    schema = {**contract.schemas[promise.schema], "$defs": contract.schemas}
    return [f"{p.path or 'the answer'}: {p.message}" for p in validate.problems(answer.json, schema)]


@flow
def contract_test(api: str, contract: str, out: str = "junit.xml") -> int:
    """How many promises are kept; fails, after the report is written, if one is not."""
    agreed = convert(yaml.read(contract), Contract)
    done = collect((promise.path, broken(api, promise, agreed)) for promise in parallel(agreed.promises, limit=8))
    found = done.ok + [(bad.item.path, [f"{bad.error}"]) for bad in done.failed]
    failed = [path for path, problems in found if problems]
    cases = []
    for path, problems in found:
        entry = {"@name": path, "@classname": "contract"}
        cases.append({**entry, "failure": "\n".join(problems)} if problems else entry)
    suite = {"@name": "contract", "@tests": f"{len(found)}", "@failures": f"{len(failed)}", "testcase": cases}
    xml.write(out, {"testsuite": suite})
    assert not failed, f"{len(failed)} of {len(found)} promises are broken: {', '.join(failed)}"
    log.info(f"{len(found)} promises are kept")
    return len(found)
