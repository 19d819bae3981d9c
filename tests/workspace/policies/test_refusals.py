"""What cannot work is refused beside its field, and nothing typed is lost; rows come and go without a script."""

import pytest

from helpdesk.sla.terms import MOST_STEPS
from tests.factories import AccountFactory
from tests.workspace.policies.pages import LIST, opened, rows, send, signed_in, text, url, wrong

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": " "}, "name", "Give the policy a name"),
        ({"name": "x" * 81}, "name", "longer than 80"),
        ({"name": "CHAT"}, "name", "Another policy is called that already"),
        ({"place": "99"}, "place", "Choose the place again"),
        ({"hubs": ["gone"]}, "hubs_0", "not there any more"),
        ({"accounts": ["99999"]}, "accounts_0", "Take its tick away"),
        ({"accounts": ["9" * 18]}, "accounts_0", "Take its tick away"),
        ({"add_account": "Nobody & Sons"}, "add_account", "There is no account “Nobody & Sons”."),
        ({"first_response-amount": "0"}, "first_response-amount", "A whole number from 1"),
        ({"first_response-amount": "half"}, "first_response-amount", "A whole number from 1"),
        ({"first_response-amount": "1.5"}, "first_response-amount", "A whole number from 1"),
        ({"first_response-amount": "9" * 200}, "first_response-amount", "more than 90 days"),
        ({"next_response-amount": "91", "next_response-unit": "days"}, "next_response-amount", "more than 90 days"),
        ({"first_response-unit": "years"}, "first_response-unit", "Select a valid choice"),
        ({"first_response-hours": "business"}, "first_response-hours", "A guarantee counts day and night"),
        (
            {"next_response-unit": "days", "next_response-hours": "always"},
            "next_response-unit",
            "there are no business days",
        ),
        ({"step1-percent": ""}, "step1-percent", "Say when"),
        ({"step1-percent": "0"}, "step1-percent", "from 1 to 1000"),
        ({"step1-percent": "1001"}, "step1-percent", "from 1 to 1000"),
        ({"step1-percent": "40"}, "step1-percent", "after 50 % this one needs more"),
        ({"step1-percent": "50"}, "step1-percent", "50 % is there already"),
        ({"step1-recipients": []}, "step1-recipients_0", "Choose at least one to tell"),
        ({"step1-recipients": ["boss"]}, "step1-recipients_0", "not there any more"),
        ({"step1-ways": []}, "step1-ways_0", "Choose at least one way"),
        ({"step1-team": "99999"}, "step1-team", "This team is not there any more"),
        ({"repeat_minutes": "often"}, "repeat_minutes", "A whole number of minutes"),
        ({"repeat_minutes": "-1"}, "repeat_minutes", "A whole number of minutes"),
        ({"repeat_minutes": "10081"}, "repeat_minutes", "A whole number of minutes"),
        ({"note": "x" * 201}, "note", "longer than 200"),
        ({"name": "a\x00b"}, "name", "Null characters"),
    ],
)
def test_what_cannot_work_is_refused_beside_the_field_and_nothing_typed_is_lost(
    manager, standard, changes, field, said
):
    before = rows(standard)
    typed = opened(manager, url(standard)) | {"callback-amount": "17", "note": "Kept"} | changes
    page = send(manager, url(standard), typed, "_publish")
    assert page.status_code == 200
    assert said in wrong(page)[field]
    assert page.context["editor"].typed == {
        name: [value] if isinstance(value, str) else value
        for name, value in typed.items()
        if not name.startswith("basis") and value != []
    } | {name: [value[:300]] for name, value in changes.items() if isinstance(value, str)}
    assert 'value="17"' in text(page)
    assert f'href="#id_{field}"' in text(page)
    assert rows(standard) == before


def test_a_policy_that_promises_nothing_is_refused(manager, standard):
    typed = opened(manager, url(standard)) | {"first_response-amount": "", "next_response-amount": " "}
    page = send(manager, url(standard), typed, "_publish")
    assert "would be promised nothing" in wrong(page)["first_response-amount"]
    assert standard.versions.count() == 1


def test_the_error_stands_beside_its_field_for_a_screen_reader_too(manager, standard):
    typed = opened(manager, url(standard)) | {"step1-percent": "40"}
    page = text(send(manager, url(standard), typed, "_publish"))
    assert 'aria-describedby="id_step1-percent_error"' in page
    assert '<ul class="errorlist" id="id_step1-percent_error">' in page


def test_an_account_that_is_not_known_is_suggested_in_the_readers_language(standard):
    AccountFactory(name="Kestrel Freight")
    manager = signed_in()
    manager.cookies["django_language"] = "ja"
    page = send(manager, url(standard), opened(manager, url(standard)), "_publish", add_account="Kestrl")
    assert "“Kestrel Freight”" in wrong(page)["add_account"] or "「Kestrel Freight」" in wrong(page)["add_account"]


def test_more_steps_than_there_may_be_are_refused(manager, standard):
    typed = opened(manager, url(standard)) | {"step": [str(n) for n in range(MOST_STEPS + 5)]}
    for number in range(MOST_STEPS + 5):
        typed |= {f"step{number}-percent": str(number + 1), f"step{number}-recipients": ["team"]}
        typed |= {f"step{number}-ways": ["email"]}
    page = send(manager, url(standard), typed, "_publish")
    assert wrong(page) == {"escalation": "At most 20 steps."}


def test_a_step_is_added_and_taken_away_without_complaint(manager, standard):
    typed = opened(manager, url(standard)) | {"name": "", "step2-recipients": []}
    page = send(manager, url(standard), typed, "_add_step")
    assert [step.key for step in page.context["editor"].steps] == [0, 1, 2, 3]
    assert wrong(page) == {}
    assert "errorlist" not in text(page)
    page = send(manager, url(standard), page.context["editor"].typed, "_remove_step", "1")
    assert [step.key for step in page.context["editor"].steps] == [0, 2, 3]
    assert standard.versions.count() == 1


def test_an_account_is_added_by_its_name(manager, standard):
    account = AccountFactory(name="Kestrel Freight")
    typed = opened(manager, url(standard)) | {"add_account": " kestrel FREIGHT"}
    editor = send(manager, url(standard), typed, "_add_account").context["editor"]
    assert (editor.typed["accounts"], editor.typed["add_account"]) == ([str(account.pk)], [""])
    assert "Kestrel Freight" in text(send(manager, url(standard), editor.typed, "_preview"))
    page = send(manager, url(standard), typed | {"add_account": "Falcon"}, "_add_account")
    assert wrong(page) == {"add_account": "There is no account “Falcon”."}


def test_names_of_accounts_are_offered_as_text(manager):
    AccountFactory(name='Kes <script> "1"')
    AccountFactory(name="Other")
    answer = manager.get(f"{LIST}accounts/", {"add_account": "kes\x00"})
    assert text(answer) == '<option value="Kes &lt;script&gt; &quot;1&quot;"></option>'
    assert text(manager.get(f"{LIST}accounts/")) == ""
