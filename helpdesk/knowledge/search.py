"""Finding articles: the words of a question against those of each article, rare words and titles counting most.

English words are stemmed; Japanese has no spaces, so it is compared by every two letters that stand together
(`helpdesk_words`, as in the search for tickets). There are hundreds of articles and not millions: all that are
in force in a language are compared.
"""

from django.db import connection

from helpdesk.knowledge.models import Revision

MOST = 5
LONGEST_QUESTION = 300  # letters that are looked at
LEAST_SCORE = 0.6  # less than one word that half of the articles don't have
IN_TITLE = 3

_WORDS = {"en": "to_tsvector('english', %s)", "ja": "helpdesk_words(%s)"}
_FIND = """
WITH asked AS (SELECT DISTINCT unnest(tsvector_to_array({words})) AS word),
     live AS (SELECT revision.id, tsvector_to_array(revision.words) AS words,
                     tsvector_to_array(revision.title_words) AS title
              FROM helpdesk_revision AS revision
              JOIN helpdesk_article AS article ON article.id = revision.article_id
              WHERE revision.is_live AND revision.language = %s AND NOT article.is_retired
                AND (%s = '' OR article.hub_id IS NULL OR article.hub_id = %s)),
     told AS (SELECT asked.word, count(*) AS articles
              FROM asked JOIN live ON asked.word = ANY (live.words) GROUP BY asked.word)
SELECT live.id, sum(ln((SELECT count(*) + 1 FROM live)::float / told.articles)
                    * CASE WHEN told.word = ANY (live.title) THEN {in_title} ELSE 1 END) AS score
FROM live JOIN told ON told.word = ANY (live.words)
GROUP BY live.id
HAVING sum(ln((SELECT count(*) + 1 FROM live)::float / told.articles)) > {least}
ORDER BY score DESC, live.id
LIMIT {most}
"""


def find(*, question: str, language: str, hub: str = "", most: int = MOST) -> list[Revision]:
    """The articles in force that fit a question best, the best first; none for a question without words."""
    question = question.replace("\x00", " ").strip()[:LONGEST_QUESTION]
    if not question:
        return []
    statement = _FIND.format(words=_WORDS[language], in_title=IN_TITLE, least=LEAST_SCORE, most=int(most))
    with connection.cursor() as cursor:
        cursor.execute(statement, [question, language, hub, hub])
        ids = [pk for pk, _score in cursor.fetchall()]
    rows = Revision.objects.select_related("article__section", "article__hub").in_bulk(ids)
    return [rows[pk] for pk in ids if pk in rows]


def suggest(*, question: str, language: str, hub: str = "", most: int = MOST) -> list[Revision]:
    """As `find`, whichever language the question is in: people are asked to write in English, whatever they read.

    An article found by another language comes in the reader's, where there is one.
    """
    for other in (language, *(code for code in _WORDS if code != language)):
        if found := find(question=question, language=other, hub=hub, most=most):
            break
    else:
        return []
    if other == language:
        return found
    readable = Revision.objects.readable().filter(article__in=[row.article_id for row in found], language=language)
    own = {row.article_id: row for row in readable.select_related("article__section", "article__hub")}
    return [own.get(row.article_id, row) for row in found]


def index(revision: Revision) -> None:
    """Write down the words that a revision is found by."""
    words = _WORDS[revision.language]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE helpdesk_revision SET title_words = {words}, words = {words} WHERE id = %s",  # noqa: S608 - constants
            [revision.title, f"{revision.title} {revision.summary} {revision.body}", revision.pk],
        )
