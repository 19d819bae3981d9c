import pytest
from django.core.management import call_command

from helpdesk.accounts.models import User
from helpdesk.core.demo import PASSWORD
from helpdesk.tickets.models import Claim, Ticket
from tests.e2e.test_pages import LOOKS, problems


@pytest.mark.parametrize("nothing", [1])
def test_look(transactional_db, new_context, nothing):
    call_command("demo_data", tickets=300, verbosity=0)
    claim = Ticket.objects.active().filter(claim=Claim.CLAIMED).first().pk
    mina = User.objects.get(email="mina@kestrel.example")
    wrong = {}
    plan = {
        "anna@premium.example": [f"/admin/helpdesk/ticket/{claim}/change/"],
    }
    for look in ("wide", "phone"):
        for email, paths in plan.items():
            page = new_context(User.objects.get(email=email), password=PASSWORD, language=LOOKS[look]["locale"][:2], **LOOKS[look])
            for path in paths:
                page.goto(path)
                name = path.strip("/").replace("/", "_").replace("?", "_")[:40] or "home"
                page.wait_for_timeout(300)
                page.screenshot(path=f"/tmp/o/l-{look}-{name}.png")
                if found := problems(page):
                    wrong[f"{look} {path}"] = found
    import json
    open("/tmp/o/looks.json", "w").write(json.dumps(wrong, indent=1, ensure_ascii=False))
    assert wrong == {}
