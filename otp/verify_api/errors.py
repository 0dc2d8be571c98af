"""What Twilio's error codes mean to us: a flat table each for sending codes, checking them,
reading what became of them, and sending messages.

Each code has its page: https://www.twilio.com/docs/api/errors/<code>, read 2026-11-22. Twilio's own words are never
passed on: 60200 and 60410 repeat the whole number.
"""

from http import HTTPStatus

from otp.exceptions import (
    ChannelUnavailable,
    CodeExpired,
    CountryNotAllowed,
    DestinationBlocked,
    IncorrectCode,
    InvalidDestination,
    NotConfigured,
    OtpError,
    ProviderBusy,
    ProviderMisbehaved,
    ProviderUnavailable,
    TooManyAttempts,
    TooManyRequests,
)

# Wrong whichever call is made: the account, its limits, or Twilio itself.
ACCOUNT_ERRORS: dict[int, type[OtpError]] = {
    20003: NotConfigured,  # wrong credentials, or the account is suspended
    20008: NotConfigured,  # test credentials do not work with Verify
    20429: ProviderBusy,  # too many requests; not processed
    20500: ProviderUnavailable,
    20503: ProviderUnavailable,
    60221: NotConfigured,  # neither To nor VerificationSid
    575001: NotConfigured,  # not available for this trial account
}

SEND_ERRORS: dict[int, type[OtpError]] = {
    **ACCOUNT_ERRORS,
    20404: NotConfigured,  # on a send: the Service SID is unknown to these credentials
    21211: InvalidDestination,
    21215: ChannelUnavailable,  # voice: country switched off
    21216: ChannelUnavailable,  # voice: number on a block list
    21219: DestinationBlocked,  # trial account, number not verified (voice)
    21408: CountryNotAllowed,  # messaging: country switched off
    21608: DestinationBlocked,  # trial account or no compliance profile, number not verified
    21610: ChannelUnavailable,  # the person answered STOP
    21612: ChannelUnavailable,  # cannot be reached by text message
    21614: ChannelUnavailable,  # not a mobile number
    60001: ChannelUnavailable,
    60200: InvalidDestination,
    60201: NotConfigured,  # template translation not approved
    60202: TooManyAttempts,
    60203: TooManyRequests,  # five sends; the code that is out stays good
    60204: NotConfigured,  # a feature that the Service does not have
    60205: ChannelUnavailable,  # landline
    60206: NotConfigured,  # PSD2 needs amount and payee
    60212: TooManyRequests,  # two requests for one number at once
    60214: ChannelUnavailable,  # no calls with PSD2
    60217: NotConfigured,  # e-mail: no mailer
    60218: NotConfigured,  # e-mail: template inactive
    60219: NotConfigured,  # e-mail: template lacks placeholders
    60220: CountryNotAllowed,  # China needs vetting
    60222: NotConfigured,  # e-mail: sender not verified
    60223: ChannelUnavailable,  # channel switched off on the Service
    60224: NotConfigured,
    60226: CountryNotAllowed,
    60227: ChannelUnavailable,  # template does not serve this channel
    60228: NotConfigured,
    60229: NotConfigured,
    60230: NotConfigured,
    60238: DestinationBlocked,
    60239: NotConfigured,
    60240: NotConfigured,
    60241: NotConfigured,
    60242: ChannelUnavailable,  # no approved WhatsApp template in that language
    60245: ProviderBusy,  # e-mail: SendGrid limits
    60247: NotConfigured,
    60248: NotConfigured,
    60250: NotConfigured,
    60329: ChannelUnavailable,
    60331: ChannelUnavailable,  # the language has no voice
    60410: DestinationBlocked,  # Fraud Guard blocks the number range for twelve hours
    60412: DestinationBlocked,
    60413: DestinationBlocked,
    60550: ChannelUnavailable,
    60603: NotConfigured,  # e-mail: SendGrid credits
    60604: NotConfigured,  # e-mail: SendGrid permission
    60605: CountryNotAllowed,  # Verify Geo Permissions
    60728: TooManyRequests,  # the account's hourly cap
}

CHECK_ERRORS: dict[int, type[OtpError]] = {
    **ACCOUNT_ERRORS,
    20404: CodeExpired,  # on a check: approved, expired, cancelled, or never sent
    60200: IncorrectCode,  # not 4 to 10 long
    60202: TooManyAttempts,
    60212: ProviderBusy,
}

# Reading what became of messages.
ATTEMPT_ERRORS: dict[int, type[OtpError]] = {
    **ACCOUNT_ERRORS,
    20404: NotConfigured,  # these credentials have no Attempts API
    60200: NotConfigured,  # a Service SID that is none
}

# Programmable Messaging, which notices use.
MESSAGE_ERRORS: dict[int, type[OtpError]] = {
    **ACCOUNT_ERRORS,
    20404: NotConfigured,  # the account SID is unknown to these credentials
    21211: InvalidDestination,
    21212: NotConfigured,  # the sender is no number or sender id
    21408: CountryNotAllowed,  # messaging: country switched off
    21602: NotConfigured,  # no text
    21603: NotConfigured,  # no sender
    21604: InvalidDestination,  # no destination
    21606: NotConfigured,  # the sender is not the account's
    21608: DestinationBlocked,  # trial account, number not verified
    21610: ChannelUnavailable,  # the person answered STOP
    21611: ProviderBusy,  # the sender's queue is full
    21612: ChannelUnavailable,  # cannot be reached from this sender
    21614: ChannelUnavailable,  # not a mobile number
    21617: NotConfigured,  # longer than 1600 characters
    21701: NotConfigured,  # no such Messaging Service
    21703: NotConfigured,  # a Messaging Service without senders
    21704: NotConfigured,  # likewise, for this country
    21705: NotConfigured,  # not the SID of a Messaging Service
    30410: ProviderUnavailable,  # the carrier did not answer in time
    63038: ProviderBusy,  # the account's messages of a day are used up
}

# With one of these a send is tried once more without Locale: the documents say 404, live accounts answered 60200.
# https://www.twilio.com/docs/verify/supported-languages, read 2026-11-22
LOCALE_ERRORS = {20404, 60200}


def get_error(code: int | None, status: int, table: dict[int, type[OtpError]]) -> type[OtpError]:
    """Find the exception for a code; for one that no table knows, judge by the HTTP status."""
    if code in table:
        return table[code]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderBusy
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return NotConfigured
    return ProviderUnavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ProviderMisbehaved
