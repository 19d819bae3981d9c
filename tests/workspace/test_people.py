"""Who may sign in, and as what."""

import pytest
from django.urls import reverse

from helpdesk.accounts.models import User
from helpdesk.privacy.erasure import waiting_erasure
from tests.factories import StaffFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def change(client, person: User, **values):
    fields = {"email": person.email, "full_name": person.full_name, "language": "en", "time_zone": "UTC", **values}
    fields |= {"skills-TOTAL_FORMS": "0", "skills-INITIAL_FORMS": "0"}
    return client.post(f"/admin/helpdesk/user/{person.pk}/change/", fields)


@pytest.mark.parametrize("values", [{"staff_role": "manager", "is_active": "on"}, {"staff_role": "administrator"}])
def test_the_last_administrator_stays_one(client, values):
    last = StaffFactory(staff_role="administrator")
    client.force_login(last, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "last administrator" in change(client, last, **values).content.decode()
    last.refresh_from_db()
    assert (last.staff_role, last.is_active) == ("administrator", True)
    StaffFactory(staff_role="administrator")
    assert change(client, last, **values).status_code == 302


def test_who_may_only_look_reads_the_channels_by_name(client):
    subscription = SubscriptionFactory(channels=["email", "phone"])
    client.force_login(StaffFactory(), backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get(f"/admin/helpdesk/account/{subscription.account_id}/change/").content.decode()
    assert "E-mail, Phone" in page


def test_an_administrator_has_the_data_of_staff_erased_and_cancels_it(client):
    admin, anna = StaffFactory(staff_role="administrator"), StaffFactory(full_name="Anna Meier")
    client.force_login(admin)
    address = reverse("admin:helpdesk_user_erase", args=[anna.pk])
    assert address in client.get(reverse("admin:helpdesk_user_change", args=[anna.pk])).content.decode()
    assert "will be erased in 7 days" in client.post(address, follow=True).content.decode()
    assert waiting_erasure(anna).asked_by == admin
    client.post(address, {"cancel": "1"})
    assert waiting_erasure(anna) is None
    own = reverse("admin:helpdesk_user_erase", args=[admin.pk])
    assert "by an administrator" in client.post(own, follow=True).content.decode()
