"""Roll-ups: how many attempts of each kind there were in an hour and in a day, what they cost, how long Twilio took.

Made by `otp.operations.totals`, which is also the one to read them: it adds what came after the last roll-up.
"""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from otp.models.attempt import Kind, Outcome
from otp.purposes import Channel, Purpose


class Total(models.Model):
    """Attempts that are alike, counted. Times are UTC."""

    kind = models.CharField(max_length=10, choices=Kind.choices)
    purpose = models.CharField(max_length=20, choices=Purpose.choices, blank=True)
    channel = models.CharField(max_length=10, choices=Channel.choices, blank=True)
    country = models.CharField(max_length=3, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True)
    provider_code = models.PositiveIntegerField(default=0, help_text=_("Twilio's error code, 0 for none."))
    count = models.PositiveIntegerField()
    estimated_cost = models.DecimalField(max_digits=14, decimal_places=5, help_text=_("By OTP_PRICES, when sent."))
    cost = models.DecimalField(
        max_digits=14, decimal_places=5, help_text=_("With Twilio's own prices, as far as they are known.")
    )
    priced = models.PositiveIntegerField(help_text=_("How many of them have Twilio's own price."))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.count} × {self.kind} {self.outcome}"


class HourlyTotal(Total):
    hour = models.DateTimeField()

    objects: ClassVar[models.Manager["HourlyTotal"]] = models.Manager()

    class Meta:
        verbose_name = _("hourly total")
        verbose_name_plural = _("hourly totals")
        indexes = [models.Index(fields=["hour"], name="total_by_hour")]


class HourlyOutcome(models.Model):
    """The same hours by kind and outcome alone: so few rows that a day of them is read as fast as one."""

    hour = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    count = models.PositiveIntegerField()
    estimated_cost = models.DecimalField(max_digits=14, decimal_places=5)
    cost = models.DecimalField(max_digits=14, decimal_places=5)
    priced = models.PositiveIntegerField()

    objects: ClassVar[models.Manager["HourlyOutcome"]] = models.Manager()

    class Meta:
        verbose_name = _("hourly total by outcome")
        verbose_name_plural = _("hourly totals by outcome")
        indexes = [models.Index(fields=["hour"], name="hourly_outcome_by_hour")]

    def __str__(self) -> str:
        return f"{self.count} × {self.kind} {self.outcome}"


class DailyTotal(Total):
    """Days, by kind, outcome and one `dimension` at a time, so that a month is read as fast however many there were.

    Every attempt is in it once for each dimension. Fields of the other dimensions are empty.
    """

    day = models.DateField()
    dimension = models.CharField(max_length=20, help_text=_("One of `otp.operations.totals.DAILY`."))

    objects: ClassVar[models.Manager["DailyTotal"]] = models.Manager()

    class Meta:
        verbose_name = _("daily total")
        verbose_name_plural = _("daily totals")
        indexes = [models.Index(fields=["dimension", "day"], name="total_by_day")]


class AnswerTimes(models.Model):
    """A histogram of how long Twilio took in one hour: the counts by `otp.operations.histogram.BOUNDS`."""

    hour = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    bucket = models.PositiveSmallIntegerField()
    count = models.PositiveIntegerField()

    objects: ClassVar[models.Manager["AnswerTimes"]] = models.Manager()

    class Meta:
        verbose_name = _("answer times")
        verbose_name_plural = _("answer times")
        indexes = [models.Index(fields=["hour"], name="answer_times_by_hour")]

    def __str__(self) -> str:
        return f"{self.count} × {self.kind} {self.bucket}"


class Progress(models.Model):
    """How far a job that goes on from where it stopped has come: everything before `until` is done."""

    class Job(models.TextChoices):
        ROLL_UP = "roll_up"
        SYNC = "sync"

    job = models.CharField(max_length=20, choices=Job.choices, unique=True)
    until = models.DateTimeField()

    objects: ClassVar[models.Manager["Progress"]] = models.Manager()

    class Meta:
        verbose_name = _("progress of a job")
        verbose_name_plural = _("progress of jobs")

    def __str__(self) -> str:
        return f"{self.job} until {self.until}"

    @classmethod
    def find(cls, job: str) -> datetime | None:
        return cls.objects.filter(job=job).values_list("until", flat=True).first()

    @classmethod
    def note(cls, job: str, until: datetime) -> None:
        cls.objects.update_or_create(job=job, defaults={"until": until})
