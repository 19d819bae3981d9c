"""What every test has at hand. Servers come from `tests/servers.py`, objects from `tests/factories.py`."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import TransactionTestCase
from django.utils import translation
from psycopg.errors import DeadlockDetected
from pytest_django.plugin import blocking_manager_key

from tests.servers import is_ours, template

# A Tuesday, 13:05 in Berlin.
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", help="a directory to keep the pictures of the pages in")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many as there are cores with `-n logical`; with `-n auto` one more, as some tests wait for processes."""
    return (os.cpu_count() or 1) + (config.option.numprocesses == "auto")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts whole processes goes first, so that no long file is left for the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix) -> None:
    """Each process's database is a copy of one whose tables were made once."""
    connection.settings_dict["TEST"]["TEMPLATE"] = template()


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
    # Counted in one Redis for tests side by side, all from one address: tests of limits set their own.
    settings.ACCOUNT_RATE_LIMITS = False
    settings.REPLY_UNDO_SECONDS = 0  # a reply leaves as it is sent; tests of taking it back say otherwise


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """A page in Japanese leaves its language behind in the thread: the next test speaks English again."""
    translation.deactivate()
    yield
    translation.deactivate()


# Without triggers, that of append-only tables and those of foreign keys. What describes the models stays.
_EMPTY = """
DO $$ DECLARE every_table regclass; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR every_table IN
        SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP EXECUTE format('DELETE FROM %s', every_table); END LOOP;
END $$"""


def pytest_configure() -> None:
    """Where the server is ours, tables are emptied quickly: TRUNCATE and what Django does after it takes 0.1 s more."""
    if is_ours():
        TransactionTestCase._fixture_teardown = _empty


def _empty(_case: TransactionTestCase) -> None:
    """Once more where a browser's last request is still at work, in another order."""
    for last in (False, False, False, True):
        try:
            with connection.cursor() as cursor:
                cursor.execute(_EMPTY)
            return
        except OperationalError as error:
            if last or not isinstance(error.__cause__, DeadlockDetected):
                raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """A test that really commits empties all tables after it: give the next one the migrations' rows back.

    Whatever fails on the way: a fixture that complains must not make those that follow look wrong.
    """
    marker = item.get_closest_marker("django_db")
    fixtures = {"transactional_db", "live_server"} & set(item.fixturenames)
    commits = fixtures or (marker and marker.kwargs.get("transaction"))
    try:
        return (yield)
    finally:
        if commits and nextitem is not None:
            with item.config.stash[blocking_manager_key].unblock():
                try:
                    _give_back()
                except OperationalError:  # a test ended the pool's connections: it makes none for a while
                    connection.close()
                    connection.close_pool()
                    _give_back()


def _give_back() -> None:
    """The rows of the migrations, and no others."""
    if apps.get_model("helpdesk", "Hub").objects.exists():  # the tables could not be emptied, or not in time
        call_command("flush", interactive=False, verbosity=0)
    import_module("helpdesk.migrations.0003_operator_policy").seed(apps, None)
    import_module("helpdesk.migrations.0005_engine_data").seed(apps, None)
    import_module("helpdesk.migrations.0007_exceptions").explain(apps, None)
