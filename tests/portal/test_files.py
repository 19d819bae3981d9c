"""Files as the customer gets them: those of public messages of their own tickets, and no others."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.tickets import services
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def files(kestrel, now):
    """One of a reply, one of a note, one that waits in a draft; all of one ticket."""
    ticket, writer = make_ticket(kestrel.mina, now=now), StaffFactory()

    def attach(name):
        upload = SimpleUploadedFile(name, b"It broke.")
        return services.attach_file(ticket=ticket, actor=writer, upload=upload, now=now)

    public, internal = attach("list.csv"), attach("wages.csv")
    services.reply(ticket=ticket, actor=writer, body="See the list.", now=now, attachments=[public])
    services.add_note(ticket=ticket, actor=writer, body="Wages", now=now, attachments=[internal])
    return ticket, public, internal, attach("draft.csv")


def url(ticket, file) -> str:
    return f"/tickets/{ticket.pk}/files/{file.pk}/"


def test_the_file_of_a_reply_is_on_the_page_and_a_download(files, kestrel, sign_in):
    ticket, public, internal, waiting = files
    client = sign_in(kestrel.mina)
    page = client.get(f"/tickets/{ticket.pk}/").content.decode()
    assert f'href="{url(ticket, public)}" download' in page
    assert "wages.csv" not in page
    answer = client.get(url(ticket, public))
    assert answer.content == b"It broke."
    assert answer.headers["Content-Disposition"] == 'attachment; filename="list.csv"'
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    for file in (internal, waiting):
        assert client.get(url(ticket, file)).status_code == 404


def test_who_may_not_read_the_ticket_gets_no_file_of_it(files, kestrel, sign_in, now):
    ticket, public, *_rest = files
    assert sign_in(kestrel.tomas).get(url(ticket, public)).status_code == 200  # super admin of the account
    assert sign_in(kestrel.aoife).get(url(ticket, public)).status_code == 404
    stranger = DesignatedFactory()
    theirs = make_ticket(stranger, now=now)
    assert sign_in(stranger).get(url(ticket, public)).status_code == 404
    assert sign_in(stranger).get(url(theirs, public)).status_code == 404
