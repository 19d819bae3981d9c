"""What every test has at hand. Servers come from `tests/servers.py`, objects from `tests/factories.py`."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps

from helpdesk.subscriptions.models import Hub

# A Tuesday, 13:05 in Berlin.
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", help="a directory to keep the pictures of the pages in")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _quick_and_plain(settings, tmp_path):
    """Cheap password hashes, files of this test's own, static files without a manifest."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture(autouse=True)
def _operator_policy(request):
    """A test that really commits empties all tables after it: give the next one the migrations' rows back."""
    marker = request.node.get_closest_marker("django_db")
    commits = (marker and marker.kwargs.get("transaction")) or "live_server" in request.fixturenames
    if commits or "transactional_db" in request.fixturenames:
        request.getfixturevalue("transactional_db")
        if not Hub.objects.exists():
            import_module("helpdesk.migrations.0003_operator_policy").seed(apps, None)
