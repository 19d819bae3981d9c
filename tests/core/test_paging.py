"""Pages of lists that nobody counts (SPEC 2.9)."""

import pytest
from django.test import RequestFactory

from helpdesk.core.paging import page_links, page_number, page_of
from helpdesk.core.shares import per_cent


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("1000", 1000), ("1001", 1), ("0", 1), ("-1", 1), ("x", 1), ("", 1), ("²", 1), ("0" * 5 + "9" * 30, 1)],
)
def test_what_is_no_page_is_the_first(text, number):
    assert page_number(RequestFactory().get("/", {"page": text})) == number


def test_a_page_knows_of_an_older_one_without_counting():
    rows = list(range(5))
    assert page_of(rows, number=1, size=2) == ([0, 1], True)
    assert page_of(rows, number=3, size=2) == ([4], False)
    assert page_of(rows, number=9, size=2) == ([], False)


def test_the_addresses_of_other_pages_keep_the_filters():
    assert page_links(1, older=False, q="a&b") == {}
    assert page_links(2, older=True, q="a&b") == {"newer": "?q=a%26b&page=1", "older": "?q=a%26b&page=3"}


def test_a_share_is_cut_so_that_100_means_all_and_nothing_has_none():
    assert [str(per_cent(*counts)) for counts in ((1, 3), (9999, 10000), (5, 5), (0, 0))] == [
        "33.3", "99.9", "100", "None",
    ]  # fmt: skip
