"""Mails that wait for quiet hours say so. What fired before deliveries were noted counts as delivered when noticed."""

from django.db import migrations, models

FILL = """
UPDATE helpdesk_escalation SET delivered_at = detected_at WHERE state = 'fired' AND delivered_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0005_engine_data")]
    operations = [
        migrations.AddField(
            model_name="outboxmail",
            name="held_until",
            field=models.DateTimeField(null=True, verbose_name="waits for quiet hours until"),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
