import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A directory that other users may enter, as a checkout's mostly is: pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="helpdesk-checkout-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)
