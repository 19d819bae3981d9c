"""A secret key of this installation's own, where the environment gives none."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def secret_key(path: Path) -> str:
    """The key kept in `path`, made on first use (mode 0600).

    Several processes starting at once agree on one: the file appears whole, under its name, once.
    Raises ImproperlyConfigured when it can't be kept or read.
    """
    try:
        return _kept(path)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path}: {error.strerror}. Set SECRET_KEY, or HELPDESK_VAR to a directory that can be written."
        ) from error


def _kept(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # mkstemp makes it 0600
            file.write(secrets.token_urlsafe(64))
            file.flush()
            with contextlib.suppress(FileExistsError):  # another process was first
                os.link(file.name, path)
    return path.read_text()
