"""Why an attempt came out as it did, and what support tells the person. In sentences for the admin site."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.models import VerificationAttempt
from otp.models.attempt import Kind, Outcome

# A call to Twilio takes ten seconds at most.
UNDER_WAY = timedelta(seconds=30)


@dataclass(frozen=True)
class Advice:
    why: Any
    tell: Any


SENT = Advice(
    _("Twilio took the message and passed it on."),
    _("It went out. Ask them to wait a minute and to check the number they gave. If nothing comes, offer a call."),
)
NOTICE = Advice(_("The phone was told what was done with the account."), _("This message holds no code."))
RIGHT = Advice(_("The code was right."), _("It worked."))
NOT_YET = Advice(_("Still under way."), _("Look again in half a minute."))
ADVICE: dict[str, Advice] = {
    Outcome.CRASHED: Advice(
        _("This site stopped before it knew what became of it. The message may have gone out."),
        _("Ask them to try once more."),
    ),
    Outcome.NO_ACCOUNT: Advice(
        _("Nobody has an account with that number or address. Nothing was sent, and the page does not say so."),
        _("Ask which number and address they registered with. Do not say which ones we know."),
    ),
    Outcome.INVALID_DESTINATION: Advice(
        _("What was typed is no number or address that a message can go to."),
        _("Ask them to write the number with its country code, without an extension."),
    ),
    Outcome.CHANNEL_UNAVAILABLE: Advice(
        _("This way of sending is switched off, or cannot reach such a number: a landline takes calls alone."),
        _("Offer another way to get the code."),
    ),
    Outcome.COUNTRY_NOT_ALLOWED: Advice(
        _("Codes are not sent to numbers of that country (OTP_ALLOWED_COUNTRIES)."),
        _("They need a number of a country that is served, or an e-mail code where one is offered."),
    ),
    Outcome.DESTINATION_BLOCKED: Advice(
        _("No message goes to that number: it is premium, toll-free or opted out, or Twilio suspects fraud."),
        _("If they once answered STOP, they text START to the same number. Otherwise offer a call or another number."),
    ),
    Outcome.INCORRECT_CODE: Advice(
        _("The digits were wrong."),
        _("Only the newest message counts. Ask them to read the digits from that one, or to ask for a new code."),
    ),
    Outcome.CODE_EXPIRED: Advice(
        _("There was no code to compare with: over ten minutes old, used already, or replaced by a later one."),
        _("Ask them to get a new code and to enter it within ten minutes."),
    ),
    Outcome.NOT_FOUND: Advice(
        _("There is no such verification, or it is not for this use."),
        _("Ask them to start again from the first page."),
    ),
    Outcome.CONFLICT: Advice(
        _("Two requests for one number came at the same moment, and Twilio gave both the same digits: neither counts."),
        _("Ask them to get a new code, with one window open."),
    ),
    Outcome.TOO_MANY_REQUESTS: Advice(
        _("A limit was reached."), _("Ask them to wait as long as the page says, then to try once.")
    ),
    Outcome.TOO_MANY_ATTEMPTS: Advice(
        _("Too many wrong codes."), _("They can get a new code when ten minutes are over. Nobody can shorten that.")
    ),
    Outcome.PROVIDER_UNAVAILABLE: Advice(
        _("Twilio could not be reached, or gave no answer that can be trusted. The try was given back."),
        _("Ask them to try again in a minute. If it goes on, see https://status.twilio.com and tell the operators."),
    ),
    Outcome.NOT_CONFIGURED: Advice(
        _("Twilio does not accept the settings of this site."),
        _("Nothing they can do. Tell the operators to run `manage.py check_twilio`."),
    ),
    Outcome.INVALID_REQUEST: Advice(
        _("Twilio refused it as invalid. Its error code says why."),
        _("Offer another way to get the code, and tell the operators the error code."),
    ),
}
# By the rule of ours that refused it; says more than the outcome.
REASONS: dict[str, Advice] = {
    "resend_wait": Advice(
        _("Asked again before the waiting time was over. The code sent before still counts."),
        _("Ask them to wait for the message that is on its way; the page counts the seconds."),
    ),
    "resend_race": Advice(
        _("The same request came twice at the same moment; the other one was sent."),
        _("The code of the other request counts. One click is enough."),
    ),
    "exhausted": Advice(
        _("Five wrong codes: until the ten minutes are over nothing more is sent there."),
        _("They can get a new code when ten minutes are over. Nobody can shorten that."),
    ),
    "wrong_codes_per_destination": Advice(
        _("Too many wrong codes for that destination within an hour, over all its codes."),
        _("They wait for up to an hour. If it was not them, somebody is guessing: tell the operators."),
    ),
    "destination_per_minute": Advice(
        _("Several codes were asked for within a minute."), _("Ask them to wait a minute and to use the newest code.")
    ),
    "destination_per_hour": Advice(
        _("Too many codes went to that destination within an hour."),
        _("They wait for up to an hour. If messages do not arrive, another channel is the way, not more of them."),
    ),
    "destination_per_day": Advice(
        _("Too many codes went to that destination within 24 hours."),
        _("They wait until tomorrow. If it was not them, tell the operators."),
    ),
    "address": Advice(
        _("Too many codes were asked for from their network within an hour. Others may share it."),
        _("Ask them to try from another network, such as mobile data, or in an hour."),
    ),
    "prefix": Advice(
        _("Too many codes went to numbers like theirs within an hour: often an attack on the bill."),
        _("Ask them to wait an hour. Tell the operators if it is a range of real customers."),
    ),
    "country": Advice(
        _("Too many codes went to that country within an hour: often an attack on the bill."),
        _("Ask them to wait an hour, and tell the operators."),
    ),
    "site": Advice(
        _("The whole site reached its limit of sends in an hour."), _("Ask them to wait, and tell the operators.")
    ),
    "budget": Advice(
        _("The money for 24 hours is used up (OTP_DAILY_BUDGET)."),
        _("Nothing they can do. Tell the operators at once."),
    ),
    "numbers_per_account": Advice(
        _("The account asked to change to too many different numbers within a day."),
        _("Tomorrow it works again. If it was not them, end their sessions: somebody else is at their account."),
    ),
    "check_address": Advice(
        _("Too many codes were tried from their network within an hour."),
        _("Ask them to try from another network, or in an hour. The code itself may still be good."),
    ),
    **dict.fromkeys(
        ("guard_country", "guard_prefix", "guard_address"),
        Advice(
            _("Far more codes were sent there lately than anybody typed in: it looks like an attack on the bill."),
            _("Ask them to try from another network or in an hour, and tell the operators: the guard may be wrong."),
        ),
    ),
    "no_sender": Advice(
        _("Notices by text message have no sender (TWILIO_MESSAGING_SERVICE_SID)."),
        _("They were told by e-mail alone."),
    ),
}


def get_advice(attempt: VerificationAttempt) -> Advice:
    """Say why it came out so. A reason that is not known here falls back on the outcome."""
    if attempt.outcome == Outcome.OK:
        return {Kind.SEND: SENT, Kind.CHECK: RIGHT}.get(Kind(attempt.kind), NOTICE)
    if attempt.outcome == Outcome.CRASHED and timezone.now() - attempt.created_at < UNDER_WAY:
        return NOT_YET
    return REASONS.get(attempt.reason) or ADVICE[attempt.outcome]
