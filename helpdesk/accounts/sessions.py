"""Sessions in the database, as Django keeps them. The statement that every page begins with is made once."""

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from helpdesk.core.prepared import Ready

_live = Ready(lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), key=str, now=datetime)


class SessionStore(db.SessionStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        if found := _live(key=self.session_key, now=timezone.now()):
            return found[0]
        self._session_key = None
        return None
