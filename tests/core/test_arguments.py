"""Commands with wrong arguments: a sentence that says what is wrong, never a traceback."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("demo_data --tickets=-5", "'-5' is not a whole number from 0"),
        ("demo_data --accounts=0", "'0' is not a whole number from 1"),
        ("demo_data --days=0", "'0' is not a whole number from 1"),
        ("demo_data --open=-1", "'-1' is not a whole number from 0"),
        ("demo_data --due=x", "'x' is not a whole number from 0"),
        ("demo_data --tickets=5 --due=9", "--open can't exceed --tickets, nor --due --open"),
        ("simulate --days=0", "'0' is not a whole number from 1"),
        ("simulate --report-every=0", "'0' is not a whole number from 1"),
        ("sweep --once --batch=-1", "'-1' is not a whole number from 1"),
        ("watchdog --patience=nan", "'nan' is not a number of seconds"),
        ("run --port=99999", "'99999' is not a whole number from 0 to 65535"),
        ("run --bind=everywhere", "invalid ip_address value"),
        ("verify_report --time-zone=Asia", "'Asia' is not a time zone"),
        ("verify_report --from=2026-11-02 --to=2026-11-01", "--to lies before --from"),
        ("verify_statement nowhere.pdf", "No such file"),
        ("verify_statement /", "Is a directory"),
    ],
)
def test_a_wrong_argument_is_said_in_a_sentence(line, said):
    name, *arguments = line.split()
    with pytest.raises(CommandError) as refused:
        call_command(name, *arguments, stdout=StringIO())
    assert said in str(refused.value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("arguments", [["--from=0001-01-01", "--time-zone=Asia/Tokyo"], ["--to=9999-12-31"]])
def test_days_beyond_the_calendar_are_said_to_be(arguments):
    with pytest.raises(CommandError, match="lie beyond the dates that there are"):
        call_command("verify_report", *arguments, stdout=StringIO())
