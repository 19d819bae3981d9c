"""Shares of small counts, as every report shows them (SPEC 2.6)."""

from decimal import Decimal

FEW = 20  # a share of fewer than this says little, and is marked


def per_cent(part: int, whole: int) -> Decimal | None:
    """Cut to a tenth, so that 100 means all of them; None of nothing."""
    return Decimal(part * 1000 // whole) / 10 if whole else None
