"""Events are append-only: the database refuses to change or delete one. So it does with what a version of a
policy or calendar says: a clock must be explained by the terms it was given.

Erasing a person's data by law needs `SET LOCAL helpdesk.erasure = 'on'` in its transaction.
"""

from django.db import migrations

TABLES = ["helpdesk_clockevent", "helpdesk_ticketevent"]
VERSIONS = {"helpdesk_policyversion": "document", "helpdesk_calendarversion": "definition"}

CREATE = """
CREATE FUNCTION helpdesk_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('helpdesk.erasure', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
""" + "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION helpdesk_refuse_change();
"""
    for table in TABLES
) + "".join(
    f"""
CREATE TRIGGER never_edited BEFORE UPDATE OF {column} ON {table}
    FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION helpdesk_refuse_change();
"""
    for table, column in VERSIONS.items()
)
DROP = "".join(
    [f"DROP TRIGGER append_only ON {table};" for table in TABLES]
    + [f"DROP TRIGGER never_edited ON {table};" for table in VERSIONS]
) + "DROP FUNCTION helpdesk_refuse_change();"


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
