"""The installation's own key."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from helpdesk.core.secret import secret_key


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "var" / "secret-key"
    key = secret_key(path)
    assert len(key) > 50
    assert secret_key(path) == key
    assert path.stat().st_mode & 0o077 == 0


def test_a_place_that_cannot_be_written_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ImproperlyConfigured, match="HELPDESK_VAR"):
        secret_key(tmp_path / "file" / "secret-key")
