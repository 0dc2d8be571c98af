"""What the sandbox remembers. Rows live in the project's database, so several processes agree."""

from django.db import models

from otp.sandbox.sids import SID_LENGTH


class Control(models.Model):
    """The one row of switches that `/sandbox/control` sets; absent means all defaults."""

    latency_ms = models.PositiveIntegerField(default=0)
    fault = models.CharField(max_length=40, blank=True)
    clock_offset_seconds = models.BigIntegerField(default=0)
    switches = models.JSONField(default=dict)

    def __str__(self) -> str:
        return "sandbox control"


class Service(models.Model):
    """A Verify Service. A deleted one keeps its row, because its attempts stay countable."""

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    friendly_name = models.CharField(max_length=32)
    code_length = models.PositiveSmallIntegerField(default=6)
    lookup_enabled = models.BooleanField(default=False)
    skip_sms_to_landlines = models.BooleanField(default=False)
    dtmf_input_required = models.BooleanField(default=True)
    psd2_enabled = models.BooleanField(default=False)
    do_not_share_warning_enabled = models.BooleanField(default=False)
    custom_code_enabled = models.BooleanField(default=False)
    verify_event_subscription_enabled = models.BooleanField(default=False)
    tts_name = models.CharField(max_length=64, blank=True)
    default_template_sid = models.CharField(max_length=SID_LENGTH, blank=True)
    groups = models.JSONField(default=dict)
    is_deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sid


class Verification(models.Model):
    """One started proof of one destination. Past `expires_at` Twilio no longer knows it."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        CANCELED = "canceled"
        MAX_ATTEMPTS_REACHED = "max_attempts_reached"

    LIVE = (Status.PENDING, Status.MAX_ATTEMPTS_REACHED)

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="verifications")
    to = models.CharField(max_length=254)
    to_folded = models.CharField(max_length=254)
    channel = models.CharField(max_length=10)
    code = models.CharField(max_length=10)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    amount = models.CharField(max_length=64, blank=True)
    payee = models.CharField(max_length=255, blank=True)
    check_count = models.PositiveSmallIntegerField(default=0)
    is_custom_code = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Real time, not the sandbox's: until then a first send is still being answered.
    busy_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["service", "to_folded", "-id"], name="sandbox_verification_to")]

    def __str__(self) -> str:
        return self.sid


class Attempt(models.Model):
    """One message handed to a carrier. Its delivery status follows from the time since `created_at`."""

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    verification = models.ForeignKey(Verification, on_delete=models.CASCADE, related_name="attempts")
    channel = models.CharField(max_length=10)
    country = models.CharField(max_length=3, blank=True)
    locale = models.CharField(max_length=10)
    code_length = models.PositiveSmallIntegerField()
    price = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    # A carrier's refusal, 0 for a message that arrives.
    delivery_error = models.PositiveIntegerField(default=0)
    is_converted = models.BooleanField(default=False)
    converted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.sid


class RateLimit(models.Model):
    """A Service Rate Limit: a name that a send may carry a value for."""

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="rate_limits")
    unique_name = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "unique_name"], name="sandbox_rate_limit_name")]

    def __str__(self) -> str:
        return self.sid


class Bucket(models.Model):
    """At most `max` sends for one value in each `interval` seconds."""

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    rate_limit = models.ForeignKey(RateLimit, on_delete=models.CASCADE, related_name="buckets")
    max = models.PositiveIntegerField()
    interval = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rate_limit", "interval"], name="sandbox_bucket_interval")]

    def __str__(self) -> str:
        return self.sid


class Counter(models.Model):
    """Calls counted since `started_at`, for one bucket and value or one of Twilio's own caps."""

    key = models.CharField(max_length=120, unique=True)
    started_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class Template(models.Model):
    """A message template, with a text for each locale in `translations`."""

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    friendly_name = models.CharField(max_length=64)
    channels = models.JSONField()
    translations = models.JSONField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.friendly_name


class SafeNumber(models.Model):
    """A number of the Safe List, which Fraud Guard leaves alone."""

    sid = models.CharField(max_length=SID_LENGTH, unique=True)
    phone_number = models.CharField(max_length=16, unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.phone_number


class Message(models.Model):
    """What a phone or a mailbox received: codes, and the site's own mail."""

    to = models.CharField(max_length=254)
    to_folded = models.CharField(max_length=254, db_index=True)
    channel = models.CharField(max_length=10)
    subject = models.CharField(max_length=255, blank=True)
    body = models.TextField()
    code = models.CharField(max_length=10, blank=True)
    verification_sid = models.CharField(max_length=SID_LENGTH, blank=True)
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.channel} {self.pk}"


class ReceivedCall(models.Model):
    """One API call as it arrived, for a test that asks what was sent."""

    method = models.CharField(max_length=10)
    path = models.CharField(max_length=255)
    params = models.JSONField()
    # 0 where no answer was given.
    status = models.PositiveSmallIntegerField()
    fault = models.CharField(max_length=40, blank=True)
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
