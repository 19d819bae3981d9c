"""SLA statements that stay as they were signed, reports by mail, and dry runs of rules."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


# What was signed stays as it was: the database refuses to change or delete it.
CREATE = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON helpdesk_statement
    FOR EACH ROW EXECUTE FUNCTION helpdesk_refuse_change();
"""
DROP = "DROP TRIGGER append_only ON helpdesk_statement;"


class Migration(migrations.Migration):
    dependencies = [
        ("helpdesk", "0017_queue"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReportSchedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("query", models.JSONField(default=dict, verbose_name="filters")),
                (
                    "every",
                    models.CharField(
                        choices=[
                            ("day", "Every day"),
                            ("week", "Every week"),
                            ("month", "Every month, on its first day"),
                        ],
                        default="week",
                        max_length=5,
                        verbose_name="how often",
                    ),
                ),
                ("weekday", models.PositiveSmallIntegerField(default=0, verbose_name="weekday")),
                ("at", models.TimeField(verbose_name="time of day")),
                ("time_zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                (
                    "file",
                    models.CharField(
                        blank=True,
                        choices=[("", "A link only"), ("csv", "CSV, attached"), ("xlsx", "Workbook (XLSX), attached")],
                        default="csv",
                        max_length=4,
                        verbose_name="file",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                ("next_at", models.DateTimeField(null=True, verbose_name="next")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "recipients",
                    models.ManyToManyField(related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="recipients"),
                ),
            ],
            options={
                "verbose_name": "scheduled report",
                "verbose_name_plural": "scheduled reports",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="ReportMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                (
                    "state",
                    models.CharField(
                        choices=[("sent", "Sent"), ("skipped", "Skipped: a newer one was due"), ("test", "Test")],
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("file", models.CharField(blank=True, default="", max_length=200, verbose_name="file")),
                ("created_at", models.DateTimeField(verbose_name="written")),
                (
                    "mail",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="helpdesk.outboxmail",
                        verbose_name="mail",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="to",
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="helpdesk.reportschedule",
                        verbose_name="report",
                    ),
                ),
            ],
            options={
                "verbose_name": "report sent",
                "verbose_name_plural": "reports sent",
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField(verbose_name="month")),
                ("revision", models.PositiveIntegerField(default=1, verbose_name="revision")),
                ("as_of", models.DateTimeField(verbose_name="events up to")),
                ("document", models.TextField(verbose_name="document")),
                ("digest", models.CharField(max_length=64, verbose_name="digest")),
                ("signature", models.CharField(max_length=128, verbose_name="signature")),
                ("public_key", models.CharField(max_length=64, verbose_name="public key")),
                ("due", models.PositiveIntegerField(verbose_name="guarantees due")),
                ("met", models.PositiveIntegerField(verbose_name="guarantees met")),
                ("created_at", models.DateTimeField(verbose_name="issued")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="helpdesk.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "SLA statement",
                "verbose_name_plural": "SLA statements",
            },
        ),
        migrations.AddIndex(
            model_name="reportschedule",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False)), fields=["next_at"], name="report_schedule_next"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportschedule",
            constraint=models.CheckConstraint(condition=models.Q(("weekday__lte", 6)), name="report_schedule_weekday"),
        ),
        migrations.AddConstraint(
            model_name="reportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("next_at", None), models.Q(("ended_at", None), ("is_active", True)), _connector="OR"
                ),
                name="report_schedule_next_if_active",
            ),
        ),
        migrations.AddIndex(
            model_name="reportmail",
            index=models.Index(fields=["schedule", "-id"], name="report_mail_newest"),
        ),
        migrations.AddIndex(
            model_name="reportmail",
            index=models.Index(
                condition=models.Q(("file", ""), _negated=True), fields=["created_at"], name="report_mail_file"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportmail",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "test"), _negated=True),
                fields=("schedule", "recipient", "due_at"),
                name="report_mail_once",
            ),
        ),
        migrations.AddIndex(
            model_name="statement",
            index=models.Index(fields=["-month", "account"], name="statement_newest"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("account", "month", "revision"), name="statement_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(condition=models.Q(("month__day", 1)), name="statement_of_a_month"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(
                condition=models.Q(("met__lte", models.F("due"))), name="statement_met_of_due"
            ),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
