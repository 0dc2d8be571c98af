"""What was found wrong with the site's codes, and when somebody was told of it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# After this long without being found again it is over; and for this long nobody is told a second time.
REST = timedelta(hours=1)


class AlertRule(models.TextChoices):
    CONVERSION = "conversion", _("few codes are typed in")
    SPIKE = "spike", _("far more codes than usual")
    PROVIDER = "provider", _("Twilio fails")
    BUDGET = "budget", _("the budget runs out")
    BREAKER = "breaker", _("calls to Twilio are stopped")
    GUARD = "guard", _("the pumping guard is met")
    AUDIT = "audit", _("the audit was changed")


# SECURITY: figures and names of countries or ranges alone: these go out by mail and to other programs.
SENTENCES = {
    AlertRule.CONVERSION: _(
        "Only %(share)s of %(sends)s codes to %(subject)s were typed in within %(minutes)s minutes; the floor is "
        "%(floor)s. Either somebody has messages sent to earn on them, or they do not arrive."
    ),
    AlertRule.SPIKE: _(
        "%(sends)s codes were asked for in %(minutes)s minutes for %(subject)s. At this time of day it was %(usual)s "
        "on average lately."
    ),
    AlertRule.PROVIDER: _(
        "%(share)s of %(calls)s calls to Twilio failed within %(minutes)s minutes; the error code seen most is "
        "%(code)s."
    ),
    AlertRule.BUDGET: _("%(share)s of the daily budget is spent: %(spent)s of %(budget)s. At 100%% no code goes out."),
    AlertRule.BREAKER: _(
        "%(sends)s sends and checks were refused within %(minutes)s minutes, because Twilio had failed several times "
        "in a row."
    ),
    AlertRule.GUARD: _(
        "The pumping guard’s rule “%(by)s” was broken by %(sends)s sends to %(place)s within %(minutes)s minutes: "
        "%(refused)s of them were refused, what is left was only noted."
    ),
    AlertRule.AUDIT: _("The audit is not as it was sealed (%(faults)s faults, the first: %(first)s)."),
}
# What `by` names in the figures of the guard's alert.
GUARD_RULES = {
    "address": _("sends from one network"),
    "prefix": _("sends to one range of numbers"),
    "country": _("sends to one country"),
}


class Figures(dict[str, Any]):
    """Figures of a sentence. One that a row of an older version lacks is a dash: no page may fail of it."""

    def __missing__(self, name: str) -> str:
        return "–"


class AlertQuerySet(models.QuerySet["Alert"]):
    def standing(self) -> Self:
        """Those found again within the last hour, the newest first."""
        return self.filter(last_seen_at__gt=timezone.now() - REST).order_by("-first_seen_at", "pk")


class Alert(models.Model):
    """One thing that is wrong: a rule and what it found it about. Found again, it is the same row."""

    rule = models.CharField(max_length=12, choices=AlertRule.choices)
    subject = models.CharField(max_length=60, blank=True, help_text=_("A country, a range of numbers, a threshold."))
    figures = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Alert"]] = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="one_alert_per_subject")]
        indexes = [models.Index(fields=["last_seen_at"], name="alert_by_time")]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}".strip()

    @property
    def sentence(self) -> str:
        """What is wrong, in the language of whoever reads it."""
        figures = Figures(self.figures, subject=self.subject)
        if "by" in figures:
            figures["by"] = GUARD_RULES.get(str(figures["by"]), figures["by"])
        return str(SENTENCES[AlertRule(self.rule)]) % figures

    def note(self) -> "Alert":
        """Write down that it was found now. After an hour without it is a new occurrence."""
        now = timezone.now()
        same = Alert.objects.filter(rule=self.rule, subject=self.subject)
        same.filter(last_seen_at__lte=now - REST).update(first_seen_at=now, told_at=None)
        if not same.update(figures=self.figures, last_seen_at=now):
            self.first_seen_at = self.last_seen_at = now
            try:
                with transaction.atomic():
                    self.save(force_insert=True)
            except IntegrityError:
                pass  # another host found it at the same moment
        return same.get()

    def claim(self) -> bool:
        """Take it on to tell of it now. Of any number of hosts one sees True, and none within the hour after."""
        now = timezone.now()
        is_due = Q(told_at=None) | Q(told_at__lte=now - REST)
        return Alert.objects.filter(is_due, pk=self.pk).update(told_at=now) == 1

    def release(self, told_at: datetime | None) -> None:
        """Nobody could be told: the next run is to try again."""
        Alert.objects.filter(pk=self.pk).update(told_at=told_at)

    def describe(self) -> dict[str, Any]:
        """Give it for another program."""
        return {
            "rule": self.rule,
            "subject": self.subject,
            "message": self.sentence,
            "figures": self.figures,
            "first_seen_at": self.first_seen_at.isoformat() if self.first_seen_at else None,
        }
