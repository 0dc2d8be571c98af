"""People."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.destinations import E164_PATTERN, fold_email
from otp.models.prepared import Given, Prepared
from otp.purposes import Channel


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Add a person. `password=None` makes an account that no password opens."""
        user = self.model(email=fold_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> "User":
        # One person, one spelling: Ann@Example.com signs in as ann@example.com.
        for user in BY_EMAIL.find(email=fold_email(username or "")):
            return user
        raise self.model.DoesNotExist


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # django-otp's devices
    """A person, known by e-mail address; the phone number counts once `phone_verified_at` is set."""

    email = models.EmailField(_("e-mail address"), unique=True, help_text=_("Folded to lower case."))
    phone = models.CharField(_("phone number"), max_length=16, blank=True, help_text=_("E.164: +12025550123."))
    phone_verified_at = models.DateTimeField(_("phone proven at"), null=True, blank=True)
    phone_changed_at = models.DateTimeField(
        _("phone changed at"), null=True, blank=True, help_text=_("For a day the new number alone resets no password.")
    )
    two_factor_enabled = models.BooleanField(
        _("second factor on"), default=False, help_text=_("Asked for at every sign-in. The person turns it on and off.")
    )
    two_factor_required = models.BooleanField(
        _("second factor required"), default=False, help_text=_("The person can’t turn it off, and must set it up.")
    )
    two_factor_grace_until = models.DateTimeField(
        _("second factor required from"),
        null=True,
        blank=True,
        help_text=_("Until then the person may sign in without."),
    )
    preferred_channel = models.CharField(
        _("preferred channel"), max_length=10, blank=True, choices=Channel.choices, help_text=_("For codes at sign-in.")
    )
    language = models.CharField(
        _("language"), max_length=10, blank=True, help_text=_("Of the pages that the person used last; mail is in it.")
    )
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May open the admin site."))
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Switch off instead of deleting."))
    date_joined = models.DateTimeField(_("joined at"), default=timezone.now)

    # What django-otp's middleware gives the person of a request.
    otp_device: Any
    is_verified: Callable[[], bool]

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        # What support may be given one by one; docs/how-to/help-a-person.md says what each is for.
        permissions = [
            ("view_phone", _("Can see whole phone numbers of people")),
            ("unlock_user", _("Can unlock people")),
            ("require_two_factor", _("Can make a second factor a requirement, or no longer")),
            ("end_sessions", _("Can end people’s sessions")),
            ("start_reset", _("Can start a password reset for people")),
            ("remove_factors", _("Can remove people’s factors")),
            ("switch_user_off", _("Can switch accounts off and on")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["phone"],
                condition=Q(phone_verified_at__isnull=False),
                name="one_account_per_verified_phone",
            ),
            models.CheckConstraint(
                condition=Q(phone="", phone_verified_at=None) | Q(phone__regex=E164_PATTERN),
                name="phone_is_e164",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email = fold_email(self.email)


BY_EMAIL = Prepared(lambda: User.objects.filter(email=Given("email")))
