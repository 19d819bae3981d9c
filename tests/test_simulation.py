"""A few days of a simulated service, with sweepers that are killed, agree with the slow and obvious model.

The command does the same with hundreds of thousands of tickets (docs/verification.md).
"""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.core.test_run import SERVERS_OF_THE_TESTS


@pytest.mark.slow
def test_days_of_work_and_killed_sweepers_leave_no_difference():
    """On servers of its own: it opens, answers, pauses, merges, changes rules, and kills what sweeps meanwhile."""
    env = {name: value for name, value in os.environ.items() if name not in SERVERS_OF_THE_TESTS}
    simulate = [sys.executable, "manage.py", "simulate", "--tickets=200", "--kills=10", "--days=4", "--seed=11"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers", *simulate],
        cwd=settings.BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    outcome = json.loads("{\n" + done.stdout.rpartition("\n{\n")[2])  # behind the lines of progress
    assert outcome["differences"] == 0
    assert outcome["kills"] >= 10
    assert outcome["tickets"] >= 200
