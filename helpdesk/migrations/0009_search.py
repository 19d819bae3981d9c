"""The words that a ticket is found by, and the columns of one's queue.

`helpdesk_words` makes them of a text, `helpdesk_query` makes of what was typed the query that finds them; both
read a text alike: NFKC (full and half width are the same), small letters, no accents. What is written without
spaces (Hiragana, Katakana, Kanji, Hangul) is cut into every two letters that stand together, and the last letter
of a run alone, so that any part of it is found: two letters and more by their pairs, one by the pairs that begin
with it. Other words are found by their beginning.

Positions are never kept: a word is there or it isn't. A text counts up to 20,000 letters unless told otherwise, a word up to 60. What
was typed counts up to 200 letters and 24 pieces. Neither function can fail for any text: letters and digits
are all that reaches the query's syntax.

ROWS keeps the planner's guess low: with the usual 1000 it would compile each call's plan (JIT), for 4 ms a text.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

RUN = (
    r"\u1100-\u11ff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff"
    r"\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
CREATE = rf"""
CREATE FUNCTION helpdesk_plain(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN octet_length(given) = length(given) THEN lower(given)
        ELSE normalize(
            regexp_replace(normalize(lower(normalize(given, NFKC)), NFD), '[\u0300-\u036f]', '', 'g'), NFC)
    END
$$;

CREATE FUNCTION helpdesk_pieces(given text) RETURNS TABLE (piece text, runs boolean, place bigint)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 30 AS $$
    SELECT CASE WHEN found.word ~ '^[{RUN}]' THEN found.word ELSE left(found.word, 60) END,
           found.word ~ '^[{RUN}]',
           found.place
      FROM regexp_split_to_table(
               regexp_replace(helpdesk_plain(given), '([{RUN}]+)', ' \1 ', 'g'), '[^[:alnum:]{RUN}]+'
           ) WITH ORDINALITY AS found (word, place)
     WHERE found.word <> ''
$$;

CREATE FUNCTION helpdesk_words(given text, most integer DEFAULT 20000) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_to_tsvector(ARRAY(
        SELECT CASE WHEN runs THEN substr(piece, letter, 2) ELSE piece END
          FROM helpdesk_pieces(left(given, most)),
               generate_series(1, CASE WHEN runs THEN length(piece) ELSE 1 END) AS letter
    ))
$$;

CREATE FUNCTION helpdesk_query(given text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg(asked, ' & ')::tsquery
      FROM (
        SELECT '''' || part.word || '''' || CASE WHEN part.begins THEN ':*' ELSE '' END AS asked
          FROM helpdesk_pieces(left(given, 200)) AS found,
               LATERAL (
                   SELECT found.piece AS word, found.runs OR length(found.piece) > 1 AS begins
                    WHERE NOT found.runs OR length(found.piece) = 1
                   UNION ALL
                   SELECT substr(found.piece, letter, 2), false
                     FROM generate_series(1, length(found.piece) - 1) AS letter
                    WHERE found.runs
               ) AS part
         ORDER BY found.place
         LIMIT 24
      ) AS every
$$;
"""
DROP = """
DROP FUNCTION helpdesk_query(text);
DROP FUNCTION helpdesk_words(text, integer);
DROP FUNCTION helpdesk_pieces(text);
DROP FUNCTION helpdesk_plain(text);
"""


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0008_workspace")]
    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.AddField(
            "user",
            "queue_columns",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                blank=True,
                default=list,
                size=None,
                verbose_name="columns of the queue",
            ),
        ),
    ]
