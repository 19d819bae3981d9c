"""What managers change meanwhile: policies, calendars, teams, who is there; and rollouts to open tickets."""

import os
import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from random import Random

from helpdesk.accounts.models import Absence, Account, Membership, OnCallShift, Team, TeamMembership, User
from helpdesk.management.simulation.model import Ticket
from helpdesk.management.simulation.sweepers import in_child, wait_until_gone
from helpdesk.management.simulation.verbs import Model
from helpdesk.management.simulation.world import ZONES, World, definition, publish
from helpdesk.sla.models import Calendar, Policy
from helpdesk.sla.versions import move_policy, publish_calendar, set_policy_active
from helpdesk.tickets.services.rollouts import advance_rollouts, start_rollout

HOUR = timedelta(hours=1)
LONGEST = 0.3  # seconds that a rollout gets before it is killed


class Changes:
    """One change at a time, in the database and in the model."""

    def __init__(self, rng: Random, world: World, model: Model) -> None:
        self.rng, self.world, self.model = rng, world, model
        self.done = Counter()

    def one(self, now: datetime) -> None:
        kinds = {
            self.new_policy: 4,
            self.new_calendar: 4,
            self.switch_policy: 1,
            self.reorder: 1,
            self.other_calendar: 2,
            self.somebody_leaves: 2,
            self.somebody_comes_back: 2,
            self.join_or_leave_team: 3,
            self.designate: 2,
            self.absence: 4,
            self.duty: 4,
        }
        change = self.rng.choices(list(kinds), list(kinds.values()))[0]
        change(now)
        self.done[change.__name__] += 1

    def new_policy(self, now: datetime) -> None:
        policy = self.rng.choice(list(Policy.objects.order_by("pk")))
        publish(self.world, self.rng, policy, now=now)
        if self.rng.random() < 0.6:
            self._roll_out(policy, None, now)

    def switch_policy(self, now: datetime) -> None:
        """In force or not; the last one, for everybody, always is."""
        rules = self.model.rules.policies
        everybody = max(rules.values(), key=lambda row: not row.version(None)[1]["conditions"])
        choice = self.rng.choice([row for row in rules.values() if row is not everybody])
        choice.is_active = not choice.is_active
        policy = Policy.objects.get(pk=choice.pk)
        set_policy_active(policy=policy, active=choice.is_active)
        if not choice.is_active and self.rng.random() < 0.6:
            self._roll_out(policy, None, now)

    def reorder(self, now: datetime) -> None:
        policy = self.rng.choice(list(Policy.objects.order_by("pk")))
        rules = self.model.rules.policies
        order = [row for row in sorted(rules.values(), key=lambda row: (row.position, row.pk)) if row.pk != policy.pk]
        place = self.rng.randrange(len(rules))
        order.insert(place, rules[policy.pk])
        for position, row in enumerate(order):
            row.position = position
        move_policy(policy=policy, position=place)

    def new_calendar(self, now: datetime) -> None:
        calendar = self.rng.choice(list(Calendar.objects.order_by("pk")))
        rules = self.model.rules
        zone = rules.definitions[rules.calendars[calendar.pk][-1]]["timezone"]
        zone = self.rng.choice(ZONES) if self.rng.random() < 0.1 else zone
        hours = definition(self.rng, zone=zone, near=now.date())
        version = publish_calendar(calendar=calendar, definition=hours, day_names={}, actor=None, now=now)
        rules.calendars[calendar.pk].append(version.pk)
        rules.definitions[version.pk] = version.definition
        if self.rng.random() < 0.6:
            self._roll_out(None, calendar, now)

    def other_calendar(self, now: datetime) -> None:
        account = self.rng.choice(self.world.customers).account
        account.calendar = self.rng.choice([None, *Calendar.objects.order_by("pk")])
        Account.objects.filter(pk=account.pk).update(calendar=account.calendar)

    def somebody_leaves(self, now: datetime) -> None:
        staff = self.world.staff
        pk = self.rng.choice([pk for pk, role in staff.roles.items() if role != "administrator"])
        if sum(role == staff.roles[pk] for role in staff.roles.values()) > 3:
            User.objects.filter(pk=pk).update(is_active=False)
            staff.roles.pop(pk)
            self.world.people[pk].is_active = False

    def somebody_comes_back(self, now: datetime) -> None:
        away = [pk for pk in self.world.people if pk not in self.world.staff.roles]
        if away:
            pk = self.rng.choice(away)
            User.objects.filter(pk=pk).update(is_active=True)
            self.world.people[pk].is_active = True
            self.world.staff.roles[pk] = self.world.people[pk].staff_role

    def join_or_leave_team(self, now: datetime) -> None:
        rng, staff = self.rng, self.world.staff
        team, pk = rng.choice(list(self.world.teams)), rng.choice([*self.world.specialists, *self.world.leads])
        rows = TeamMembership.objects.filter(team=team, user=pk)
        if pk in staff.teams[team]:
            rows.delete()
            staff.teams[team].remove(pk)
            staff.leads[team] = [lead for lead in staff.leads[team] if lead != pk]
            return
        is_lead = pk in self.world.leads
        TeamMembership.objects.create(team=Team(pk=team), user_id=pk, is_lead=is_lead)
        staff.teams[team].append(pk)
        if is_lead:
            staff.leads[team].append(pk)

    def designate(self, now: datetime) -> None:
        """A super admin gets guarantees, or no more; what was promised before stays."""
        members = [row for customer in self.world.customers for row in customer.members if row.role == "super_admin"]
        member = self.rng.choice(members)
        member.is_designated = not member.is_designated
        Membership.objects.filter(pk=member.pk).update(is_designated=member.is_designated)

    def absence(self, now: datetime) -> None:
        """Somebody is away, from now or later; everybody of a team, once in a while."""
        pool = [pk for pk in self.world.people if self.world.people[pk].staff_role != "administrator"]
        team = self.world.staff.teams[self.rng.choice(list(self.world.teams))]
        for pk in list(team) if self.rng.random() < 0.2 else [self.rng.choice(pool)]:
            since = now + HOUR * self.rng.choice([0, 0, 5])
            until = since + HOUR * self.rng.uniform(2, 96)
            Absence.objects.create(user_id=pk, starts_at=since, ends_at=until)
            self.world.staff.absences.append((pk, since, until))
        self.world.staff.absences = [row for row in self.world.staff.absences if row[2] > now]

    def duty(self, now: datetime) -> None:
        """Somebody has duty for a team, or for all."""
        pk, team = self.rng.choice(self.world.specialists), self.rng.choice([None, *self.world.teams])
        since, hours = now + HOUR * self.rng.choice([-1, 0, 8]), self.rng.uniform(8, 72)
        OnCallShift.objects.create(user_id=pk, team_id=team, starts_at=since, ends_at=since + HOUR * hours)
        self.world.staff.shifts = [row for row in self.world.staff.shifts if row[3] > now]
        self.world.staff.shifts.append((pk, team, since, since + HOUR * hours))

    def _roll_out(self, policy: Policy | None, calendar: Calendar | None, now: datetime) -> None:
        """New rules for open tickets, by a worker that may be killed on the way, then to the end."""
        actor = self.world.people[self.world.managers[0]]
        rollout = start_rollout(policy=policy, calendar=calendar, reason="New rules.", actor=actor, now=now)
        if self.rng.random() < 0.5:
            pid = in_child(lambda: (advance_rollouts(now=now), signal.pause()))
            time.sleep(self.rng.random() * LONGEST)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            wait_until_gone()
            self.done["rollouts killed"] += 1
        advance_rollouts(now=now, seconds=3600)
        rollout.refresh_from_db()
        if (rollout.state, rollout.failed) != ("done", 0):
            raise RuntimeError(f"rollout {rollout.pk} is {rollout.state}, {rollout.failed} failed")
        keys = {"policy": policy and policy.pk, "calendar": calendar and calendar.pk}
        scope = [ticket for ticket in self.model.tickets.values() if self._is_in(ticket, keys)]
        for ticket in sorted(scope, key=lambda row: row.pk):
            self.model.roll_out(ticket, **keys, actor=actor.pk, now=now)
        self.done["rollouts"] += 1
        self.done["tickets rolled over"] += len(scope)

    def _is_in(self, ticket: Ticket, keys: dict[str, int | None]) -> bool:
        return any(clock.ledger.breached_at is None and self.model.is_of(clock, **keys) for clock in ticket.clocks)
