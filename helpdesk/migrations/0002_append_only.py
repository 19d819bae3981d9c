"""Events are append-only: the database refuses to change or delete one.

Erasing a person's data by law needs `SET LOCAL helpdesk.erasure = 'on'` in its transaction.
"""

from django.db import migrations

TABLES = ["helpdesk_clockevent", "helpdesk_ticketevent"]

CREATE = """
CREATE FUNCTION helpdesk_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('helpdesk.erasure', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
""" + "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION helpdesk_refuse_change();
"""
    for table in TABLES
)
DROP = "".join(f"DROP TRIGGER append_only ON {table};" for table in TABLES) + "DROP FUNCTION helpdesk_refuse_change();"


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
