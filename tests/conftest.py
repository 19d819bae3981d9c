"""What every test has at hand. Servers come from `tests/servers.py`, objects from `tests/factories.py`."""

from datetime import UTC, datetime

import pytest

# A Tuesday, 13:05 in Berlin.
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)


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
    settings.SECURE_SSL_REDIRECT = False
