"""Refund an order: small sums at once, large ones when somebody has said yes.

cflow run examples/cookbook/approve_refund.py api=https://shop.example.com order=4711 --store .cflow
cflow signal - refund true --key 4711 --store .cflow
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cflow import convert, flow, wait_signal
from cflow.stdlib_nodes import http, log

FREE: Final = 50.0


@dataclass(frozen=True, kw_only=True)
class Order:
    id: int
    total: float
    refunded: bool = False


@flow
def approve_refund(api: str, order: int, patience: timedelta = timedelta(days=2)) -> str:
    """What has become of the refund: "paid", "refused" (or nobody has answered in time), or "paid before"."""
    found = convert(http.get_json.options(retry=3, timeout=10)(f"{api}/orders/{order}"), Order)
    if found.refunded:
        return "paid before"
    if found.total > FREE:
        log.info(f"the refund of {found.total:.2f} for order {order} waits for an approval")
        agreed = wait_signal("refund", order, timeout=patience, default=False)
        if agreed is not True:
            http.post.options(timeout=10)(f"{api}/orders/{order}/notes", json={"text": "refund refused"})
            return "refused"
    # The key makes it safe to ask again: after a lost answer, and after a crash.
    http.post.options(retry=5, timeout=10)(
        f"{api}/refunds",
        json={"order": order, "amount": found.total},
        headers={"idempotency-key": f"refund-{order}"},
    )
    return "paid"
