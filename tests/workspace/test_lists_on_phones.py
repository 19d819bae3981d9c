"""What a list says on a phone, where a row is a card: each cell with what its column is called."""

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.workspace.operations import MAILS
from tests.factories import AccountFactory, StaffFactory

pytestmark = pytest.mark.django_db


def test_each_cell_carries_the_name_of_its_column(client):
    client.force_login(StaffFactory(staff_role=StaffRole.MANAGER, language="en"))
    AccountFactory(name="Kestrel <b>")
    page = client.get("/admin/helpdesk/account/").content.decode()
    assert '<td data-label="Time zone" class="field-time_zone">' in page
    assert "Kestrel &lt;b&gt;" in page


def test_every_mail_is_called_by_a_name(settings):
    templates = (settings.BASE_DIR / "templates" / "mail").glob("*.subject.txt")
    assert sorted(path.name.removesuffix(".subject.txt") for path in templates) == sorted(MAILS)
