"""Stub while the rest is tested."""

from projections.follow import Projection


async def apply(connection, batch): ...


PROJECTION = Projection(name="timeout_alerts", apply=apply, rows={}, remove={}, refusals=True)
