"""What one submission costs the database: the same whatever it holds, and how many statements."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

NEW = "/tickets/new/"
KEY = "A" * 22


def statements(captured) -> list[str]:
    """Without savepoints, which a test's own transaction makes of transactions."""
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


@pytest.mark.parametrize("files", [0, 1, 15])
def test_a_submission_takes_the_same_statements_whatever_it_holds(files, kestrel, sign_in, filled, frozen):
    client = sign_in(kestrel.mina)
    client.get(NEW)
    if files:
        uploads = [SimpleUploadedFile(f"{n}.txt", b"%d" % n) for n in range(files)]
        client.post("/tickets/new/files/", {"key": KEY, "files": uploads})
    with CaptureQueriesContext(connection) as captured:
        assert client.post(NEW, filled()).status_code == 302
    made = statements(captured.captured_queries)
    session = [sql for sql in made if "django_session" in sql or '"helpdesk_user"."password"' in sql]
    # With files one more: the message takes them over.
    assert (len(made) - len(session), len(session)) == (19 + bool(files), 2)
