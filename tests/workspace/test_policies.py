"""The manager's editor of policies: refusals beside the field, drafts, versions, two at once (SPEC 2.2, 2.8)."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import Policy, PolicyVersion, Rollout
from helpdesk.sla.terms import MOST_STEPS
from helpdesk.sla.versions import publish_policy, save_policy_draft, set_policy_active
from helpdesk.tickets.services import rollouts
from tests.at_once import at_once
from tests.factories import AccountFactory, StaffFactory, TeamFactory, make_ticket

pytestmark = pytest.mark.django_db
ADD, LIST = "/admin/helpdesk/policy/add/", "/admin/helpdesk/policy/"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _today(now):
    with time_machine.travel(now, tick=False):
        yield


def signed_in(name: str = "Helen Marsh", role: str = StaffRole.MANAGER) -> Client:
    client = Client()
    client.force_login(StaffFactory(full_name=name, staff_role=role))
    return client


@pytest.fixture
def manager():
    return signed_in()


@pytest.fixture
def standard():
    return Policy.objects.get(name="Standard, designated super admins")


def url(policy: Policy, act: str = "change") -> str:
    return f"{LIST}{policy.pk}/{act}/"


def opened(client: Client, address: str) -> dict:
    """All fields of the page, as a browser would send them."""
    context = client.get(address).context
    basis = context["basis"]
    return {**context["editor"].typed, "basis_version": basis.version, "basis_draft": basis.draft}


def send(client: Client, address: str, typed: dict, button: str, value: str = "1", **changes):
    return client.post(address, {**typed, **changes, button: value})


def text(response) -> str:
    return response.content.decode()


def wrong(response) -> dict[str, str]:
    """Where something is wrong, and what."""
    return {mistake.field_id.removeprefix("id_"): mistake.text for mistake in response.context["mistakes"]}


def rows(policy: Policy) -> list:
    return list(policy.versions.order_by("number").values())


# --- The list ------------------------------------------------------------------------------------


def test_the_list_says_in_order_what_is_promised_to_whom(manager):
    page = manager.get(LIST)
    assert [row["policy"].name for row in page.context["rows"]] == [
        "Business critical, designated super admins",
        "Standard, designated super admins",
        "Chat",
        "Callback",
        "All other users",
    ]
    assert page.context["rows"][0]["applies"] == [
        ("Channels", "E-mail"),
        ("Who asks", "Designated super admin"),
        ("Severity", "Business critical"),
    ]
    assert page.context["rows"][0]["targets"][0] == ("First response", "30 minutes", True)
    assert "Every ticket that no policy before this one fits" in text(page)


def test_a_policy_moves_up_and_down(manager, standard):
    def order() -> list[str]:
        return list(Policy.objects.order_by("position").values_list("name", flat=True))

    before = order()
    manager.post(url(standard, "move"), {"to": "down"})
    assert order() == [before[0], before[2], before[1], *before[3:]]
    for _time in range(3):
        manager.post(url(standard, "move"), {"to": "up"})
    assert order() == [before[1], before[0], *before[2:]]
    manager.post(url(standard, "move"), {"to": "sideways"})
    assert order()[0] == standard.name


def test_a_version_that_cannot_be_read_breaks_no_page(manager, standard):
    standard.versions.update(is_current=False)
    standard.versions.create(number=2, document={"targets": "none"}, created_at=timezone.now())
    assert "This version cannot be read" in text(manager.get(LIST))
    page = manager.get(url(standard))
    assert "The version in force cannot be read" in text(page)
    typed = opened(manager, url(standard)) | {"first_response-amount": "20"}
    assert send(manager, url(standard), typed, "_publish").status_code == 302
    assert standard.versions.get(is_current=True).terms.targets[0].target.seconds == 1200


def test_thirty_policies_cost_as_many_queries_as_one(manager, standard):
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert manager.get(address).status_code == 200
        return len(caught)

    addresses = [LIST, ADD, url(standard), url(standard, "force")]
    before = [queries(address) for address in addresses]
    document = standard.versions.get().document
    for number in range(30):
        policy = Policy.objects.create(name=f"Policy {number}", position=100 + number)
        accounts = [AccountFactory().pk]
        PolicyVersion.objects.create(
            policy=policy,
            number=1,
            document=document | {"conditions": {"accounts": accounts}},
            created_at=timezone.now(),
        )
    assert [queries(address) for address in addresses] == [before[0] + 1, *before[1:]]  # the names of accounts
    assert max(before) <= 30


def test_thirty_versions_cost_as_many_queries_as_two(manager, standard, now):
    terms = standard.versions.get().terms

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert manager.get(f"{url(standard)}?versions=all").status_code == 200
        return len(caught)

    publish_policy(policy=standard, terms=terms, actor=StaffFactory(), now=now)
    before = queries()
    for _number in range(28):
        publish_policy(policy=standard, terms=terms, actor=StaffFactory(), now=now)
    assert queries() == before
    assert len(manager.get(url(standard)).context["versions"]) == 12


# --- Saving --------------------------------------------------------------------------------------


def test_saving_makes_a_version_for_new_tickets_and_leaves_the_old_one_untouched(manager, standard, now):
    before, ticket = rows(standard), make_ticket(now=now)
    typed = opened(manager, url(standard)) | {
        "first_response-amount": "45",
        "first_response-unit": "minutes",
        "note": "As agreed in November",
    }
    answer = send(manager, url(standard), typed, "_publish")
    assert answer.headers["Location"] == url(standard)
    assert rows(standard)[0] == before[0] | {"is_current": False}
    version = standard.versions.get(is_current=True)
    assert (version.number, version.note, version.created_by.full_name) == (2, "As agreed in November", "Helen Marsh")
    assert version.terms.targets[0].target.seconds == 45 * 60
    assert ticket.clocks.get().due_at == now + 60 * MINUTE
    assert make_ticket(now=now).clocks.get().due_at == now + 45 * MINUTE
    assert not Rollout.objects.exists()
    page = manager.get(url(standard))
    assert [row.changes for row in page.context["versions"]] == [["First response: 1 hour → 45 minutes"], []]
    assert [row.tickets for row in page.context["versions"]] == [1, 1]


def test_what_is_in_force_is_what_the_page_sends_back(manager):
    """Opening a policy and saving it changes nothing, whatever it says."""
    for policy in Policy.objects.all():
        answer = send(manager, url(policy), opened(manager, url(policy)), "_publish")
        assert "Nothing was changed" in text(manager.get(answer.headers["Location"]))
        assert policy.versions.count() == 1


def test_everything_that_a_policy_can_say_is_said(manager, standard):
    account, team = AccountFactory(name="Kestrel Freight"), TeamFactory()
    typed = {
        "name": "Everything",
        "place": "2",
        "place_was": "0",
        "hubs": ["content", "sales"],
        "channels": ["email"],
        "roles": ["user"],
        "severities": ["standard"],
        "plans": ["enterprise"],
        "add_account": "kestrel freight",
        "resolution-amount": "3",
        "resolution-unit": "days",
        "step": ["0", "7"],
        "step0-percent": "60",
        "step0-recipients": ["on_call", "team"],
        "step0-ways": ["email"],
        "step0-raise_priority": "on",
        "step0-team": str(team.pk),
        "step7-percent": "150",
        "step7-recipients": ["manager"],
        "step7-ways": ["in_app", "email"],
        "repeat_minutes": "15",
        "repeat_recipients": ["on_call", "manager"],
        "active": "1",
    }
    for metric in ("first_response", "next_response", "resolution", "callback", "chat_pickup"):
        typed = {f"{metric}-unit": "minutes", f"{metric}-promise": "objective", f"{metric}-hours": "business"} | typed
    answer = send(manager, ADD, typed, "_publish")
    made = Policy.objects.get(name="Everything")
    assert answer.headers["Location"] == url(made)
    assert made.versions.get().document == {
        "conditions": {
            "hubs": ["content", "sales"],
            "channels": ["email"],
            "roles": ["user"],
            "severities": ["standard"],
            "accounts": [account.pk],
            "plans": ["enterprise"],
        },
        "targets": [{"metric": "resolution", "promise": "objective", "hours": "business", "business_days": 3}],
        "steps": [
            {
                "percent": 60,
                "recipients": ["team", "on_call"],
                "ways": ["email"],
                "raise_priority": True,
                "assign_team": team.pk,
            },
            {"percent": 150, "recipients": ["manager"]},
        ],
        "repeat_minutes": 15,
        "repeat_recipients": ["manager", "on_call"],
    }
    assert (made.position, made.is_active) == (2, True)
    assert send(manager, url(made), opened(manager, url(made)), "_publish").status_code == 302
    assert made.versions.count() == 1


def test_a_new_policy_can_wait_out_of_force(manager):
    typed = opened(manager, ADD) | {"name": "Later", "first_response-amount": "5"}
    send(manager, ADD, typed, "_publish")
    assert Policy.objects.get(name="Later").is_active is False


def test_there_is_no_draft_of_what_is_not_there_yet(manager):
    page = send(manager, ADD, opened(manager, ADD) | {"name": "Later"}, "_draft")
    assert (page.status_code, Policy.objects.filter(name="Later").exists()) == (200, False)


def test_a_name_and_a_place_need_no_version(manager, standard):
    typed = opened(manager, url(standard)) | {"name": "  Standard   2026 ", "place": "0"}
    send(manager, url(standard), typed, "_publish")
    standard.refresh_from_db()
    assert (standard.name, standard.position, standard.versions.count()) == ("Standard 2026", 0, 1)


def test_a_place_that_nobody_chose_is_not_fought_over(manager, standard):
    typed = opened(manager, url(standard))
    signed_in("Tom Haas").post(url(standard, "move"), {"to": "up"})
    send(manager, url(standard), typed, "_publish", name="Standard 2026")
    standard.refresh_from_db()
    assert (standard.name, standard.position) == ("Standard 2026", 0)


def test_open_tickets_move_only_when_asked_for(manager, standard, now):
    ticket = make_ticket(now=now)
    typed = opened(manager, url(standard)) | {"first_response-amount": "2", "note": "Longer"}
    answer = send(manager, url(standard), typed, "_publish", move_open="1")
    rollout = Rollout.objects.get()
    assert (rollout.policy, rollout.reason, rollout.total) == (standard, "Longer", 1)
    assert answer.headers["Location"] == f"/admin/helpdesk/rollout/{rollout.pk}/change/"
    assert "moved just now" in text(manager.get(url(standard)))
    rollouts.advance_rollouts(now=now)
    assert ticket.clocks.get().due_at == now + 120 * MINUTE


# --- Refusals ------------------------------------------------------------------------------------


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


# --- Rows, without a script ----------------------------------------------------------------------


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


# --- Preview -------------------------------------------------------------------------------------


def test_the_preview_shows_old_and_new_deadlines_and_saves_nothing(manager, standard, now):
    make_ticket(now=now - 50 * MINUTE)
    typed = opened(manager, url(standard)) | {"first_response-amount": "30", "first_response-unit": "minutes"}
    part = send(manager, url(standard, "look"), typed, "_any")
    look = part.context["look"]
    first = look.targets[0].due
    assert (first.at, first.was) == (now.replace(second=0) + 30 * MINUTE, now.replace(second=0) + 60 * MINUTE)
    assert look.changes == ["First response: 1 hour → 30 minutes"]
    assert (look.moved.open, look.moved.sooner, look.moved.late) == (1, 1, 1)
    assert "was 13:05" in text(part)
    assert f'href="/admin/helpdesk/ticket/{look.moved.late_tickets[0].pk}/change/"' in text(part)
    page = send(manager, url(standard), typed, "_preview")
    assert page.context["look"].targets == look.targets
    assert standard.versions.count() == 1


def test_the_preview_is_of_the_ticket_that_was_chosen(manager, standard):
    AccountFactory(name="Kestrel Freight")
    typed = opened(manager, url(standard)) | {
        "look-severities": "critical",
        "look-hub": "sales",
        "look-account": "Kestrel Freight",
    }
    look = send(manager, url(standard, "look"), typed, "_any").context["look"]
    assert look.about == "Designated super admin, Business critical, E-mail, Sales Hub, Enterprise"
    assert look.warnings == [
        "For this ticket “Business critical, designated super admins”, at place 1, comes first: its targets count."
    ]
    wrong_look = send(manager, url(standard, "look"), typed | {"look-account": "Nobody"}, "_any")
    assert "There is no account “Nobody”." in text(wrong_look)


def test_a_policy_that_would_never_apply_is_warned_of(manager):
    typed = opened(manager, ADD) | {"place": "5", "channels": ["chat"], "chat_pickup-amount": "1"}
    look = send(manager, f"{LIST}0/look/", typed, "_any").context["look"]
    assert look.warnings == [
        "It would never apply: “Chat”, at place 3, comes first and fits every ticket that it fits."
    ]
    assert look.moved is None


def test_many_open_tickets_are_counted_only_when_asked_for(manager, standard, now, monkeypatch):
    monkeypatch.setattr("helpdesk.workspace.policy_page.COUNTED_AT_ONCE", 1)
    for _number in range(2):
        make_ticket(now=now)
    typed = opened(manager, url(standard))
    assert "press Preview" in text(manager.get(url(standard)))
    assert send(manager, url(standard, "look"), typed, "_any").context["look"].moved is None
    assert send(manager, url(standard, "look"), typed, "_preview").context["look"].moved.open == 2
    assert send(manager, url(standard), typed, "_preview").context["look"].moved.open == 2


# --- Drafts --------------------------------------------------------------------------------------


def test_a_draft_keeps_what_is_typed_fit_or_not_and_puts_nothing_in_force(manager, standard, now):
    typed = opened(manager, url(standard)) | {"first_response-amount": "soon", "name": "Standard 2027"}
    assert send(manager, url(standard), typed, "_draft").status_code == 302
    standard.refresh_from_db()
    assert (standard.name, standard.versions.count()) == ("Standard, designated super admins", 1)
    assert (standard.draft_by.full_name, standard.draft_at) == ("Helen Marsh", now)
    page = signed_in("Tom Haas").get(url(standard))
    assert page.context["editor"].typed["first_response-amount"] == ["soon"]
    assert wrong(page) == {"first_response-amount": "A whole number from 1. Leave it empty for no target."}
    assert "draft, Helen Marsh" in text(manager.get(LIST))


def test_a_draft_becomes_the_version_and_is_gone(manager, standard):
    typed = opened(manager, url(standard)) | {"first_response-amount": "2"}
    send(manager, url(standard), typed, "_draft")
    send(manager, url(standard), opened(manager, url(standard)), "_publish")
    standard.refresh_from_db()
    assert (standard.draft, standard.versions.get(is_current=True).number) == (None, 2)


def test_a_draft_is_thrown_away(manager, standard):
    send(manager, url(standard), opened(manager, url(standard)) | {"name": "X"}, "_draft")
    typed = opened(manager, url(standard))
    assert manager.get(url(standard, "discard")).status_code == 405
    manager.post(url(standard, "discard"), typed)
    standard.refresh_from_db()
    assert standard.draft is None
    assert opened(manager, url(standard))["name"] == [standard.name]


def test_a_draft_follows_the_place_that_nobody_chose(manager, standard):
    send(manager, url(standard), opened(manager, url(standard)) | {"name": "X"}, "_draft")
    manager.post(url(standard, "move"), {"to": "up"})
    typed = opened(manager, url(standard))
    assert (typed["place"], typed["place_was"]) == (["0"], ["0"])


@pytest.mark.parametrize("draft", [[], {}, {"typed": 1}, {"typed": {"name": 7, "step": ["x", None]}}, "x"])
def test_a_draft_in_no_shape_breaks_no_page(manager, standard, draft, now):
    Policy.objects.filter(pk=standard.pk).update(draft=draft, draft_at=now)
    assert manager.get(url(standard)).status_code == 200
    assert manager.get(LIST).status_code == 200


# --- Two managers at once ------------------------------------------------------------------------


def test_the_second_of_two_who_publish_is_told_and_loses_nothing(manager, standard):
    first, second = opened(manager, url(standard)), opened(signed_in("Tom Haas"), url(standard))
    other = signed_in("Tom Haas")
    send(manager, url(standard), first, "_publish", **{"first_response-amount": "2"})
    page = send(other, url(standard), second, "_publish", **{"first_response-amount": "3"})
    assert "Version 2 was published meanwhile, by Helen Marsh" in page.context["conflict"].text
    assert page.context["conflict"].changes == ["First response: 1 hour → 2 hours"]
    assert page.context["editor"].typed["first_response-amount"] == ["3"]
    assert standard.versions.count() == 2
    again = {**page.context["editor"].typed, "basis_version": page.context["basis"].version, "basis_draft": ""}
    assert send(other, url(standard), again, "_publish").status_code == 302
    assert standard.versions.get(is_current=True).terms.targets[0].target.seconds == 3 * 3600


@pytest.mark.parametrize("button", ["_publish", "_draft"])
def test_anothers_draft_is_not_overwritten_unseen(manager, standard, button):
    mine = opened(manager, url(standard)) | {"first_response-amount": "2"}
    other = signed_in("Tom Haas")
    send(other, url(standard), opened(other, url(standard)) | {"first_response-amount": "3"}, "_draft")
    page = send(manager, url(standard), mine, button)
    assert "Tom Haas saved a draft" in page.context["conflict"].text
    assert page.context["conflict"].changes == ["First response: 1 hour → 3 hours"]
    standard.refresh_from_db()
    assert standard.draft["typed"]["first_response-amount"] == ["3"]
    again = mine | {"basis_draft": page.context["basis"].draft}
    assert send(manager, url(standard), again, button).status_code == 302


def test_a_draft_that_another_saved_is_not_thrown_away_unseen(manager, standard, now):
    mine = opened(manager, url(standard))
    save_policy_draft(policy=standard, draft={"typed": {}, "based_on": 1}, actor=StaffFactory(), now=now)
    manager.post(url(standard, "discard"), mine)
    standard.refresh_from_db()
    assert standard.draft is not None


def test_a_draft_of_an_older_version_says_so(manager, standard, now):
    mine = opened(manager, url(standard)) | {"next_response-amount": "7"}
    send(manager, url(standard), mine, "_draft")
    draft = Policy.objects.get(pk=standard.pk).draft
    publish_policy(policy=standard, terms=standard.versions.get().terms, actor=StaffFactory(), now=now)
    save_policy_draft(policy=standard, draft=draft, actor=StaffFactory(), now=now)
    assert "Version 2 was published meanwhile" in text(manager.get(url(standard)))


def test_a_preview_keeps_what_the_person_began_with(manager, standard):
    mine = opened(manager, url(standard)) | {"first_response-amount": "3"}
    send(signed_in(), url(standard), opened(signed_in(), url(standard)) | {"first_response-amount": "2"}, "_publish")
    page = send(manager, url(standard), mine, "_preview")
    assert (page.context["basis"].version, page.context["conflict"]) == ("1", None)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_very_same_moment_one_is_told(standard):
    clients = [signed_in("Helen Marsh"), signed_in("Tom Haas")]
    typed = [opened(client, url(standard)) | {"first_response-amount": str(n)} for n, client in enumerate(clients, 2)]
    answers = []

    def act(index: int):
        return lambda: answers.append(send(clients[index], url(standard), typed[index], "_publish").status_code)

    assert at_once(act(0), act(1)) == []
    assert sorted(answers) == [200, 302]
    assert list(standard.versions.order_by("number").values_list("number", "is_current")) == [(1, False), (2, True)]


@pytest.mark.django_db(transaction=True)
def test_of_two_new_policies_of_one_name_the_second_is_refused_beside_the_field():
    clients = [signed_in(), signed_in()]
    typed = opened(clients[0], ADD) | {"name": "Twins", "first_response-amount": "5"}
    answers = []
    acts = [lambda client=client: answers.append(send(client, ADD, typed, "_publish")) for client in clients]
    assert at_once(*acts) == []
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert Policy.objects.filter(name="Twins").count() == 1
    assert "called that already" in wrong(next(answer for answer in answers if answer.status_code == 200))["name"]


@pytest.mark.django_db(transaction=True)
def test_two_who_save_and_move_at_once_do_not_lock_each_other_out():
    policies = list(Policy.objects.order_by("position"))[:4]
    clients = [signed_in() for _policy in policies]
    typed = [
        opened(client, url(policy)) | {"place": str(4 - index), "callback-amount": "9"}
        for index, (client, policy) in enumerate(zip(clients, policies, strict=True))
    ]
    answers = []

    def act(index: int):
        return lambda: answers.append(send(clients[index], url(policies[index]), typed[index], "_publish").status_code)

    assert at_once(*(act(index) for index in range(4))) == []
    assert answers == [302] * 4
    assert sorted(Policy.objects.values_list("position", flat=True)) == [0, 1, 2, 3, 4]


# --- In and out of force -------------------------------------------------------------------------


def test_out_of_force_says_before_what_becomes_of_open_tickets(manager, now):
    critical = Policy.objects.get(name="Business critical, designated super admins")
    ticket = make_ticket(critical=True, now=now)
    page = manager.get(url(critical, "force"))
    assert (page.context["serves"], page.context["moved"].open, page.context["moved"].later) == (1, 1, 1)
    answer = manager.post(url(critical, "force"), {"to": "inactive", "reason": "Not sold any\x00 more"})
    rollout = Rollout.objects.get()
    assert answer.headers["Location"] == f"/admin/helpdesk/rollout/{rollout.pk}/change/"
    assert (rollout.policy, rollout.reason) == (critical, "Not sold any more")
    rollouts.advance_rollouts(now=now)
    assert ticket.clocks.get().due_at == now + 60 * MINUTE
    assert "out of force" in text(manager.get(LIST))


def test_back_in_force_moves_no_deadline(manager, standard, now):
    set_policy_active(policy=standard, active=False)
    assert "no deadline is recomputed" in text(manager.get(url(standard, "force")))
    manager.post(url(standard, "force"), {"to": "active"})
    standard.refresh_from_db()
    assert (standard.is_active, Rollout.objects.count()) == (True, 0)
    page = manager.post(url(standard, "force"), {"to": "active"}, follow=True)
    assert "Somebody did that already." in text(page)


def test_open_tickets_of_a_policy_out_of_force_are_not_moved_by_saving_it(manager, standard, now):
    make_ticket(now=now)
    set_policy_active(policy=standard, active=False)
    typed = opened(manager, url(standard)) | {"first_response-amount": "2"}
    send(manager, url(standard), typed, "_publish", move_open="1")
    assert not Rollout.objects.exists()


# --- Rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
@pytest.mark.parametrize("act", ["change", "look", "move", "discard", "force"])
def test_only_managers_and_administrators_change_policies(standard, role, act):
    before = list(Policy.objects.values()), rows(standard)
    client = signed_in(role=role)
    data = {"_publish": "1", "to": "inactive", "name": "Taken over"}
    assert client.post(url(standard, act), data).status_code == 403
    assert client.post(ADD, data).status_code == 403
    assert (list(Policy.objects.values()), rows(standard)) == before


def test_an_administrator_may_too_and_what_is_unknown_is_not_there(standard):
    client = signed_in(role=StaffRole.ADMINISTRATOR)
    assert send(client, url(standard), opened(client, url(standard)), "_draft").status_code == 302
    for act in ("change", "look", "move", "discard", "force"):
        assert client.post(f"{LIST}99999/{act}/").status_code == 404
    assert client.get(f"{LIST}{'9' * 30}/change/").status_code == 404
    assert client.get(f"{LIST}one/change/").status_code == 404


def test_every_act_carries_the_token(standard):
    client = Client(enforce_csrf_checks=True)
    client.force_login(StaffFactory(staff_role=StaffRole.MANAGER))
    for act in ("change", "look", "move", "discard", "force"):
        assert client.post(url(standard, act)).status_code == 403


def test_the_history_tells_who_did_what(manager, standard):
    manager.post(url(standard, "move"), {"to": "up"})
    manager.post(url(standard, "force"), {"to": "inactive"})
    page = text(manager.get(url(standard, "history")))
    assert "Place: 1" in page
    assert "Taken out of force" in page


def test_no_page_needs_a_style_or_a_script_of_its_own(manager, standard):
    for address in (LIST, ADD, url(standard), url(standard, "force")):
        body = text(manager.get(address)).split('id="content-main"')[1]
        assert "style=" not in body
        assert "<script" not in body


def test_the_tabs_lead_to_what_belongs_together(manager):
    tabs = manager.get(LIST).context["tabs"]
    assert [(tab["url"], tab["current"]) for tab in tabs][:3] == [
        (LIST, True),
        ("/admin/helpdesk/calendar/", False),
        ("/admin/helpdesk/rollout/", False),
    ]
    assert manager.get("/admin/helpdesk/escalation/").context["tabs"] == []
