"""Several people at one moment."""

import threading

from django.db import connection


def at_once(*acts) -> list[BaseException]:
    """Run acts in threads of their own, begun together; returns what they raised."""
    begin, raised = threading.Barrier(len(acts)), []

    def run(act):
        try:
            begin.wait(timeout=20)
            act()
        except BaseException as error:  # noqa: BLE001 - reported to the test
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a deadlock, or worse"
    return raised
