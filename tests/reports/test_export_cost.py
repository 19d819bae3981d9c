"""A file of a million rows: written while it is read, at the memory of one chunk (SPEC 2.9)."""

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

import pytest

from helpdesk.reports.breaches import Filters, Target, judged, latest_first, stream
from helpdesk.reports.export import csv_chunks, xlsx
from helpdesk.sla.models import Clock
from tests.factories import make_ticket
from tests.reports.test_breach_figures import NOVEMBER

pytestmark = pytest.mark.django_db
FILTERS = Filters(period=NOVEMBER)


def csv(chunks: Iterator[list[Target]]) -> None:
    for _piece in csv_chunks(chunks, filters=FILTERS):
        pass


def workbook(chunks: Iterator[list[Target]]) -> None:
    xlsx(chunks, filters=FILTERS, title="Targets").close()


@pytest.fixture
def target(now) -> Target:
    make_ticket(now=now)
    (chunk,) = stream(latest_first(judged(Clock.objects.all(), now=now + timedelta(days=1))))
    return chunk[0]


@pytest.mark.parametrize("write", [csv, workbook])
def test_memory_does_not_grow_with_the_rows(target, write):
    def most(chunks: int) -> int:
        tracemalloc.start()
        write([target] * 200 for _chunk in range(chunks))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(1)  # what is imported and kept once
    few, many = most(2), most(20)
    assert many < few * 1.3 + 50_000


@pytest.mark.parametrize("rows", [2, 7])
def test_rows_come_through_one_cursor(now, rows, django_assert_num_queries):
    for _row in range(rows):
        make_ticket(now=now)
    clocks = latest_first(judged(Clock.objects.all(), now=now + timedelta(days=1)))
    with django_assert_num_queries(1):  # nobody owns one, whose name would be asked for once a chunk
        assert [len(chunk) for chunk in stream(clocks, chunk=3)] == [*[3] * (rows // 3), rows % 3]
