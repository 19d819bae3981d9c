"""What the operator starts with: the six hubs, a standard calendar, and the promises of the service (SPEC 1, 2.2, 2.5)."""

from datetime import UTC, datetime

from django.db import migrations

HUBS = [
    ("marketing", "Marketing Hub"),
    ("sales", "Sales Hub"),
    ("service", "Service Hub"),
    ("data", "Data Hub"),
    ("content", "Content Hub"),
    ("smart-crm", "Smart CRM"),
]
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
CALENDAR = {
    "timezone": "UTC",
    "weekly": {day: [["09:00", "17:00"]] for day in WEEKDAYS},
    "holidays": [],
    "special_days": {},
}
STEPS = [
    {"percent": 50, "recipients": ["owner"]},
    {"percent": 75, "recipients": ["team_lead"]},
    {"percent": 100, "recipients": ["manager"]},
]


def target(metric, promise, hours, **amount):
    return {"metric": metric, "promise": promise, "hours": hours, **amount}


NEXT_4_HOURS = target("next_response", "objective", "business", seconds=4 * 3600)
NEXT_DAY = target("next_response", "objective", "business", business_days=1)
POLICIES = [
    (
        "Business critical, designated super admins",
        {"channels": ["email"], "roles": ["designated"], "severities": ["critical"]},
        [target("first_response", "guaranteed", "always", seconds=30 * 60), NEXT_4_HOURS],
    ),
    (
        "Standard, designated super admins",
        {"channels": ["email"], "roles": ["designated"]},
        [target("first_response", "guaranteed", "always", seconds=3600), NEXT_4_HOURS],
    ),
    (
        "Chat",
        {"channels": ["chat"]},
        [target("chat_pickup", "objective", "business", seconds=120), NEXT_DAY],
    ),
    (
        "Callback",
        {"channels": ["phone"]},
        [target("callback", "objective", "business", seconds=300), NEXT_DAY],
    ),
    (
        "All other users",
        {},
        [target("first_response", "objective", "business", business_days=1), NEXT_DAY],
    ),
]


def seed(apps, schema_editor):
    now = datetime.now(UTC)
    Hub = apps.get_model("helpdesk", "Hub")
    for position, (code, name) in enumerate(HUBS):
        Hub.objects.create(code=code, name=name, position=position)
    calendar = apps.get_model("helpdesk", "Calendar").objects.create(name="Standard business hours", is_default=True)
    apps.get_model("helpdesk", "CalendarVersion").objects.create(
        calendar=calendar, number=1, definition=CALENDAR, created_at=now
    )
    for position, (name, conditions, targets) in enumerate(POLICIES):
        policy = apps.get_model("helpdesk", "Policy").objects.create(name=name, position=position)
        apps.get_model("helpdesk", "PolicyVersion").objects.create(
            policy=policy,
            number=1,
            document={"conditions": conditions, "targets": targets, "steps": STEPS, "repeat_minutes": 30},
            created_at=now,
        )


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0002_append_only")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
