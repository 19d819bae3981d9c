"""The account's own figures for its super admins: what was promised, what was kept, and the tickets behind it."""

from datetime import timedelta

import pytest

from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def kept_and_missed(kestrel, frozen):
    """In October one kept after 20 minutes and one critical that nobody answered; one that runs now."""
    before = frozen - 30 * DAY
    kept, missed = make_ticket(kestrel.mina, now=before), make_ticket(kestrel.mina, critical=True, now=before)
    services.reply(ticket=kept, actor=StaffFactory(), body="Here.", now=before + 20 * MINUTE)
    running = make_ticket(kestrel.mina, now=frozen)
    make_ticket(DesignatedFactory(), now=before, subject="Another company's")
    return kept, missed, running


def test_each_number_and_the_tickets_behind_it(kestrel, sign_in, kept_and_missed):
    kept, missed, running = kept_and_missed
    client = sign_in(kestrel.tomas)
    page = client.get("/account/figures/")
    read = page.context["read"]
    assert (read.guaranteed.figures.due, read.guaranteed.figures.met, read.guaranteed.figures.late) == (2, 1, 1)
    (october,) = read.months
    assert (october.month.isoformat(), october.critical.due, october.standard.met) == ("2026-10-01", 1, 1)
    assert (october.p50, october.p90) == (20 * MINUTE, 20 * MINUTE)
    assert [clock.ticket_id for clock in read.open] == [running.pk]
    assert [clock.ticket_id for clock in read.missed] == [missed.pk]
    assert "Why: being looked into" in page.text
    for query, found in {
        "": {kept.pk, missed.pk},
        "month=2026-10&outcome=met": {kept.pk},
        "month=2026-10&severity=critical": {missed.pk},
        "month=2026-09": set(),
        "outcome=late": {missed.pk},
        "open=1": {running.pk},
        "promise=objective": set(),
        "month=soon&outcome=x&page=-1": {kept.pk, missed.pk},
    }.items():
        rows = client.get(f"/account/figures/tickets/?{query}").context["clocks"]
        assert {clock.ticket_id for clock in rows} == found, query


def test_without_anything_due_there_is_a_dash_and_no_hundred_per_cent(kestrel, sign_in, frozen):
    page = sign_in(kestrel.tomas).get("/account/figures/").text
    assert "Nothing fell due" in page
    assert '<p class="fig fig-m">–</p>' in page
    assert "100" not in page


@pytest.mark.parametrize("path", ["/account/figures/", "/account/figures/tickets/"])
def test_who_may_not_see_all_tickets_finds_no_figures(kestrel, sign_in, path):
    assert sign_in(kestrel.aoife).get(path).status_code == 404
    assert "/account/figures/" not in sign_in(kestrel.aoife).get("/account/").text
    assert "/account/figures/" in sign_in(kestrel.tomas).get("/account/").text


@pytest.mark.parametrize("path", ["/account/figures/", "/account/figures/tickets/"])
def test_queries_do_not_grow_with_the_rows(kestrel, sign_in, frozen, django_assert_num_queries, path):
    client = sign_in(kestrel.mina)

    def fill(count):
        for n in range(count):
            make_ticket(kestrel.mina, now=frozen - (n % 3 + 1) * 20 * DAY)
            make_ticket(kestrel.mina, now=frozen)

    fill(1)
    client.get(path)
    with django_assert_num_queries(15, exact=False) as few:
        client.get(path)
    fill(29)
    with django_assert_num_queries(len(few), exact=True):
        client.get(path)
    assert Clock.objects.count() == 60


def test_a_long_list_has_older_pages(kestrel, sign_in, frozen):
    for n in range(27):
        make_ticket(kestrel.mina, now=frozen - DAY - n * MINUTE)
    client = sign_in(kestrel.mina)
    assert client.get("/account/figures/tickets/?outcome=late").context["links"] == {"older": "?outcome=late&page=2"}
    last = client.get("/account/figures/tickets/?outcome=late&page=2").context
    assert (len(last["clocks"]), last["links"]) == (2, {"newer": "?outcome=late&page=1"})
