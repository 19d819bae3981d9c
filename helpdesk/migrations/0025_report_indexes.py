"""What a report by another day than the due one reads, and what counts at another instant gross than net.

Reports by mail: what is tried again, and where the first one after a change begins.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("helpdesk", "0023_saml"),
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
        migrations.AddField(
            model_name="reportschedule",
            name="covers_from",
            field=models.DateField(null=True, verbose_name="covers from"),
        ),
        migrations.AddField(
            model_name="reportschedule",
            name="failures",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="failed attempts"),
        ),
        migrations.AddField(
            model_name="reportschedule",
            name="retry_at",
            field=models.DateTimeField(null=True, verbose_name="next attempt"),
        ),
        migrations.AddField(
            model_name="reportschedule",
            name="failure",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="what went wrong"),
        ),
    ]
