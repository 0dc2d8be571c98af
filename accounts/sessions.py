"""The session engine (`SESSION_ENGINE`): Django's own in the database, with whose each session is beside it."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    """Keeps sessions in `UserSession`."""

    @classmethod
    def get_model_class(cls) -> Any:
        from accounts.models import UserSession  # imported before the apps are ready

        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session: Any = super().create_model_instance(data)
        session.describe(data)
        return session
