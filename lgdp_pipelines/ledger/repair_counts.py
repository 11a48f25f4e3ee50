"""Counts of repairs in the ledger, with the judgement that they belong to.

What belongs here: writing them down and reading them back. What does not: what a repair is (``repairs``).
"""

from collections.abc import Sequence

import sqlalchemy as sa

from lgdp_pipelines.handover.repairs import Repair, RepairKind
from lgdp_pipelines.ledger.query_schema import REPAIR


def keep(connection: sa.Connection, submission_id: str, judgement: int, repairs: Sequence[Repair]) -> None:
    """Keep what a judgement has repaired."""
    if repairs:
        rows = [
            {"table_name": one.table, "item": one.item, "kind": one.kind.value, "cells": one.cells} for one in repairs
        ]
        connection.execute(
            sa.insert(REPAIR), [{"submission_id": submission_id, "judgement": judgement, **row} for row in rows]
        )


def kept(connection: sa.Connection, submission_id: str, judgement: int) -> tuple[Repair, ...]:
    """What a judgement has repaired, by table, item and kind."""
    rows = connection.execute(
        sa.select(REPAIR)
        .where(REPAIR.c.submission_id == submission_id, REPAIR.c.judgement == judgement)
        .order_by(REPAIR.c.table_name, REPAIR.c.item, REPAIR.c.kind)
    )
    return tuple(Repair(one.table_name, one.item, RepairKind(one.kind), one.cells) for one in rows)
