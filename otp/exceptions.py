"""Everything that can go wrong with a code, by what the caller can do about it. Public.

`code` is stable and for programs, `user_message` is one sentence for the person, `http_status` is what the API answers.
None of these is an `APIException`: that would roll back a transaction that holds the audit row.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _


class OtpError(Exception):
    """The base. `retry_after` is in whole seconds; `fields` maps an input's name to sentences about it."""

    code = "invalid_request"
    http_status = 400
    user_message: Any = _("That request can’t be read. Check it and try again.")

    def __init__(
        self,
        user_message: Any = None,
        *,
        retry_after: int | None = None,
        attempts_left: int | None = None,
        fields: dict[str, list[str]] | None = None,
        verification_token: str | None = None,
        methods: list[str] | None = None,
        reason: str = "",
    ) -> None:
        if user_message is not None:
            self.user_message = user_message
        self.retry_after = retry_after
        self.attempts_left = attempts_left
        self.fields = fields
        self.verification_token = verification_token
        self.methods = methods  # by which the person can go on
        self.reason = reason  # which limit or rule, for the audit
        self.provider_code: int | None = None  # Twilio's error code behind this one, for the audit
        # SECURITY: only the code: exceptions reach logs, and the rest can speak of a person.
        super().__init__(self.code)


class InvalidRequest(OtpError):
    """The request cannot be understood, whoever sends it."""


class InvalidDestination(OtpError):
    """Not a phone number or e-mail address that a code can be sent to."""

    code = "invalid_destination"
    user_message = _("That phone number or e-mail address isn’t valid. Write numbers like +12025550123.")


class ChannelUnavailable(OtpError):
    """This destination cannot be reached that way; another channel may do."""

    code = "channel_unavailable"
    user_message = _("A code can’t be sent that way. Choose another way to get it.")


class WeakPassword(OtpError):
    """The password breaks a rule; `fields` says which."""

    code = "weak_password"
    user_message = _("That password is too easy to guess. Choose another one.")


class IncorrectCode(OtpError):
    """The digits are wrong. `attempts_left` says how many tries remain."""

    code = "incorrect_code"
    user_message = _("That code isn’t right. Check it and try again.")


class CodeExpired(OtpError):
    """No live code: it was used, replaced or cancelled, or its ten minutes are over."""

    code = "code_expired"
    user_message = _("That code is no longer valid. Ask for a new one.")


class PurposeRequired(OtpError):
    """`OTP_REQUIRE_PURPOSE` is on and the request names no purpose."""

    code = "purpose_required"
    user_message = _("Say what the code is for: set “purpose”.")


class SecondProofRequired(OtpError):
    """A code to the phone is not enough to reset this password; `methods` says what else would do.

    `verification_token` carries the proof of the phone to the next call.
    """

    code = "second_proof_required"
    http_status = 403
    user_message = _("One more proof is needed to reset this password.")


class CountryNotAllowed(OtpError):
    """The number belongs to a country outside `OTP_ALLOWED_COUNTRIES`."""

    code = "country_not_allowed"
    http_status = 403
    user_message = _("Codes can’t be sent to numbers in that country. Use another number.")


class DestinationBlocked(OtpError):
    """Premium, toll-free and the like, or refused by Twilio's fraud rules."""

    code = "destination_blocked"
    http_status = 403
    user_message = _("Codes can’t be sent to that number. Use another number or another way to get the code.")


class NotFound(OtpError):
    """No such verification, or it is somebody else's: the two look alike."""

    code = "not_found"
    http_status = 404
    user_message = _("There is nothing here by that id. Start again.")


class EmailTaken(OtpError):
    code = "email_taken"
    http_status = 409
    user_message = _("That e-mail address already has an account. Sign in, or reset the password.")


class PhoneTaken(OtpError):
    code = "phone_taken"
    http_status = 409
    user_message = _("That phone number already belongs to an account. Sign in, or use another number.")


class Conflict(OtpError):
    """Something else changed the same thing at the same moment."""

    code = "conflict"
    http_status = 409
    user_message = _("That was done at the same moment elsewhere. Check and try again.")


class TooManyRequests(OtpError):
    """A limit on sends or checks is reached; `retry_after` is always set."""

    code = "too_many_requests"
    http_status = 429
    user_message = _("Too many requests. Wait a little, then try again.")


class TooManyAttempts(OtpError):
    """Too many wrong codes; `retry_after` is always set."""

    code = "too_many_attempts"
    http_status = 429
    user_message = _("Too many wrong codes. Wait, then ask for a new code.")


class PaymentNotConfirmed(IncorrectCode):
    """A payment was not confirmed: the same words whether code, factor or values were wrong (RTS 2018/389, 4(3)(a))."""

    user_message = _("The payment could not be confirmed with that. Check it and try again.")


class PaymentOver(CodeExpired):
    """The payment can be confirmed or redeemed no more: its time is over, it was canceled, or used."""

    user_message = _("This payment can no longer be confirmed. Nothing was paid. Start it again.")


class PaymentVoid(TooManyAttempts):
    """Five wrong codes: the payment itself is void, not just the code."""

    user_message = _("Too many wrong codes. This payment is void and nothing was paid.")


class PaymentNotApproved(OtpError):
    """Code that moves money was called without an approval of that payment."""

    code = "step_up_required"
    http_status = 403
    user_message = _("Confirm this payment first.")


class ProviderUnavailable(OtpError):
    """Twilio did not answer, or not in a way that can be trusted. Nothing was accepted.

    `was_sent` is false when the request certainly never left, or was refused before it was looked at.
    """

    code = "provider_unavailable"
    http_status = 503
    user_message = _("Codes can’t be sent or checked right now. Try again in a moment.")

    def __init__(self, *, retry_after: int = 5, was_sent: bool = True) -> None:
        super().__init__(retry_after=retry_after)
        self.was_sent = was_sent


class ProviderBusy(ProviderUnavailable):
    """Twilio answers, and asks us to slow down: no outage, so the breaker stays closed.

    A request that is answered so was not processed: https://www.twilio.com/docs/api/errors/20429, read 2026-11-22.
    """

    def __init__(self) -> None:
        super().__init__(was_sent=False)


class ProviderMisbehaved(ProviderUnavailable):
    """Twilio answered in good form with something that cannot be: another SID, an unknown status."""


class LimitsUnavailable(ProviderUnavailable):
    """The store that limits are counted in is down: nothing goes out uncounted."""

    def __init__(self) -> None:
        super().__init__(retry_after=5, was_sent=False)


class NotConfigured(OtpError):
    """Credentials or Services are missing or wrong: for the operator, not the person."""

    code = "not_configured"
    http_status = 503
    user_message = _("Twilio not configured")
