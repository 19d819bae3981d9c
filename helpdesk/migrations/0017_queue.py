"""An index of the words of open tickets alone, and one of the names of stored files.

Whether a ticket is open is a column of the words' row, because an index cannot look at another table. A trigger
keeps it, rather than every verb that moves a ticket: a ticket that a verb forgot could not be found by anybody.
"""

import django.contrib.postgres.indexes
from django.db import migrations, models

OPEN = "{}.status IN ('new', 'open', 'waiting')"
CREATE = f"""
UPDATE helpdesk_searchtext AS kept SET is_open = true
  FROM helpdesk_ticket AS ticket
 WHERE ticket.id = kept.ticket_id AND {OPEN.format("ticket")};

CREATE FUNCTION helpdesk_search_follows_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE helpdesk_searchtext SET is_open = ({OPEN.format("NEW")}) WHERE ticket_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER search_follows_status AFTER UPDATE OF status ON helpdesk_ticket FOR EACH ROW
    WHEN (({OPEN.format("OLD")}) IS DISTINCT FROM ({OPEN.format("NEW")}))
    EXECUTE FUNCTION helpdesk_search_follows_status();
"""
DROP = """
DROP TRIGGER search_follows_status ON helpdesk_ticket;
DROP FUNCTION helpdesk_search_follows_status();
"""


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0016_my_tickets")]
    operations = [
        migrations.AddField("searchtext", "is_open", models.BooleanField(db_default=False, verbose_name="open")),
        migrations.RunSQL(CREATE, DROP),
        migrations.AddIndex(
            "searchtext",
            django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("is_open", True)), fields=["words"], name="search_text_open"
            ),
        ),
        migrations.AddIndex("attachment", models.Index(fields=["file"], name="attachment_file")),
    ]
