"""What a report by another day than the due one reads, and what counts at another instant gross than net."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("helpdesk", "0021_clock_event_recorded"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                condition=models.Q(
                    ("counted_at", None),
                    ("counted_at__gt", models.F("gross_counted_at")),
                    ("counted_at__lt", models.F("gross_counted_at")),
                    _connector="OR",
                ),
                fields=["promise", "metric", "gross_counted_at"],
                name="clock_gross_apart",
            ),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                condition=models.Q(("answered_by__isnull", False)),
                fields=["promise", "metric", "ended_at"],
                name="clock_answered",
            ),
        ),
    ]
