"""The pages of policies as a manager meets them: opened, filled in, sent."""

from datetime import timedelta

from django.test import Client

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import Policy
from tests.factories import StaffFactory

ADD, LIST = "/admin/helpdesk/policy/add/", "/admin/helpdesk/policy/"
MINUTE = timedelta(minutes=1)


def signed_in(name: str = "Helen Marsh", role: str = StaffRole.MANAGER) -> Client:
    client = Client()
    client.force_login(StaffFactory(full_name=name, staff_role=role))
    return client


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
