"""Clocks of before have no exceptions: gross is what net is. And the list of exception codes to start with (SPEC 2.4).

A decided exception is never changed again, and none is deleted: the database refuses.
"""

from django.db import migrations

FILL = """
UPDATE helpdesk_clock
   SET counted_from = started_at, gross_due_at = due_at, gross_breached_at = breached_at
"""
TRIGGERS = """
CREATE TRIGGER decided_once BEFORE UPDATE ON helpdesk_clockexception
    FOR EACH ROW WHEN (OLD.state <> 'asked') EXECUTE FUNCTION helpdesk_refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON helpdesk_clockexception
    FOR EACH ROW EXECUTE FUNCTION helpdesk_refuse_change();
"""
DROP = """
DROP TRIGGER decided_once ON helpdesk_clockexception;
DROP TRIGGER never_deleted ON helpdesk_clockexception;
"""
# Code, name, name in Japanese, effects, when it applies.
CODES = [
    (
        "insufficient-information",
        "Insufficient information",
        "情報不足",
        ["restart", "pause"],
        "The ticket could not be worked on before the customer sent what was asked for.",
    ),
    (
        "not-confirmed-critical",
        "Not confirmed critical",
        "ビジネスクリティカルと確認されず",
        ["retarget", "void"],
        "Claimed as business critical, but not within the definition.",
    ),
    (
        "declared-incident",
        "Declared incident",
        "宣言済みインシデント",
        ["void", "pause"],
        "An incident was declared and announced; its channel gave the answers.",
    ),
    (
        "scheduled-maintenance",
        "Scheduled maintenance",
        "計画メンテナンス",
        ["pause"],
        "Maintenance that was announced in time.",
    ),
    ("third-party", "Third party", "第三者", ["pause", "void"], "A supplier outside the service held it up."),
    ("force-majeure", "Force majeure", "不可抗力", ["void", "pause"], "Beyond anybody's control."),
    (
        "not-in-english",
        "Not in English",
        "英語以外の言語",
        ["restart", "void"],
        "Support is given in English only; the ticket was written in another language.",
    ),
    (
        "customer-unreachable",
        "Customer unreachable",
        "お客様と連絡不能",
        ["void", "pause"],
        "Calls or questions went unanswered, as the evidence shows.",
    ),
]


def seed(apps, schema_editor):
    Code = apps.get_model("helpdesk", "ExceptionCode")
    for position, (code, name, name_ja, effects, explanation) in enumerate(CODES):
        Code.objects.create(
            code=code, name=name, name_ja=name_ja, effects=effects, explanation=explanation, position=position
        )


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0004_engine")]
    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, DROP),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
