"""Database sessions whose key is stored as a hash: whoever reads or writes the table cannot sign in with it."""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone


class SessionStore(db.SessionStore):
    """Django's database sessions under SHA-256(key). The key itself is known to the browser alone.

    What a row says is signed together with its key: copied under the hash of somebody else's key it says nothing.
    """

    @property
    def key_salt(self) -> str:
        """What Django signs a session's data with, besides the secret key."""
        return f"{super().key_salt}:{self.stored_key(self.session_key)}"

    @staticmethod
    def stored_key(session_key: str | None) -> str:
        """What stands in the table: 40 hexadecimal digits, as many as the column holds."""
        return hashlib.sha256((session_key or "").encode()).hexdigest()[:40]

    def _get_session_from_db(self) -> Any:
        try:
            return self.model.objects.get(session_key=self.stored_key(self.session_key), expire_date__gt=timezone.now())
        except self.model.DoesNotExist:
            self._session_key = None
            return None

    def exists(self, session_key: str) -> bool:
        return bool(super().exists(self.stored_key(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session = super().create_model_instance(data)
        session.session_key = self.stored_key(self._get_or_create_session_key())  # type: ignore[attr-defined]
        return session

    def delete(self, session_key: str | None = None) -> None:
        session_key = session_key or self.session_key
        if session_key:
            super().delete(self.stored_key(session_key))
