"""What one submission costs the database: the same whatever it holds, and how many statements."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

NEW = "/tickets/new/"
KEY = "A" * 22
# Who asks: the session, the person, the accounts that they belong to.
PERSON = ("django_session", "helpdesk_user", "helpdesk_membership")


def statements(captured) -> list[str]:
    """Without savepoints, which a test's own transaction makes of transactions."""
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


@pytest.mark.parametrize("files", [0, 1, 15])
def test_a_submission_takes_the_same_statements_whatever_it_holds(files, kestrel, sign_in, filled, frozen):
    client = sign_in(kestrel.mina)
    client.get(NEW)
    client.post(NEW, filled(key="B" * 22))  # from here on this process knows the rules' versions
    if files:
        uploads = [SimpleUploadedFile(f"{n}.txt", b"%d" % n) for n in range(files)]
        client.post("/tickets/new/files/", {"key": KEY, "files": uploads})
    with CaptureQueriesContext(connection) as captured:
        assert client.post(NEW, filled()).status_code == 302
    made = statements(captured.captured_queries)
    person = [sql for sql in made if any(f'FROM "{table}"' in sql for table in PERSON)]
    # With files one more: the message takes them over.
    assert (len(made) - len(person), len(person)) == (7 + bool(files), 3)
