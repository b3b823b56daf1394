"""Orders: each one is settled whole, or leaves no trace. The twin of `orders.cflow`: both have one digest.

cflow run examples/orders.py
"""

from typing import Any

from shop import (
    CardDeclined,
    Order,
    charge,
    morning_orders,
    open_shop,
    refund,
    release,
    reserve,
    shelves,
    ship,
    takings,
)

from cflow import collect, flow, parallel, transaction
from cflow.stdlib_nodes import log


@flow
def settle(shop: str, order: Order, tries: int = 2) -> str:
    """Ship one order, or leave no trace of it."""
    with transaction(timeout=60):
        hold = reserve.options(undo=lambda hold: release(shop, hold))(shop, order.sku, order.qty)
        payment = charge.options(retry=tries, timeout=10, undo=lambda payment: refund(shop, payment))(
            shop, order.card, order.total
        )
        return ship(shop, order, hold, payment)


@flow
def orders(out: str = "orders-out", limit: int = 4) -> dict[str, Any]:
    """Settle what came in over night, at most `limit` at once."""
    shop = open_shop(f"{out}/shop.db")
    done = collect(settle(shop, order) for order in parallel(morning_orders(), limit=limit))

    for bad in done.failed:
        log.warning(f"order {bad.item.id} is not settled: {bad.error}")
    declined = [bad.item.id for bad in done.failed if isinstance(bad.error, CardDeclined)]
    return {
        "parcels": done.ok,
        "failed": [bad.item.id for bad in done.failed],
        "declined": declined,
        "shelves": shelves(shop),
        "takings": takings(shop),
    }


if __name__ == "__main__":
    print(orders.run())
