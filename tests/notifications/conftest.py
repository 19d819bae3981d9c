from tests.mail_server import port, smtp  # noqa: F401 - fixtures
