"""Browsers that a person has signed in with before: told by a random cookie, kept as a keyed hash for each person."""

from datetime import timedelta
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.client import Client
from otp.destinations import hash_address
from otp.models.prepared import Given, Prepared, given_each

TRUST_LIFETIME = timedelta(days=30)


class KnownBrowser(models.Model):
    """One browser of one person.

    A known browser has a limit of its own on wrong passwords, so that strangers can't lock its owner out, and no mail
    is sent about it. While `trusted_until` lies ahead it also needs no second factor to sign in; nothing else.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="known_browsers")
    key = models.CharField(max_length=64, unique=True, help_text=_("Keyed hash of the cookie and the person."))
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    trusted_until = models.DateTimeField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    objects: ClassVar[models.Manager["KnownBrowser"]] = models.Manager()

    class Meta:
        verbose_name = _("known browser")
        verbose_name_plural = _("known browsers")

    def __str__(self) -> str:
        return self.user_agent or self.key[:8]

    @classmethod
    def find(cls, user: Any, cookie: str) -> "KnownBrowser | None":
        """Find the row for this person and this cookie: somebody else's cookie is none."""
        return cls._filter(user.pk, cookie).first() if cookie else None

    @classmethod
    def note(cls, user: Any, cookie: str, client: Client) -> bool:
        """Note that a person signed in with a browser. True when it is a new one, and not their first."""
        keys = cls.make_keys(user.pk, cookie)
        if _prepare_note(len(keys)).update(user=user.pk, key=keys, now=timezone.now(), user_agent=client.user_agent):
            return False
        has_others = cls.objects.filter(user=user).exists()
        new = cls(user=user, key=_make_key(user.pk, cookie, settings.OTP_HASH_KEYS[0]), user_agent=client.user_agent)
        cls.objects.bulk_create([new], ignore_conflicts=True)  # a sign-in beside this one may have been faster
        return has_others

    @classmethod
    def trust(cls, user: Any, cookie: str) -> None:
        """Ask for no second factor on this browser for thirty days."""
        cls._filter(user.pk, cookie).update(trusted_until=timezone.now() + TRUST_LIFETIME)

    @classmethod
    def end_trust(cls, user: Any) -> int:
        """Ask for the second factor everywhere again: after any change of password, number or factor."""
        return cls.objects.filter(~Q(trusted_until=None), user=user).update(trusted_until=None)

    @staticmethod
    def make_keys(user_id: int, cookie: str) -> list[str]:
        """Make what `key` is for this person and this cookie, under every key in use."""
        return [_make_key(user_id, cookie, key) for key in settings.OTP_HASH_KEYS]

    @classmethod
    def _filter(cls, user_id: int, cookie: str) -> models.QuerySet["KnownBrowser"]:
        return cls.objects.filter(user=user_id, key__in=cls.make_keys(user_id, cookie))


@cache
def _prepare_note(keys: int) -> Prepared[KnownBrowser]:
    return Prepared(
        lambda: KnownBrowser.objects.filter(user=Given("user"), key__in=given_each("key", keys)),
        last_seen_at=Given("now"),
        user_agent=Given("user_agent"),
    )


def _make_key(user_id: int, cookie: str, key: str) -> str:
    # SECURITY: bound to the person: a cookie carried to another account means nothing there.
    return hash_address(f"accounts.browser:{user_id}:{cookie}", key)
