"""The nodes of the orders example: a small shop in an SQLite file, with stock, payments and parcels.

Each node is one short database transaction of its own, as calls to separate services would be; that an order is settled
whole or not at all is the flow's doing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cflow import node


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a customer wants. ``qty`` pieces of one article."""

    id: int
    sku: str
    qty: int = 1
    card: str
    total: float


class OutOfStock(Exception):
    """There are not enough pieces left."""


class CardDeclined(Exception):
    """The bank says no."""


class GatewayBusy(Exception):
    """The payment gateway asks for another try."""


class Damaged(Exception):
    """Packing found a broken piece."""


SCHEMA = """
create table stock (sku text primary key, pieces integer not null check (pieces >= 0));
create table holds (id integer primary key, sku text not null, qty integer not null);
create table payments (id integer primary key, card text not null, amount real not null, refunded integer default 0);
create table parcels (id integer primary key, order_id integer unique, hold integer, payment integer);
create table diary (id integer primary key, what text not null);
create table attempts (card text primary key, tries integer not null);
insert into stock values ('lamp', 5), ('chair', 2), ('vase', 3);
"""


@contextmanager
def _database(shop: str | Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(shop, timeout=30, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")


def _note(connection: sqlite3.Connection, what: str) -> None:
    connection.execute("insert into diary (what) values (?)", (what,))


@node(writes="shop")
def open_shop(path: str) -> str:
    """A new shop with full shelves; one that was there is cleared away. Gives its path."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return path


@node(pure=True)
def morning_orders() -> list[Order]:
    """What came in over night. Some of it cannot be settled."""
    return [
        Order(id=1, sku="lamp", card="4242", total=40.0),
        Order(id=2, sku="lamp", qty=2, card="4000-busy", total=80.0),
        Order(id=3, sku="chair", card="4000-declined", total=120.0),
        Order(id=4, sku="chair", qty=3, card="4242", total=360.0),
        Order(id=5, sku="vase", card="4343", total=25.0),
        Order(id=6, sku="vase", qty=2, card="4444", total=50.0),
        Order(id=7, sku="chair", card="4545", total=120.0),
    ]


@node(writes="shop")
def reserve(shop: str, sku: str, qty: int) -> int:
    """Take pieces off the shelf; gives the number of the hold."""
    with _database(shop) as db:
        taken = db.execute("update stock set pieces = pieces - ? where sku = ? and pieces >= ?", (qty, sku, qty))
        if not taken.rowcount:
            msg = f"fewer than {qty} {sku} left"
            raise OutOfStock(msg)
        hold = db.execute("insert into holds (sku, qty) values (?, ?)", (sku, qty)).lastrowid
        _note(db, f"reserve {qty} {sku}")
        return int(hold or 0)


@node(writes="shop")
def release(shop: str, hold: int) -> None:
    """Put the pieces of a hold back."""
    with _database(shop) as db:
        sku, qty = db.execute("delete from holds where id = ? returning sku, qty", (hold,)).fetchone()
        db.execute("update stock set pieces = pieces + ? where sku = ?", (qty, sku))
        _note(db, f"release {qty} {sku}")


@node(writes="bank")
def charge(shop: str, card: str, amount: float) -> int:
    """Take money from a card; gives the number of the payment. The card ``...-busy`` works at the second try only."""
    with _database(shop) as db:
        tries = db.execute(
            "insert into attempts values (?, 1) on conflict do update set tries = tries + 1 returning tries", (card,)
        ).fetchone()[0]
    if card.endswith("busy") and tries == 1:
        msg = "the gateway is busy"
        raise GatewayBusy(msg)
    if card.endswith("declined"):
        msg = f"no money on card {card}"
        raise CardDeclined(msg)
    with _database(shop) as db:
        payment = db.execute("insert into payments (card, amount) values (?, ?)", (card, amount)).lastrowid
        _note(db, f"charge {card}")
        return int(payment or 0)


@node(writes="bank")
def refund(shop: str, payment: int) -> None:
    """Give the money of a payment back."""
    with _database(shop) as db:
        row = db.execute("update payments set refunded = 1 where id = ? returning card", (payment,)).fetchone()
        _note(db, f"refund {row[0]}")


@node(writes="shop")
def ship(shop: str, order: Order, hold: int, payment: int) -> str:
    """Pack the pieces; gives the number on the parcel. Two vases in one parcel do not survive it."""
    if order.sku == "vase" and order.qty > 1:
        msg = f"a {order.sku} of order {order.id} broke while being packed"
        raise Damaged(msg)
    with _database(shop) as db:
        db.execute("insert into parcels (order_id, hold, payment) values (?, ?, ?)", (order.id, hold, payment))
        _note(db, f"ship {order.id}")
    return f"parcel-{order.id}"


@node(reads="shop")
def shelves(shop: str) -> dict[str, int]:
    """How many pieces of each article are left."""
    with _database(shop) as db:
        return dict(db.execute("select sku, pieces from stock order by sku"))


@node(reads="bank")
def takings(shop: str) -> float:
    """The money that was taken and not given back."""
    with _database(shop) as db:
        return float(db.execute("select coalesce(sum(amount), 0) from payments where not refunded").fetchone()[0])
