"""The index of words says how old a ticket is, too: the newest that have some words are found without the others.

A ticket's age is the number of its block of 16,384 tickets, written like a word that nobody can type. Without locks:
the new index is built beside the old one, which then goes. Each step can be taken again, after a process was killed at it.
"""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

import helpdesk.tickets.models.reading

CREATE = """
CREATE OR REPLACE FUNCTION helpdesk_age(ticket bigint) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_to_tsvector(ARRAY['#' || (ticket >> 14)])
$$;

CREATE OR REPLACE FUNCTION helpdesk_newest(ticket bigint) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT format('''#%s'' | ''#%s''', ticket >> 14, (ticket >> 14) - 1)::tsquery
$$;
"""
DROP = """
DROP FUNCTION helpdesk_newest(bigint);
DROP FUNCTION helpdesk_age(bigint);
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("helpdesk", "0029_secrets_at_rest")]
    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS search_text_newest", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "searchtext",
            django.contrib.postgres.indexes.GinIndex(
                helpdesk.tickets.models.reading.Joined(
                    "words",
                    models.Func("ticket", function="helpdesk_age"),
                    output_field=django.contrib.postgres.search.SearchVectorField(),
                ),
                name="search_text_newest",
            ),
        ),
        RemoveIndexConcurrently("searchtext", "search_text_words"),
    ]
