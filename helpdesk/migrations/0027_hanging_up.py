"""A call that is to be hung up, and one that was; the index of what waits for a worker has the first, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("helpdesk", "0025_report_indexes"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="callattempt",
            name="attempt_to_dial",
        ),
        migrations.AlterField(
            model_name="callattempt",
            name="dial",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "By hand"),
                    ("pending", "To be dialled"),
                    ("dialling", "Being dialled"),
                    ("placed", "Dialled"),
                    ("failed", "Given up"),
                    ("hanging_up", "To be hung up"),
                    ("hung_up", "Hung up"),
                ],
                default="",
                max_length=10,
                verbose_name="dialling",
            ),
        ),
        migrations.AddIndex(
            model_name="callattempt",
            index=models.Index(
                condition=models.Q(("dial__in", ["pending", "dialling", "hanging_up"])),
                fields=["leased_until", "id"],
                name="attempt_to_dial",
            ),
        ),
    ]
