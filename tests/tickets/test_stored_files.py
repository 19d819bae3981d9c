"""The storage is rid of files that no row names, and of no others."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment
from helpdesk.tickets.services.stored_files import clear_orphans
from tests.factories import StaffFactory, make_ticket
from tests.tickets.scenes import OPENED

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def lying(name: str, *, age: timedelta) -> str:
    """A file in the storage that was written so long ago."""
    default_storage.save(name, ContentFile(b"x"))
    return aged(name, age=age)


def aged(name: str, *, age: timedelta) -> str:
    at = (NOW - age).timestamp()
    os.utime(default_storage.path(name), (at, at))
    return name


def all_hours() -> int:
    return sum(clear_orphans(now=NOW + number * HOUR) for number in range(256))


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(default_storage, "_location", str(tmp_path), raising=False)
    for name in ("base_location", "location"):
        default_storage.__dict__.pop(name, None)
        monkeypatch.setitem(default_storage.__dict__, name, str(tmp_path))


def test_a_file_whose_row_never_came_is_deleted_once_it_is_a_day_old():
    orphan = lying("attachments/3f/3f" + "0" * 38, age=DAY + HOUR)
    under_way = lying("attachments/3f/3f" + "1" * 38, age=-256 * HOUR + DAY)
    assert all_hours() == 1
    assert not default_storage.exists(orphan)
    assert default_storage.exists(under_way)


def test_what_a_row_names_stays_however_old_it_is():
    ticket, anna = make_ticket(), StaffFactory()
    upload = SimpleUploadedFile("log.txt", b"It broke.")
    file = services.attach_file(ticket=ticket, actor=anna, upload=upload, now=OPENED)
    aged(file.file.name, age=400 * DAY)
    assert all_hours() == 0
    assert Attachment.objects.get().file.read() == b"It broke."


def test_what_lies_elsewhere_is_nobody_elses_to_delete_and_an_empty_storage_is_no_error():
    assert all_hours() == 0
    other = lying("exports/3f/report.csv", age=9 * DAY)
    assert all_hours() == 0
    assert default_storage.exists(other)


def test_a_pass_deletes_no_more_than_its_limit():
    hour = int(NOW.timestamp() // 3600) % 256
    for number in range(5):
        lying(f"attachments/{hour:02x}/{number:040d}", age=2 * DAY)
    assert [clear_orphans(now=NOW, limit=3) for _ in range(3)] == [3, 2, 0]


def test_one_query_however_many_files_there_are(django_assert_num_queries):
    hour = int(NOW.timestamp() // 3600) % 256
    for number in range(30):
        lying(f"attachments/{hour:02x}/{number:040d}", age=2 * DAY)
    with django_assert_num_queries(1):
        clear_orphans(now=NOW)
