"""The session engine (`SESSION_ENGINE`): Django's own in the database, with whose each session is beside it.

Whatever happens to a session is one statement. Django's own asks first whether a new key is free, reads what it
deletes, wraps each write in a transaction, and changes a key by two writes and a third for the data.
"""

from functools import cache
from typing import Any, cast

from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import get_random_string

from otp.models.prepared import Given, Prepared, insert

KEY_LENGTH = 32  # of 36 characters: 165 bits


class SessionStore(DatabaseStore):
    """Keeps sessions in `UserSession`."""

    replaced_key: str | None = None  # of the session whose row this one takes over when it is saved

    @classmethod
    def get_model_class(cls) -> Any:
        from accounts.models import UserSession  # imported before the apps are ready

        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session: Any = super().create_model_instance(data)
        session.describe(data)
        return session

    def _get_session_from_db(self) -> Any:
        """Give the row of a session that is not over; forget a key that has none, as Django's own does."""
        found = _prepare_read(self.model).find(key=self.session_key, now=timezone.now())
        if not found:
            self._session_key = None
        return next(iter(found), None)

    def start_over(self) -> None:
        """See `start_over` below."""
        self.replaced_key = self.replaced_key or self.session_key
        self._session_key = None
        self.clear()

    def flush(self) -> None:
        # SECURITY: the session that was to be replaced ends as well, with nothing to take its place.
        if self.replaced_key:
            self.delete(self.replaced_key)
            self.replaced_key = None
        super().flush()

    def cycle_key(self) -> None:
        """Change the key: whoever has the old one has nothing. A session without any gets one when it is saved.

        :raises SessionInterrupted: it was ended meanwhile
        """
        self.keys()  # reading it forgets a key that is nobody's
        if self.session_key is None:
            return
        new_key = self._get_new_session_key()
        # SECURITY: the row count decides: a session that was ended meanwhile stays ended.
        if not self.model.objects.filter(pk=self.session_key).update(session_key=new_key):
            raise SessionInterrupted("The session was ended while its key was to change.")
        self._session_key = new_key
        self.modified = True

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the session.

        :raises UpdateError: it was ended meanwhile
        """
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # left out of the stubs
        row = self.create_model_instance(data)
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        old_key = self.replaced_key if must_create else self.session_key
        # SECURITY: every column is written, so that nothing of a replaced session is left, and its key is dead. The
        # row count decides: a session that was ended meanwhile stays ended, and a new one gets a row of its own.
        if not (old_key and _prepare_write(self.model).update(old_key=old_key, **values)):
            if not must_create:
                raise UpdateError
            insert(row)
        self.replaced_key = None

    def delete(self, session_key: str | None = None) -> None:
        self.model.objects.filter(pk=session_key or self.session_key).delete()

    def _get_new_session_key(self) -> str:
        # Nobody else has it: the database refuses a second one, which will not happen.
        return get_random_string(KEY_LENGTH, VALID_KEY_CHARS)


@cache
def _prepare_read(model: Any) -> Prepared[Any]:
    return Prepared(lambda: model.objects.filter(pk=Given("key"), expire_date__gt=Given("now")))


@cache
def _prepare_write(model: Any) -> Prepared[Any]:
    columns = {field.attname: Given(field.attname) for field in model._meta.concrete_fields}
    return Prepared(lambda: model.objects.filter(pk=Given("old_key")), **columns)


def start_over(request: HttpRequest) -> None:
    """Give the request another session, with nothing of the one it had. Put something in: saving it ends that one."""
    cast("SessionStore", request.session).start_over()
