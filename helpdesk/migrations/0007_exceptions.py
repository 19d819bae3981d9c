"""Exception codes explain themselves in Japanese, too. What was asked for is never changed: the database refuses."""

from django.db import migrations, models

ASKED = (
    "clock_id",
    "code_id",
    "effect",
    "out_from",
    "out_until",
    "since",
    "target_seconds",
    "target_business_days",
    "evidence",
    "is_guaranteed",
    "requested_by_id",
    "requested_at",
)
TRIGGER = f"""
CREATE TRIGGER asked_once BEFORE UPDATE ON helpdesk_clockexception FOR EACH ROW
    WHEN (({", ".join(f"OLD.{name}" for name in ASKED)}) IS DISTINCT FROM ({", ".join(f"NEW.{name}" for name in ASKED)}))
    EXECUTE FUNCTION helpdesk_refuse_change();
"""
DROP = "DROP TRIGGER asked_once ON helpdesk_clockexception;"
JAPANESE = {
    "insufficient-information": "お願いした情報をお客様からいただくまで、対応を進められなかった場合。",
    "not-confirmed-critical": "ビジネスクリティカルとして申告されたが、定義に当てはまらなかった場合。",
    "declared-incident": "インシデントが宣言・告知され、その窓口で回答していた場合。",
    "scheduled-maintenance": "事前に告知したメンテナンス。",
    "third-party": "サービス外の事業者が原因で遅れた場合。",
    "force-majeure": "誰にも防げない事情による場合。",
    "not-in-english": "サポートは英語のみのところ、チケットが別の言語で書かれていた場合。",
    "customer-unreachable": "電話や質問に応答がなく、そのことを証拠が示している場合。",
}


def explain(apps, schema_editor):
    Code = apps.get_model("helpdesk", "ExceptionCode")
    for code, text in JAPANESE.items():
        Code.objects.filter(code=code, explanation_ja="").update(explanation_ja=text)


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0006_ladder")]
    operations = [
        migrations.AddField(
            "exceptioncode",
            "explanation_ja",
            models.TextField(blank=True, default="", verbose_name="when it applies, in Japanese"),
        ),
        migrations.AlterField(
            "clockevent",
            "kind",
            models.CharField(
                choices=[
                    ("start", "Started"),
                    ("pause", "Paused"),
                    ("resume", "Resumed"),
                    ("retarget", "Target changed"),
                    ("fulfil", "Answered"),
                    ("breach", "Breached"),
                    ("cancel", "Cancelled"),
                    ("exempt", "Exception"),
                ],
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.RunSQL(TRIGGER, DROP),
        migrations.RunPython(explain, migrations.RunPython.noop),
    ]
