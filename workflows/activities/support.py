"""A shop's orders, made up: what stands in for the system that a real support agent would ask."""

from __future__ import annotations

from typing import Any

from temporalio import activity

from workflows.stubs.support import OrderQuery

ORDERS: dict[str, dict[str, Any]] = {
    "A-1001": {
        "customer": "Northwind Traders",
        "item": "40 pallets",
        "total": 420.0,
        "state": "nine days late",
    },
    "A-1002": {
        "customer": "Dora Lindqvist",
        "item": "desk lamp",
        "total": 42.5,
        "state": "delivered, broken",
    },
    "A-1003": {"customer": "Ferry & Sons", "item": "sailcloth, 30 m", "total": 1180.0, "state": "on its way"},
}


@activity.defn
async def find_order(query: OrderQuery) -> dict[str, Any]:
    order_id = query.order_id.strip().upper()
    if order_id not in ORDERS:
        return {"error": f"There is no order {order_id}. There are {', '.join(ORDERS)}."}
    return {"order_id": order_id, **ORDERS[order_id]}
