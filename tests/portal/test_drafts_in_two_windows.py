"""The same form open in two windows, or on two devices: neither ever writes over what was typed in the other."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from helpdesk.portal import asking, views
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, FormDraft, Message, Ticket
from helpdesk.tickets.services.form_drafts import Tab
from tests.at_once import at_once
from tests.factories import PASSWORD, make_ticket

NEW, SAVE = "/tickets/new/", "/tickets/new/draft/"


@pytest.fixture
def mina(kestrel, sign_in, frozen):
    return sign_in(kestrel.mina)


class Window:
    """One that a person has open: what it would post is what its page holds, and what is typed."""

    def __init__(self, client, url=NEW):
        self.client, self.url = client, url
        self.show(client.get(url))

    def show(self, page):
        self.page = page
        self.values = {
            name: re.search(rf'name="{name}" value="([^"]*)"', page.text)[1] for name in ("key", "tab", "seen")
        }
        form = page.context["form"]
        return {name: form[name].value() for name in ("subject", "body") if name in form.fields}

    def save(self, **typed):
        """As the page's script does."""
        said = self.client.post(f"{self.url}draft/", self.values | typed).json()
        if "key" in said:
            self.values["key"] = said["key"]
        return said

    def press(self, **typed):
        answer = self.client.post(self.url, self.values | typed, follow=True)
        if answer.redirect_chain == []:
            self.show(answer)
        return answer


def texts() -> set[str]:
    return {draft.values["body"] for draft in FormDraft.objects.all()}


def test_two_windows_with_one_draft_keep_both_texts_and_the_second_is_told(mina, now):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="Typed over there")
    with time_machine.travel(now + timedelta(minutes=5), tick=False):
        said = here.save(body="Typed over here")
    assert "This draft was changed in another window" in said["notice"]
    assert ">13:05</time>" in said["notice"]
    assert texts() == {"Typed over there", "Typed over here"}
    assert "notice" not in here.save(body="Typed on here")
    assert "notice" not in there.save(body="Typed on there")
    assert texts() == {"Typed on there", "Typed on here"}


def test_the_other_text_is_one_press_away_and_ones_own_stays_in_sight(mina):
    Window(mina).save(subject="One", body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(subject="Theirs", body="Typed over there")
    notice = here.save(subject="Mine", body="Typed over here")["notice"]
    other = Window(mina, re.search(r'href="(/[^"]+)"', notice)[1])
    assert other.show(other.page) == {"subject": "Theirs", "body": "Typed over there"}
    assert ">Mine</a>" in other.page.text


def test_a_window_alone_is_never_told_anything_however_often_it_saves_or_is_loaded_again(mina):
    window = Window(mina)
    for text in ("One", "One two", "One two three"):
        assert "notice" not in window.save(body=text)
    again = Window(mina)
    assert "notice" not in again.save(body="One two three four")
    assert again.press(draft="1", body="Five").context["desk"].theirs is None
    assert again.press(draft="1", body="Six").context["desk"].theirs is None
    assert texts() == {"Six"}


def test_the_same_text_in_both_is_one_draft(mina):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="The same")
    assert "notice" not in here.save(body="The same")
    assert FormDraft.objects.count() == 1


def test_an_emptied_window_throws_nothing_away_that_another_one_typed(mina):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="Typed over there")
    here.save(body="")
    here.press(discard="1")
    assert texts() == {"Typed over there"}


def test_without_script_send_asks_first_and_the_next_send_sends_what_one_sees(mina, filled):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.press(draft="1", body="Typed over there")
    typed = {name: value for name, value in filled(body="Typed over here").items() if name != "key"}
    asked = here.press(**typed)
    assert not Ticket.objects.exists()
    assert "This draft was changed in another window" in asked.text
    assert "Press Send to send it." in asked.text
    assert here.show(asked)["body"] == "Typed over here"
    here.press(**typed)
    assert Message.objects.get().body == "Typed over here"
    assert texts() == {"Typed over there"}


def test_send_pressed_twice_in_a_window_that_is_behind_makes_one_draft_and_one_ticket(mina, filled):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="Typed over there")
    stale = here.values | {name: value for name, value in filled(body="Typed over here").items() if name != "key"}
    shown = [mina.post(NEW, stale) for _press in range(2)][-1]
    assert texts() == {"Typed over there", "Typed over here"}
    here.show(shown)
    here.press(**{name: value for name, value in stale.items() if name not in here.values})
    back = mina.post(NEW, stale)  # the browser's Back, and Send once more
    assert back.url == f"/tickets/{Ticket.objects.get().pk}/"


def test_without_script_the_other_text_can_be_thrown_away(mina):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="Typed over there")
    notice = here.save(body="Typed over here")["notice"]
    here.press(drop=re.search(r'name="drop" value="([^"]+)"', notice)[1], body="Typed over here")
    assert texts() == {"Typed over here"}


@pytest.mark.parametrize("drop", ["", ".", "x", "A" * 22, f"{'A' * 22}.{'B' * 22}", "\x00.\x00"])
def test_nothing_else_is_thrown_away_by_it(drop, mina):
    Window(mina).save(body="As it was begun")
    Window(mina).press(drop=drop, body="As it was begun")
    assert texts() == {"As it was begun"}


def test_what_one_window_sends_takes_nothing_from_the_other(mina, filled):
    """Sent in one, typed on in the other: that is another ticket, kept until it is sent."""
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    here.press(**{name: value for name, value in filled(body="Sent").items() if name != "key"})
    said = there.save(body="Typed after that")
    assert (said["sent"], said["kept"]) == (True, False)
    assert there.save(body="Typed after that")["kept"]
    assert texts() == {"Typed after that"}
    assert Ticket.objects.count() == 1


def test_keep_as_draft_after_the_form_was_sent_elsewhere_keeps_it(mina, filled):
    Window(mina).save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    here.press(**{name: value for name, value in filled(body="Sent").items() if name != "key"})
    there.press(draft="1", body="Typed after that")
    assert texts() == {"Typed after that"}


def test_a_text_saved_in_the_very_instant_of_sending_stays(mina, kestrel, now):
    there = {"user": kestrel.mina.user, "account": kestrel.account, "key": "A" * 22, "tab": Tab("t" * 22)}
    draft = services.keep_form(**there, values={"body": "There"}, now=now)
    with pytest.raises(services.FormCrossed):
        services.form_was_sent(user=kestrel.mina.user, key="A" * 22, tab=Tab("h" * 22))
    draft.refresh_from_db()
    assert (draft.values, draft.key) == ({"body": "There"}, "A" * 22)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sends", ["receive", "receive_reply"])
def test_what_another_window_saves_while_one_sends_is_asked_about_first(sends, mina, kestrel, filled, now, monkeypatch):
    """Nothing of the ticket or reply stays: this text is a draft of its own, and the next *Send* sends it."""
    where, page = (asking, NEW) if sends == "receive" else (views, f"/tickets/{make_ticket(kestrel.mina, now=now).pk}/")
    texts_sent = Message.objects.filter(body="Typed over here")
    here = Window(mina, page)
    send = getattr(where, sends)

    def meanwhile(**also):
        there = {"user": kestrel.mina.user, "account": kestrel.account, "ticket": also.get("ticket")}
        there |= {"key": here.values["key"], "tab": Tab("t" * 22), "values": {"body": "There"}, "now": now}
        assert not at_once(lambda: services.keep_form(**there))
        return send(**also)

    values = filled(body="Typed over here") if sends == "receive" else {"body": "Typed over here"}
    values = {name: value for name, value in values.items() if name != "key"}
    with monkeypatch.context() as instant:
        instant.setattr(where, sends, meanwhile)
        here.press(**values)
    assert not texts_sent.exists()
    here.press(**values)
    assert texts_sent.count() == 1
    assert texts() == {"There"}


def test_the_files_are_with_both_and_thrown_away_with_one_they_stay_with_the_other(mina):
    first = Window(mina)
    mina.post("/tickets/new/files/", {"key": first.values["key"], "files": [SimpleUploadedFile("a.txt", b"a")]})
    first.save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="Typed over there")
    said = here.save(body="Typed over here")
    assert [re.search(r"a\.txt", piece)[0] for piece in said["files"]] == ["a.txt"]
    there.press(discard="1")
    file = Attachment.objects.get()
    assert (file.form_key, file.file.read()) == (here.values["key"], b"a")


def test_no_more_files_are_copied_than_a_persons_forms_may_hold(mina, settings):
    settings.ATTACHMENTS_WAITING_BYTES = 1
    first = Window(mina)
    mina.post("/tickets/new/files/", {"key": first.values["key"], "files": [SimpleUploadedFile("a.txt", b"a")]})
    first.save(body="As it was begun")
    here, there = Window(mina), Window(mina)
    there.save(body="Typed over there")
    assert here.save(body="Typed over here")["files"] == []
    assert Attachment.objects.get().form_key == there.values["key"]


def test_windows_that_cross_again_and_again_keep_twenty_drafts_at_most(mina):
    Window(mina).save(body="As it was begun")
    windows = [Window(mina) for _window in range(25)]
    for number, window in enumerate(windows):
        window.save(body=f"Of window {number}")
    assert FormDraft.objects.count() == 20


def test_replies_in_two_windows_are_both_kept_and_each_leads_to_the_other(mina, kestrel):
    url = f"/tickets/{make_ticket(kestrel.mina).pk}/"
    Window(mina, url).save(body="As it was begun")
    here, there = Window(mina, url), Window(mina, url)
    there.save(body="Typed over there")
    asked = here.press(body="Typed over here")
    assert "This draft was changed in another window" in asked.text
    assert not Message.objects.filter(body="Typed over here").exists()
    assert ">Typed over there</a>" in Window(mina, url).page.text
    here.press(body="Typed over here")
    assert Message.objects.filter(body="Typed over here").count() == 1
    assert texts() == {"Typed over there"}


def test_a_session_that_ended_meanwhile_takes_nothing_from_the_other_window(kestrel, filled, frozen):
    client = Client()
    client.force_login(kestrel.mina.user)
    Window(client).save(body="As it was begun")
    here, there = Window(client), Window(client)
    by = re.search(r'name="by" value="([^"]+)"', here.page.text)[1]
    there.save(body="Typed over there")
    client.session.flush()
    client.post(NEW, here.values | {"by": by, "body": "Typed over here"})
    answer = {"login": kestrel.mina.user.email, "password": PASSWORD, "next": NEW}
    page = client.post("/accounts/login/", answer, follow=True)
    assert page.context["form"]["body"].value() == "Typed over here"
    assert texts() == {"Typed over there", "Typed over here"}


def test_a_page_from_before_windows_had_names_goes_on_as_it_did(mina, filled):
    mina.post(SAVE, filled(body="One"))
    assert "notice" not in mina.post(SAVE, filled(body="Two")).json()
    assert texts() == {"Two"}
