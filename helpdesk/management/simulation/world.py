"""The people, companies and rules that a simulation begins with; what becomes of them is `changes`."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from helpdesk.accounts.models import Account, Membership, Team, TeamMembership, User
from helpdesk.core.channels import Channel
from helpdesk.management.simulation.ladder import Staff
from helpdesk.management.simulation.rules import Policy as ModelPolicy
from helpdesk.management.simulation.rules import Rulebook
from helpdesk.sla.models import Calendar, CalendarVersion, ExceptionCode, Policy
from helpdesk.sla.terms import Terms
from helpdesk.sla.versions import create_calendar, publish_policy
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.subscriptions.models import Hub, Subscription, Tier

# Zones whose clocks change on other days, by half an hour, at midnight, or never.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kolkata",
    "UTC",
)
DAYS = ("mon", "tue", "wed", "thu", "fri")
SHIFTS = (
    [["09:00", "17:00"]],
    [["08:30", "12:00"], ["13:00", "17:30"]],
    [["00:00", "06:00"], ["22:00", "24:00"]],
    [["00:00", "24:00"]],
    [["07:15", "19:45"]],
)
# Quiet hours: none, over midnight, after lunch.
NIGHTS = (
    {},
    {},
    {"quiet_from": time(21, 0), "quiet_until": time(7, 30)},
    {"quiet_from": time(13, 0), "quiet_until": time(14, 0)},
)


@dataclass(frozen=True, slots=True)
class Customer:
    """One account, who speaks for it, and what it is entitled to."""

    account: Account
    members: list[Membership]
    entitlements: list[Entitlement]


@dataclass(slots=True)
class World:
    """Everybody by role, as rows of the database, and the same as the model knows it."""

    rules: Rulebook
    staff: Staff
    customers: list[Customer]
    people: dict[int, User]
    specialists: list[int]
    leads: list[int]
    managers: list[int]
    teams: dict[int, Team]
    codes: list[ExceptionCode]
    default_calendar: int
    team_of: dict[str, int] = field(default_factory=dict)  # by hub


def definition(rng: Random, *, zone: str, near: date) -> dict[str, Any]:
    """Some opening hours, with holidays and special days around a date."""
    hours = rng.choice(SHIFTS)
    weekly = {day: hours for day in DAYS}
    if rng.random() < 0.3:
        weekly["sat"] = [["10:00", "14:00"]]
    if rng.random() < 0.1:
        weekly["sun"] = [["01:00", "03:30"]]  # over the hours that daylight saving skips or repeats
    days = [(near + timedelta(days=rng.randrange(-5, 120))).isoformat() for _ in range(8)]
    special = {day: rng.choice(SHIFTS) for day in days[5:]}
    return {"timezone": zone, "weekly": weekly, "holidays": sorted(set(days[:5])), "special_days": special}


def terms(rng: Random, document: dict[str, Any], teams: list[int]) -> dict[str, Any]:
    """Other targets and steps for the same conditions."""
    targets = [_target(rng, row) for row in document["targets"] if row["metric"] != "resolution"]
    if rng.random() < 0.6:
        length = rng.choice([{"seconds": 3600 * rng.choice([2, 8, 20])}, {"business_days": rng.choice([1, 2, 5])}])
        targets.append({"metric": "resolution", "promise": "objective", "hours": "business", **length})
    percents = sorted(rng.sample([10, 25, 50, 60, 75, 90, 100, 110, 150, 200], rng.randrange(2, 5)))
    steps = [_step(rng, percent, teams) for percent in percents]
    told = {"repeat_recipients": ["team_lead"]} if rng.random() < 0.3 else {}
    return {
        "conditions": document["conditions"],
        "targets": targets,
        "steps": steps,
        "repeat_minutes": rng.choice([0, 30, 60, 240, 240]),
        **told,
    }


def _step(rng: Random, percent: int, teams: list[int]) -> dict[str, Any]:
    posts = ["owner", "team", "team_lead", "manager", "on_call"]
    step: dict[str, Any] = {"percent": percent, "recipients": rng.sample(posts, rng.choice([1, 1, 2]))}
    if rng.random() < 0.2:
        step["ways"] = [rng.choice(["in_app", "email"])]
    if rng.random() < 0.25:
        step["raise_priority"] = True
    if rng.random() < 0.15:
        step["assign_team"] = rng.choice(teams)
    return step


def _target(rng: Random, row: dict[str, Any]) -> dict[str, Any]:
    """A guarantee stays one; how long anything takes may change."""
    kept = {name: row[name] for name in ("metric", "promise", "hours")}
    if "business_days" in row and rng.random() < 0.7:
        return kept | {"business_days": rng.choice([1, 1, 2])}
    base = row.get("seconds", 4 * 3600)
    return kept | {"seconds": max(60, int(base * rng.choice([0.5, 1, 1, 1, 2])))}


def make_world(rng: Random, *, now: datetime, accounts: int) -> World:
    rules, staff = Rulebook(), Staff()
    rules.policies = {row.pk: _policy(row) for row in Policy.objects.prefetch_related("versions")}
    for policy in rules.policies.values():
        rules.documents |= {version: document for version, _at, document in policy.versions}
    calendars = _calendars(rng, rules, now)
    people = _people(rng)
    by_role = {role: [pk for pk, user in people.items() if user.staff_role == role] for role in ROLES}
    staff.quiet = {
        pk: (user.quiet_from, user.quiet_until, ZoneInfo(user.time_zone))
        for pk, user in people.items()
        if user.quiet_from
    }
    staff.roles = {pk: user.staff_role for pk, user in people.items()}
    teams = _teams(rng, staff, by_role)
    world = World(
        rules=rules,
        staff=staff,
        customers=[_customer(rng, number, calendars, now) for number in range(accounts)],
        people=people,
        specialists=by_role["specialist"],
        leads=by_role["team_lead"],
        managers=by_role["manager"],
        teams={team.pk: team for team in teams},
        codes=list(ExceptionCode.objects.all()),
        default_calendar=Calendar.objects.get(is_default=True).pk,
    )
    for hub, team in zip(Hub.objects.all(), [*teams, *teams], strict=False):
        if hub.position != 5:  # nobody serves the last one
            hub.teams.add(team)
            world.team_of[hub.pk] = team.pk
    for policy in Policy.objects.all():
        if rng.random() < 0.6:
            publish(world, rng, policy, now=now)
    return world


def publish(world: World, rng: Random, policy: Policy, *, now: datetime) -> None:
    """A new version of a policy, in the database and in the model."""
    _pk, document = world.rules.policies[policy.pk].version(None)
    version = publish_policy(
        policy=policy, terms=Terms.from_dict(terms(rng, document, list(world.teams))), actor=None, now=now
    )
    learn_policy(world.rules, policy.pk, version.pk, now, version.document)


def learn_policy(rules: Rulebook, policy: int, pk: int, at: datetime, document: dict[str, Any]) -> None:
    rules.policies[policy].versions.append((pk, at, document))
    rules.documents[pk] = document


ROLES = {"specialist": 18, "team_lead": 4, "manager": 2, "administrator": 1}


def _policy(row: Policy) -> ModelPolicy:
    versions = [(version.pk, version.created_at, version.document) for version in row.versions.order_by("number")]
    return ModelPolicy(row.pk, row.position, row.is_active, versions)


def _calendars(rng: Random, rules: Rulebook, now: datetime) -> list[Calendar]:
    made = [
        create_calendar(
            name=zone, definition=definition(rng, zone=zone, near=now.date()), day_names={}, actor=None, now=now
        )
        for zone in ZONES
    ]
    for version in CalendarVersion.objects.order_by("number"):
        rules.calendars.setdefault(version.calendar_id, []).append(version.pk)
        rules.definitions[version.pk] = version.definition
    return made


def _people(rng: Random) -> dict[int, User]:
    rows = [
        User(
            email=f"{role}{number}@premium.example",
            full_name=f"{role} {number}",
            staff_role=role,
            password="!",  # noqa: S106 - nobody signs in
            language=rng.choice(["en", "ja"]),
            time_zone=rng.choice(ZONES),
            **rng.choice(NIGHTS),
        )
        for role, count in ROLES.items()
        for number in range(count)
    ]
    return {user.pk: user for user in User.objects.bulk_create(rows)}


def _teams(rng: Random, staff: Staff, by_role: dict[str, list[int]]) -> list[Team]:
    """Three teams; the last one has no lead."""
    teams = [Team.objects.create(name=f"Team {number}") for number in range(3)]
    for team in teams:
        members = [*rng.sample(by_role["specialist"], 6), *rng.sample(by_role["team_lead"], 2)]
        rows = [
            TeamMembership(team=team, user_id=pk, is_lead=pk in by_role["team_lead"] and team is not teams[-1])
            for pk in members
        ]
        TeamMembership.objects.bulk_create(rows)
        staff.teams[team.pk] = members
        staff.leads[team.pk] = [row.user_id for row in rows if row.is_lead]
    return teams


def _customer(rng: Random, number: int, calendars: list[Calendar], now: datetime) -> Customer:
    account = Account.objects.create(
        name=f"Account {number}", calendar=rng.choice([*calendars, None]), time_zone=rng.choice(ZONES)
    )
    roles = [("super_admin", True), ("super_admin", False), *[("user", False)] * rng.randrange(1, 4)]
    people = User.objects.bulk_create(
        User(email=f"p{place}@account{number}.example", full_name=f"Person {place}", password="!")  # noqa: S106
        for place in range(len(roles))
    )
    members = [
        Membership(account=account, user=user, role=role, is_designated=designated)
        for user, (role, designated) in zip(people, roles, strict=True)
    ]
    Membership.objects.bulk_create(members)
    hubs = rng.sample(list(Hub.objects.all()), rng.randrange(1, 5))
    rows = Subscription.objects.bulk_create(
        Subscription(account=account, hub=hub, premium_support=True, tier=Tier.ENTERPRISE, starts_on=now.date())
        for hub in hubs
    )
    bought = [
        Entitlement(subscription_id=row.pk, hub=row.hub, tier=row.tier, channels=tuple(Channel.values), ends_on=None)
        for row in rows
    ]
    return Customer(account, members, bought)
