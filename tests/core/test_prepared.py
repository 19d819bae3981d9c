"""What is read by a statement that was made once is what the queryset reads."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import Account, Membership
from helpdesk.core.prepared import Ready
from helpdesk.subscriptions.models import Subscription
from tests.factories import DesignatedFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def rows_of(account_id):
    return Subscription.objects.filter(account_id=account_id).select_related("hub").order_by("id")


def test_objects_their_relations_and_converted_values_are_those_of_the_queryset():
    account = DesignatedFactory().account
    SubscriptionFactory(account=account, channels=["email"], ends_on=date(2027, 3, 1))
    SubscriptionFactory()  # another account's
    (read,) = Ready(rows_of, account_id=int)(account_id=account.pk)
    (known,) = rows_of(account.pk)
    fields = [field.attname for field in Subscription._meta.concrete_fields]
    assert [getattr(read, name) for name in fields] == [getattr(known, name) for name in fields]
    with CaptureQueriesContext(connection) as captured:
        assert (read.hub.name, read._state.adding, read._state.db) == (known.hub.name, False, "default")
    assert not captured.captured_queries


def test_each_reading_is_counted_and_sees_what_is_there_now():
    ready = Ready(lambda user_id: Membership.objects.filter(user_id=user_id), user_id=int)
    person = DesignatedFactory()
    assert ready(user_id=person.user_id) == [person]
    person.delete()
    with CaptureQueriesContext(connection) as captured:
        assert ready(user_id=person.user_id) == []
    assert len(captured.captured_queries) == 1
    assert 'FROM "helpdesk_membership"' in captured.captured_queries[0]["sql"]


@pytest.mark.parametrize("hostile", ["' OR true --", "%s", "$1", "\\", "{}"])
def test_a_value_is_never_part_of_the_statement(hostile):
    ready = Ready(lambda name: Account.objects.filter(name=name).exclude(name="100 %"), name=str)
    account = DesignatedFactory(account__name=hostile).account
    assert ready(name=hostile) == [account]


def test_a_value_that_the_statement_does_not_take_is_noticed():
    with pytest.raises(ValueError, match="day"):
        Ready(lambda account_id, day: rows_of(account_id), account_id=int, day=date)(account_id=1, day=date(2026, 1, 1))


def test_an_instant_that_is_reckoned_from_a_value_moves_with_it():
    def since(now):
        return Account.objects.filter(created_at__gte=now - timedelta(days=30), created_at__lte=now)

    ready = Ready(since, now=datetime)
    for now in (datetime(2026, 11, 24, 12, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)):
        sql, params = since(now).query.sql_with_params()
        assert ready.text(now=now) == (sql, list(params))
