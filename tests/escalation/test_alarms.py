"""Alarms in words: whoever is woken reads what was found, at its worst, and what to do (SPEC 2.5)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from helpdesk.escalation import alarms

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)  # a Tuesday
TODAY, MONDAY = NOW - timedelta(minutes=5), NOW - timedelta(days=1)
WATCHDOG = (
    "Until it runs again the watchdog sweeps and delivers in its place, so that no step is missed. "
    "Look at worker, beat and broker."
)
SERVER = "Look at the mail server, and at the last errors in the outbox. None is lost."
AGAIN = "Look at their last error in the outbox, and send them again."
POLICY = (
    "What its policy or calendar says cannot be read; the worker's log names it. "
    "Its steps are kept, and fire once it is mended."
)
REBUILD = "manage.py verify_clocks names them, manage.py rebuild_clocks makes them again."
DAILY = "It is done once a day: look at beat, or run manage.py verify_clocks."


@pytest.fixture(autouse=True)
def _in_utc():
    with timezone.override(UTC), translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("name", "figures", "words"),
    [
        ("sweep_late", {}, f"No sweep has run yet. {WATCHDOG}"),
        ("sweep_late", {"last_at": None, "oldest_at": None}, f"No sweep has run yet. {WATCHDOG}"),
        ("sweep_late", {"last_at": TODAY.isoformat()}, f"The last sweep ran at 12:00. {WATCHDOG}"),
        (
            "sweep_late",
            {"last_at": TODAY, "oldest_at": MONDAY},
            f"The last sweep ran at 12:00. A clock has been due since Mon 12:05. {WATCHDOG}",
        ),
        ("mail_waiting", {"count": 1, "oldest_at": TODAY}, f"1 mail waits, since 12:00. {SERVER}"),
        ("mail_waiting", {"count": 2, "oldest_at": MONDAY}, f"2 mails wait, the oldest since Mon 12:05. {SERVER}"),
        ("mail_dead", {"count": 1}, f"1 mail was given up. {AGAIN}"),
        ("mail_dead", {"count": 2}, f"2 mails were given up. {AGAIN}"),
        ("clocks_unreadable", {"count": 1}, f"1 clock cannot be reckoned. {POLICY}"),
        ("clocks_unreadable", {"count": 2}, f"2 clocks cannot be reckoned. {POLICY}"),
        (
            "clocks_differ",
            {"count": 1, "last_at": TODAY},
            f"At 12:00 1 clock was not what its events say. {REBUILD}",
        ),
        (
            "clocks_differ",
            {"count": 2, "last_at": MONDAY},
            f"At Mon 12:05 2 clocks were not what their events say. {REBUILD}",
        ),
        ("verify_late", {}, f"Clocks were never compared with their events. {DAILY}"),
        (
            "verify_late",
            {"last_at": MONDAY},
            f"Clocks were last compared with their events at Mon 12:05. {DAILY}",
        ),
        ("of_a_later_version", {"count": 1}, ""),
    ],
)
def test_what_was_found_and_what_to_do(name, figures, words):
    assert alarms.sentences(name, figures, now=NOW) == words


def test_each_alarm_has_a_title_and_sentences_and_an_unknown_one_its_name():
    assert {name: alarms.title(name) for name in alarms.TITLES} == {
        "sweep_late": "The sweep is late",
        "mail_waiting": "Mail does not leave",
        "mail_dead": "Mail was given up",
        "clocks_unreadable": "A clock cannot be reckoned",
        "clocks_differ": "Clocks differ from their events",
        "verify_late": "Clocks have not been verified",
        "secrets_lost": "Secrets can't be read",
    }
    assert alarms.title("of_a_later_version") == "of_a_later_version"
    assert alarms._SENTENCES.keys() == alarms.TITLES.keys()
