"""Days of tickets, changes and killed sweepers against the model (`manage.py simulate`); a wrong product is noticed.

Each run has a database of its own, since sweepers are processes that really commit and really die.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.servers import template

# The product with a fault: steps fire, but nobody writes down that a deadline has passed.
FAULTY = """
import sys
import django
django.setup()
from django.core.management import call_command
from helpdesk.escalation import sweep
sweep.pure.settle = lambda clock, *, now, owner: []
call_command("simulate", *sys.argv[1:])
"""
NAME = "helpdesk_simulation"


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Where a process finds a new database on the tests' server."""
    server = connection.get_connection_params()
    where = {name: server[name] for name in ("host", "port", "user", "password") if server.get(name)}
    with psycopg.connect(**where, dbname="postgres", autocommit=True) as own:
        own.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        own.execute(f"CREATE DATABASE {NAME} TEMPLATE {template() or 'template1'}")
        yield {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"postgres://{server['user']}@/{NAME}?host={server['host']}",
        }
        own.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def run(*command: str, environment: dict[str, str]) -> tuple[int, dict]:
    """Exit status, and the outcome that it printed last."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "{\n" in done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout[done.stdout.index("{\n") :])


@pytest.mark.slow
@pytest.mark.django_db
def test_what_the_product_does_is_what_the_model_says(environment):
    size = ["--tickets=150", "--kills=10", "--days=3", "--accounts=12", "--seed=7"]
    status, outcome = run("manage.py", "simulate", *size, environment=environment)
    assert (status, outcome["differences"], outcome["verify_clocks"]["differing"]) == (0, [], 0)
    for dates in ("due", "created", "replied"):
        report = outcome[f"verify_report by {dates}"]
        assert (report["differing"], report["compared"] > 50) == (0, True)
    assert outcome["deaths"]["killed"] >= 10
    assert (outcome["acts"]["open"], outcome["compared"]["tickets at the end"]) == (150, 150)
    assert outcome["fired"] > 100
    assert outcome["superseded"] > 20


@pytest.mark.slow
@pytest.mark.django_db
def test_a_product_with_a_fault_is_noticed(environment):
    size = ["--tickets=25", "--kills=0", "--days=1", "--accounts=3", "--seed=7"]
    status, outcome = run("-c", FAULTY, *size, environment=environment)
    assert status == 1
    assert outcome["differing"] > 0
