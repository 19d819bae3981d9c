"""Makes the people, companies, calendars and subscriptions, and knows them for the stories to come."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password

from helpdesk.accounts.models import Account, Membership, RequesterRole, StaffRole, Team, TeamMembership, User
from helpdesk.core.demo import PASSWORD
from helpdesk.management.demo.companies import (
    AGENCY_CLIENTS,
    KESTREL,
    REGIONS,
    WITHOUT_PREMIUM,
    Company,
    Region,
    companies,
    invented_names,
)
from helpdesk.reports.periods import month_start
from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar
from helpdesk.sla.holidays import national
from helpdesk.sla.models import Calendar, CalendarVersion, PolicyVersion
from helpdesk.sla.terms import Terms
from helpdesk.subscriptions.entitlement import Entitlement, entitlements
from helpdesk.subscriptions.models import Hub, Subscription, Tier

SPECIALISTS = {
    "anna": ("Anna Meier", "Europe/Berlin"),
    "karl": ("Karl Tanner", "Europe/Zurich"),
    "paulo": ("Paulo Duarte", "Europe/Lisbon"),
    "aiko": ("Aiko Kuroda", "Asia/Tokyo"),
    "jan": ("Jan Nowak", "Europe/Warsaw"),
    "lucia": ("Lucía Sandoval", "America/Mexico_City"),
}
LEAD, MANAGER, ADMINISTRATOR = ("olu", "Olu Adeyemi"), ("helen", "Helen Marsh"), ("admin", "Robin Ellery")
TEAMS = {
    "CRM and Data": (("smart-crm", "data"), ("anna", "karl", "aiko")),
    "Marketing and Content": (("marketing", "content"), ("anna", "paulo", "jan")),
    "Sales and Service": (("sales", "service"), ("lucia", "karl", "aiko")),
}
KESTREL_PEOPLE = [
    ("mina", "Mina Okafor", Membership.Role.SUPER_ADMIN, True),
    ("tomas", "Tomás Ferreira", Membership.Role.SUPER_ADMIN, False),
    ("aoife", "Aoife Brennan", Membership.Role.USER, False),
]
AGENCY_PERSON = ("noor@lumen-partner.example", "Noor Haddad")
# The people of other companies: designated, super admin, and users.
ROLES = [(Membership.Role.SUPER_ADMIN, True), (Membership.Role.SUPER_ADMIN, False)] + [
    (Membership.Role.USER, False)
] * 3
ROMAN = {
    "美咲": "misaki", "健太": "kenta", "由美子": "yumiko", "大輔": "daisuke", "陽子": "yoko", "直樹": "naoki",
    "佐藤": "sato", "高橋": "takahashi", "渡辺": "watanabe", "中村": "nakamura", "小林": "kobayashi", "山田": "yamada",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who can ask for help, in the role that an account gave them."""

    user_id: int
    role: RequesterRole


@dataclass(frozen=True, slots=True)
class Customer:
    """An entitled account, with what its tickets keep of it."""

    account_id: int
    name: str
    japanese: bool
    weight: int
    calendar_version_id: int
    hours: BusinessCalendar
    askers: tuple[Asker, ...]
    entitlements: dict[str, Entitlement]

    def asker(self, role: RequesterRole) -> Asker:
        return next(asker for asker in self.askers if asker.role == role)


@dataclass(frozen=True, slots=True)
class World:
    """Everybody and everything a story can be about."""

    customers: tuple[Customer, ...]
    staff: dict[str, int]
    names: dict[int, str]
    team_of: dict[str, int]
    specialists: dict[int, tuple[int, ...]]
    versions: tuple[tuple[int, Terms], ...]

    @property
    def lead(self) -> int:
        return self.staff[LEAD[0]]

    @property
    def manager(self) -> int:
        return self.staff[MANAGER[0]]


def make_world(*, rng: Random, accounts: int, now: datetime, days: int) -> World:
    """Write people, companies, calendars and subscriptions; the history will reach `days` back."""
    password = make_password(PASSWORD, salt="".join(rng.choices("abcdefghijkmnpqrstuvwxyz23456789", k=22)))
    staff = _staff(password)
    teams = _teams(staff)
    begins = (now - timedelta(days=days + 30)).date()
    calendars = {key: _calendar(region, begins.year, now) for key, region in REGIONS.items()}
    rows = companies(accounts)
    customers = _customers(rows, password=password, calendars=calendars, begins=begins, now=now)
    hubs = {hub: teams[name].pk for name, (codes, _members) in TEAMS.items() for hub in codes}
    versions = PolicyVersion.objects.filter(is_current=True, policy__is_active=True)
    return World(
        customers=tuple(customers),
        staff={key: user.pk for key, user in staff.items()},
        names={user.pk: user.full_name for user in staff.values()},
        team_of=hubs,
        specialists={
            teams[name].pk: tuple(staff[key].pk for key in members) for name, (_codes, members) in TEAMS.items()
        },
        versions=tuple((version.pk, version.terms) for version in versions.order_by("policy__position", "policy_id")),
    )


def _staff(password: str) -> dict[str, User]:
    rows = [(key, name, zone, StaffRole.SPECIALIST) for key, (name, zone) in SPECIALISTS.items()]
    rows += [
        (*LEAD, "Europe/London", StaffRole.TEAM_LEAD),
        (*MANAGER, "Europe/London", StaffRole.MANAGER),
        (*ADMINISTRATOR, "Europe/Berlin", StaffRole.ADMINISTRATOR),
    ]
    users = User.objects.bulk_create(
        User(email=f"{key}@premium.example", full_name=name, time_zone=zone, staff_role=role, password=password)
        for key, name, zone, role in rows
    )
    return dict(zip([row[0] for row in rows], users, strict=True))


def _teams(staff: dict[str, User]) -> dict[str, Team]:
    teams = {}
    for name, (hubs, members) in TEAMS.items():
        team = teams[name] = Team.objects.create(name=name)
        team.hubs.set(Hub.objects.filter(pk__in=hubs))
        TeamMembership.objects.bulk_create(
            TeamMembership(team=team, user=staff[key], is_lead=key == LEAD[0]) for key in (*members, LEAD[0])
        )
    return teams


def _calendar(region: Region, first_year: int, now: datetime) -> CalendarVersion:
    years = range(first_year, now.year + 3)
    closed = national(country=region.country, region=region.subdivision or "", years=years).days
    first = region.hours[0][0]
    definition = {
        "timezone": region.time_zone,
        "weekly": {day: [list(hours) for hours in region.hours] for day in DAY_NAMES[:5]},
        "holidays": sorted(day.isoformat() for day in closed),
        # Half a day where the day itself is no holiday; weekends stay closed.
        "special_days": {
            day.isoformat(): [[first, "12:00"]]
            for year in years
            for day in (date(year, 12, 24), date(year, 12, 31))
            if day.weekday() < 5
        },
    }
    calendar = Calendar.objects.create(name=region.name)
    names = {day.isoformat(): name for day, name in closed.items() if name}
    return CalendarVersion.objects.create(
        calendar=calendar, number=1, definition=definition, day_names=names, created_at=now
    )


def _customers(
    rows: list[Company], *, password: str, calendars: dict[str, CalendarVersion], begins: date, now: datetime
) -> list[Customer]:
    accounts = Account.objects.bulk_create(
        Account(name=row.name, time_zone=REGIONS[row.region].time_zone, calendar=calendars[row.region].calendar)
        for row in rows
    )
    people = [_people(row, password) for row in rows]
    User.objects.bulk_create(user for group in people for user, _role, _designated in group)
    agency = User(email=AGENCY_PERSON[0], full_name=AGENCY_PERSON[1], time_zone="Europe/Paris", password=password)
    agency.save()
    for row, group in zip(rows, people, strict=True):
        if row in AGENCY_CLIENTS:
            group.append((agency, Membership.Role.USER, False))
    memberships = Membership.objects.bulk_create(
        Membership(account=account, user=user, role=role, is_designated=designated)
        for account, group in zip(accounts, people, strict=True)
        for user, role, designated in group
    )
    _subscriptions(rows, accounts, begins=begins, now=now)
    askers: dict[int, list[Asker]] = {}
    for membership in memberships:
        askers.setdefault(membership.account_id, []).append(Asker(membership.user_id, membership.requester_role))
    return [
        Customer(
            account_id=account.pk,
            name=account.name,
            japanese=row.region == "jp",
            weight=row.weight,
            calendar_version_id=calendars[row.region].pk,
            hours=calendars[row.region].hours,
            askers=tuple(askers[account.pk]),
            entitlements={one.hub.pk: one for one in entitlements(account=account, now=now)},
        )
        for row, account in zip(rows, accounts, strict=True)
        if row.weight
    ]


def _people(row: Company, password: str) -> list[tuple[User, str, bool]]:
    """A company's people: unsaved, with role and designation."""
    if row is KESTREL:
        people = KESTREL_PEOPLE
    elif row is WITHOUT_PREMIUM:
        people = [("piet", "Piet van den Berg", Membership.Role.SUPER_ADMIN, False)]
    else:
        names = invented_names(row.region)
        people = [(_local_part(name), name, *role) for name, role in zip(names, ROLES, strict=False)]
    zone, language = REGIONS[row.region].time_zone, "ja" if row.region == "jp" else "en"
    return [
        (
            User(email=f"{local}@{row.domain}", full_name=name, time_zone=zone, language=language, password=password),
            role,
            designated,
        )
        for local, name, role, designated in people
    ]


def _local_part(name: str) -> str:
    """The part of an address before the @: plain ASCII."""
    words = [ROMAN.get(word, word) for word in name.split()]
    plain = unicodedata.normalize("NFKD", ".".join(words)).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", "")


def _subscriptions(rows: list[Company], accounts: list[Account], *, begins: date, now: datetime) -> None:
    Subscription.objects.bulk_create(
        Subscription(
            account=account,
            hub_id=one.hub,
            tier=Tier.ENTERPRISE if one.premium else Tier.PROFESSIONAL,
            premium_support=one.premium,
            channels=list(one.channels) if one.premium else [],
            starts_on=begins,
            ends_on=None if one.until is None else _month_end(now, account.time_zone, one.until),
        )
        for row, account in zip(rows, accounts, strict=True)
        for one in row.subscriptions
    )


def _month_end(now: datetime, time_zone: str, days: int) -> date:
    """The last day of the month that lies `days` ahead; an end in the past stays in the past."""
    day = now.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=days)
    if days < 0:
        return day
    return month_start(day, 1) - timedelta(days=1)
