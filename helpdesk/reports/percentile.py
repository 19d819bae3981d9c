"""Percentiles as the reports mean them: the value of an actual row, never one between two."""

from django.db.models import Aggregate, DurationField


class Percentile(Aggregate):
    """`Percentile("took", share=0.9)`: nine in ten took no longer."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()
