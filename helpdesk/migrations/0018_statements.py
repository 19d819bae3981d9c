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
                "indexes": [models.Index(fields=["-month", "account"], name="statement_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "month", "revision"), name="statement_once"),
                    models.CheckConstraint(condition=models.Q(("month__day", 1)), name="statement_of_a_month"),
                    models.CheckConstraint(
                        condition=models.Q(("met__lte", models.F("due"))), name="statement_met_of_due"
                    ),
                ],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
