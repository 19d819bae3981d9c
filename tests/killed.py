"""A process of its own on the test's database, that kills itself with SIGKILL where a test says."""

import os
import signal
import subprocess
import sys

from django.conf import settings
from django.db import connection

HEAD = """
import os, signal
import django
django.setup()
from datetime import datetime
NOW = datetime.fromisoformat("{now}")
def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while(code: str, *, now, **env: str) -> None:
    """Run `code`, which knows NOW and die(), until it is killed. It has to have really committed before."""
    database = connection.get_connection_params()
    process = subprocess.run(
        [sys.executable, "-c", HEAD.format(now=now.isoformat()) + code],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"postgres://{database['user']}@/{database['dbname']}?host={database['host']}",
            **env,
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
