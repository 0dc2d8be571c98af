"""What an operator can do about each of Twilio's error codes. What they mean: docs/how-to/TWILIO_OTP_SETUP.md.

Each code has its page: https://www.twilio.com/docs/api/errors/<code>, read 2026-11-22.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TRIAL = _(
    "This is a trial account: it sends only to numbers that you have verified in the Twilio Console. Verify the number "
    "at https://console.twilio.com/us1/develop/phone-numbers/manage/verified and try again, or upgrade the account."
)
LATER = _("Nothing to do: it passes. If it goes on, look at https://status.twilio.com.")
UNREACHABLE = _("The phone was off or out of reach. Offer a call or another channel; nothing to do on the site.")
FILTERED = _(
    "A carrier filtered the message. See in the Console whether the sender must be registered in that country."
)
TEMPLATE = _("The message template lacks something. Open it in the Console, under Verify, Templates.")
SENDGRID = _("Look at the SendGrid account that the Verify Service mails through: credits, permission, sender.")

ADVICE: dict[int, str | Promise] = {
    20003: _(
        "Twilio refuses the credentials. Copy the Account SID and the auth token (or the API key and its secret) "
        "again, from the same account, and see in the Console that the account is active."
    ),
    20008: _("These are test credentials, which Verify does not take. Use the live ones."),
    20404: _(
        "On a send: these credentials know no such Verify Service. Copy its SID again, from the same account. On a "
        "check: the code was over."
    ),
    20429: _("Too many requests at once for this account. If it goes on, ask Twilio for more."),
    20500: LATER,
    20503: LATER,
    21215: _("Calls to that country are off: switch it on in the Console, under Voice, Geo permissions."),
    21216: _("Calls to that number are blocked. Offer a text message."),
    21219: TRIAL,
    21408: _("Messages to that country are off: switch it on in the Console, under Messaging, Geo permissions."),
    21608: TRIAL,
    21610: _("The person answered STOP. They must send START, or take another channel."),
    21612: _("That number cannot be reached by text message. Offer a call."),
    21614: _("That is no mobile number. Offer a call."),
    30001: LATER,
    30002: _("The Twilio account is suspended. Look at the Console at once."),
    30003: UNREACHABLE,
    30004: _("The phone blocks messages from this sender. Offer a call."),
    30005: _("The number is not in use. The person has to correct it."),
    30006: _("A landline, or a carrier that takes no messages. Offer a call."),
    30007: FILTERED,
    30008: _("The carrier says no reason. If one country has many, compare channels there."),
    30022: FILTERED,
    30032: FILTERED,
    30034: FILTERED,
    30410: LATER,
    30450: _("Twilio blocks messages to that range of numbers for half an hour, for fear of pumping. See who asks."),
    60200: _("The number or the code has a form that Twilio does not take. Many of them: see what the client sends."),
    60202: _("Five wrong codes. Many of them: somebody guesses; see the client addresses of these attempts."),
    60203: _("Five sends to one number in ten minutes. Many of them: see whether messages arrive at all."),
    60205: _("A landline cannot get text messages. Offer a call."),
    60212: _("Two requests for one number at once. Nothing to do; many of them: a client asks twice."),
    60217: _("E-mail needs a mailer: add an e-mail integration to the Verify Service."),
    60218: TEMPLATE,
    60219: TEMPLATE,
    60220: _("China needs vetting by Twilio. Ask for it, or take CN out of OTP_ALLOWED_COUNTRIES."),
    60222: SENDGRID,
    60223: _("The Verify Service has this channel switched off: switch it on in the Console, or take another channel."),
    60238: _("Twilio blocks this number or country. Ask their support if you must reach it."),
    60242: _(
        "WhatsApp has no approved template for this language: set up the WhatsApp sender, or take another channel."
    ),
    60245: SENDGRID,
    60410: _(
        "Twilio's Fraud Guard blocks this range of numbers for twelve hours. Take another channel or wait; see whether "
        "somebody pumps messages to that range."
    ),
    60412: _("Twilio takes this sign-up for fraud. See who asks."),
    60413: _("Twilio takes this device for fraud. See who asks."),
    60603: SENDGRID,
    60604: SENDGRID,
    60605: _("Verify's Geo permissions switch that country off: switch it on in the Console, under Verify."),
    60728: _("The account's messages of an hour are used up. Ask Twilio for more."),
    575001: _("Verify is not available for this trial account. Upgrade it."),
}
UNKNOWN = _("Look the code up on its page.")


def get_advice(code: int) -> str | Promise:
    return ADVICE.get(code, UNKNOWN)
