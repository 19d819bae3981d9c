"""What was written down since an instant is found without reading all events."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0020_keys_of_copies")]

    operations = [
        migrations.AddIndex(
            model_name="clockevent",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["recorded_at"], name="clock_event_recorded"),
        ),
    ]
