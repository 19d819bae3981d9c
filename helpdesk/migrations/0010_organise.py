"""When somebody was last given a ticket is found at once: whose turn it is."""

import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0009_search")]
    operations = [
        migrations.AddIndex(
            model_name="ticketevent",
            index=models.Index(
                django.db.models.fields.json.KeyTransform("after", "data"),
                models.OrderBy(models.F("at"), descending=True),
                condition=models.Q(("kind", "assigned")),
                name="ticket_event_given",
            ),
        ),
    ]
