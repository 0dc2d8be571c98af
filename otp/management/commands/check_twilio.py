"""`manage.py check_twilio`: check the configuration step by step, then send a code and check it, as a person would."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from rest_framework.exceptions import ValidationError

from otp import services
from otp.api.serializers import CodeField
from otp.checks import check_services, check_settings
from otp.client import Client
from otp.exceptions import IncorrectCode, LimitsUnavailable, NotConfigured, OtpError, ProviderUnavailable
from otp.models import Verification
from otp.operations.provider_advice import ADVICE
from otp.purposes import Channel, Purpose
from otp.verify_api.http import VERIFY_URL
from otp.verify_api.service import TwilioService, twilio_verify
from otp.volume import Bucket, get_counters

MIN_CODE_LENGTH = 6
UNKNOWN_SERVICE = 20404
TRANSACTIONS = "Transactions"
NOTHING = Bucket("nothing", 0, 60)  # asked for to see whether anybody answers
# What to do about refusals of our own, by their stable code; about Twilio's: `otp.operations.provider_advice`.
OWN_ADVICE = {
    "channel_unavailable": "See OTP_CHANNELS; e-mail addresses take `email` alone, landlines `call` alone.",
    "country_not_allowed": "Add the country to OTP_ALLOWED_COUNTRIES if you want to reach it.",
    "provider_unavailable": "Look at https://status.twilio.com and at this machine's way out, then try again.",
}


class Command(BaseCommand):
    help = "Check the Twilio configuration step by step, then send a code and check it."
    # The steps say what the system checks say, each with what to do next, and go on after the first fault.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", default="", help="Where to send the code: +12025550123 or an e-mail address.")
        parser.add_argument(
            "--channel", default="", help="sms, whatsapp, call or email. Default: sms; email for an address."
        )
        parser.add_argument("--check-only", action="store_true", help="Check the configuration and send nothing.")

    def handle(self, *args: Any, to: str, channel: str, check_only: bool, **options: Any) -> None:
        if channel and channel not in Channel.values:
            raise CommandError(f"--channel must be one of {', '.join(Channel.values)}.")
        self.fault_count = 0
        self.title("Settings")
        are_settings_right = self.runs_without_fault(self.check_settings)
        self.title("Database and counters")
        is_store_right = self.runs_without_fault(self.check_stores)
        self.title("Verify Services")
        if are_settings_right and is_store_right:
            self.check_provider()
        else:
            self.warn("Not asked: put the above right first.")
        if self.fault_count:
            raise CommandError(f"Not ready: {self.fault_count} to put right.")
        if not check_only:
            self.title("A code")
            self.try_code(to, channel)
        self.stdout.write(self.style.SUCCESS("\nAll is well."))

    # What is said

    def title(self, text: str) -> None:
        self.stdout.write(f"\n{text}")

    def say(self, text: str) -> None:
        self.stdout.write(f"  {self.style.SUCCESS('ok')}       {text}")

    def warn(self, text: str) -> None:
        self.stdout.write(f"  {self.style.WARNING('warning')}  {text}")

    def fault(self, text: str) -> None:
        self.fault_count += 1
        self.stdout.write(f"  {self.style.ERROR('wrong')}    {text}")

    def runs_without_fault(self, step: Any) -> bool:
        before = self.fault_count
        step()
        return self.fault_count == before

    # The steps

    def check_settings(self) -> None:
        for sentence in find_missing():
            self.fault(sentence)
        for message in check_settings():
            report = self.fault if message.is_serious() else self.warn
            report(f"{message.msg} {message.hint or ''}".strip())
        for message in check_services():
            if message.id == "otp.W008":
                self.warn(f"{message.msg} {message.hint}")
        if not self.fault_count:
            self.say(f"Account, credentials and Services are set. Calls go to {describe_host()}.")

    def check_stores(self) -> None:
        try:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            self.fault("The database does not answer. Check DATABASE_URL, and that the server runs.")
        else:
            if missing:
                self.fault(f"{len(missing)} migrations are not applied. Run: python manage.py migrate")
            else:
                self.say("The database answers and all migrations are applied.")
        try:
            get_counters().get_level(NOTHING)
        except LimitsUnavailable:
            self.fault("The counters do not answer, and nothing is sent uncounted. Check CACHE_URL and Redis.")
        else:
            self.say("The counters answer.")

    def check_provider(self) -> None:
        for service_sid, names in group_services().items():
            what = f"{', '.join(names)} ({shorten(service_sid)})"
            try:
                service = twilio_verify.fetch_service(service_sid)
            except ProviderUnavailable as error:
                self.fault(f"No answer that makes sense from {describe_host()}. {advise(error)}")
                return
            except OtpError as error:
                self.fault(f"{what}: {advise(error)}")
                if error.provider_code != UNKNOWN_SERVICE:
                    return  # the credentials: the next Service would say the same
            else:
                self.report_service(what, service, has_amounts=names == [TRANSACTIONS])

    def report_service(self, what: str, service: TwilioService, *, has_amounts: bool) -> None:
        self.say(f"{what}: found, “{service.friendly_name}”, codes of {service.code_length} digits.")
        if service.code_length < MIN_CODE_LENGTH:
            self.warn(f"{what}: codes are short. Set the code length of the Service to {MIN_CODE_LENGTH} or more.")
        if has_amounts and not service.psd2_enabled:
            self.warn(f"{what}: PSD2 is off, so messages name no amount. Have Twilio Support turn it on.")
        if service.psd2_enabled and not has_amounts:
            self.fault(f"{what}: PSD2 is on, so Twilio refuses sends without an amount. Use a Service without PSD2.")

    def try_code(self, to: str, channel: str) -> None:
        """Send a code and take tries at it until one is right.

        :raises CommandError: with the sentence that says why it ended otherwise
        """
        to = to or self.ask("Send a code to (a number like +12025550123, or an e-mail address): ")
        client = Client(user_agent="manage.py check_twilio")
        try:
            verification = services.send_otp(to, channel, purpose=Purpose.VERIFICATION, client=client)
            self.say(f"Sent to {verification.destination_masked} by {verification.get_channel_display()}.")
            if settings.OTP_SANDBOX:
                self.say(f"This is the sandbox: while the site runs, read the code at {settings.SITE_URL}/sandbox/")
            self.take_tries(verification, client)
        except OtpError as error:
            raise CommandError(advise(error)) from None
        self.say("The code is right. Sending and checking work.")

    def take_tries(self, verification: Verification, client: Client) -> None:
        while True:
            typed = self.ask("Code: ")
            try:
                services.verify_otp(
                    verification_id=verification.pk, code=CodeField().run_validation(typed), client=client
                )
            except ValidationError as error:
                self.warn(" ".join(str(sentence) for sentence in error.detail))
            except IncorrectCode as error:
                if not error.attempts_left:
                    raise
                self.warn(f"{error.user_message} Tries left: {error.attempts_left}.")
            else:
                return

    def ask(self, prompt: str) -> str:
        self.stdout.flush()
        try:
            return input(f"  {prompt}").strip()
        except (EOFError, KeyboardInterrupt):
            self.stdout.write("")
            raise CommandError("Ended before a code was checked. Nothing else to do.") from None


def find_missing() -> Iterator[str]:
    """Name the settings that no call can do without, one sentence each."""
    console = "It is on the first page of https://console.twilio.com"
    if not settings.TWILIO_ACCOUNT_SID:
        yield f"Twilio not configured: TWILIO_ACCOUNT_SID is empty. {console} (AC…)."
    if bool(settings.TWILIO_API_KEY) != bool(settings.TWILIO_API_SECRET):
        yield "TWILIO_API_KEY and TWILIO_API_SECRET belong together: set both or neither."
    elif not (settings.TWILIO_AUTH_TOKEN or settings.TWILIO_API_KEY):
        yield f"Twilio not configured: set TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET. {console}."
    if not settings.TWILIO_VERIFY_SERVICE_SID:
        yield (
            "Twilio not configured: TWILIO_VERIFY_SERVICE_SID is empty. Create a Service at "
            "https://console.twilio.com/us1/develop/verify/services and copy its SID (VA…)."
        )


def group_services() -> dict[str, list[str]]:
    """Give each configured Service once, with what it serves."""
    found: dict[str, list[str]] = {}
    for name, service_sid in (
        ("Public codes", settings.TWILIO_VERIFY_SERVICE_SID),
        ("Sign-in", settings.TWILIO_LOGIN_SERVICE_SID),
        (TRANSACTIONS, settings.TWILIO_PSD2_SERVICE_SID),
    ):
        found.setdefault(service_sid, []).append(name)
    return found


def describe_host() -> str:
    if settings.OTP_SANDBOX:
        return "the built-in sandbox: no message leaves this machine"
    # SECURITY: host and port alone: an address can carry a name and a password.
    parts = urlsplit(settings.TWILIO_VERIFY_URL)
    host = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    return f"Twilio ({host})" if host == VERIFY_URL else f"{host}, which is not Twilio's own address"


def advise(error: OtpError) -> str:
    """Say in one line what went wrong, what to do about it, and how long to wait."""
    sentences = [] if isinstance(error, NotConfigured) and error.provider_code in ADVICE else [str(error.user_message)]
    advice = ADVICE.get(error.provider_code or 0) or OWN_ADVICE.get(error.code)
    if advice:
        sentences.append(str(advice))
    if error.provider_code:
        sentences.append(f"(Twilio's code {error.provider_code})")
    if error.retry_after:
        sentences.append(f"Wait {error.retry_after} seconds.")
    return " ".join(sentences)


def shorten(sid: str) -> str:
    return f"{sid[:6]}…{sid[-4:]}"
