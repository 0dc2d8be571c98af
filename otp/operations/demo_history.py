"""How made-up history is made: people who are nobody, and one verification of theirs after another."""

import hashlib
import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from otp.models import Delivery, Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import LIFETIME, Status
from otp.operations.totals import HOUR
from otp.prices import get_price, get_success_price
from otp.purposes import Channel, Purpose

MARK = "SmartFin demo data"
SERVICE_SID = "VA" + "de30" * 8
PEOPLE = 1500
VERIFICATIONS_A_DAY = 130

# Country: dialing prefix, weight, share of codes that are typed in.
COUNTRIES = {
    "US": ("+1202555", 44, 0.90),
    "GB": ("+44770090", 16, 0.88),
    "DE": ("+4915550", 12, 0.86),
    "IN": ("+9190000", 12, 0.72),
    "ES": ("+3460000", 9, 0.84),
    "FR": ("+3363998", 7, 0.85),
}
DIALING = {"US": "+1", "GB": "+44", "DE": "+49", "IN": "+91", "ES": "+34", "FR": "+33"}
CHANNELS = {Channel.SMS: 78, Channel.WHATSAPP: 12, Channel.EMAIL: 6, Channel.CALL: 4}
PURPOSES = {
    Purpose.LOGIN: 46,
    Purpose.REGISTRATION: 20,
    Purpose.VERIFICATION: 12,
    Purpose.PASSWORD_RESET: 8,
    Purpose.STEP_UP: 7,
    Purpose.TRANSACTION: 5,
    Purpose.PHONE_CHANGE: 2,
}
# Outcome, reason and Twilio's code of sends that do not go out, by weight.
REFUSALS = {
    (Outcome.TOO_MANY_REQUESTS, "resend_wait", None): 40,
    (Outcome.COUNTRY_NOT_ALLOWED, "", None): 14,
    (Outcome.CHANNEL_UNAVAILABLE, "", None): 12,
    (Outcome.INVALID_DESTINATION, "", None): 12,
    (Outcome.TOO_MANY_REQUESTS, "destination_per_hour", None): 7,
    (Outcome.CHANNEL_UNAVAILABLE, "", 21610): 5,
    (Outcome.CHANNEL_UNAVAILABLE, "", 60205): 4,
    (Outcome.INVALID_DESTINATION, "", 60200): 3,
    (Outcome.DESTINATION_BLOCKED, "", 60410): 2,
    (Outcome.COUNTRY_NOT_ALLOWED, "", 60605): 1,
}
LOSSES = {30003: 55, 30005: 15, 30006: 12, 30007: 10, 30008: 8}
# Days before today and hours of the day (UTC).
ATTACK_DAYS_AGO, ATTACK_HOURS, ATTACK_SENDS = 9, (2, 3), 420
OUTAGE_DAYS_AGO, OUTAGE_HOURS = 20, (14, 15)
SENDS_OF_NOW = 60
# What the pumping guard lets go unproven in one range before it notes the others.
GUARD_FLOOR = 20
ATTACK_COUNTRY, ATTACK_PREFIX = "GB", "+44797779"


@dataclass
class History:
    """What is going to be written."""

    verifications: list[Verification] = field(default_factory=list)
    attempts: list[VerificationAttempt] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    """Somebody who is nobody."""

    name: str
    country: str
    prefix: str
    address: str

    def place(self, channel: str) -> dict[str, str]:
        if channel == Channel.EMAIL:
            return _describe(f"mail:{self.name}", f"{'abcdefgh'[len(self.name) % 8]}•••@example.com", "", "")
        digits = int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 10_000
        masked = f"{DIALING[self.country]} ••• ••• {digits:04}"
        return _describe(self.name, masked, self.country, self.prefix)


class Maker:
    """Makes one verification after another, with the sends and checks that belong to it."""

    def __init__(self, dice: random.Random, history: History, now: datetime) -> None:
        self.dice, self.history, self.now = dice, history, now
        self.people = [self._make_person(number) for number in range(PEOPLE)]

    def make_day(self, midnight: datetime, ago: int, days: int) -> None:
        growth = 0.7 + 0.5 * (1 - ago / days)
        weekend = 0.65 if midnight.weekday() >= 5 else 1.0
        for hour in range(24):
            # Two humps a day, Europe's and America's afternoon.
            busy = 0.25 + math.exp(-((hour - 10) ** 2) / 14) + 1.2 * math.exp(-((hour - 18) ** 2) / 16)
            expected = VERIFICATIONS_A_DAY * growth * weekend * busy / 18
            count = int(expected) + (self.dice.random() < expected % 1)
            is_out = ago == OUTAGE_DAYS_AGO and hour in OUTAGE_HOURS
            for _ in range(count):
                at = midnight + hour * HOUR + timedelta(seconds=self.dice.uniform(0, 3600))
                if at < self.now - timedelta(minutes=11):
                    self.make_verification(at, is_out=is_out)
            if ago == ATTACK_DAYS_AGO and hour in ATTACK_HOURS:
                self.make_attack(midnight + hour * HOUR)

    def make_verification(self, at: datetime, *, is_out: bool) -> None:
        person = self.dice.choice(self.people)
        channel, purpose = self._pick(CHANNELS), self._pick(PURPOSES)
        if purpose not in {Purpose.VERIFICATION, Purpose.REGISTRATION, Purpose.LOGIN} and channel == Channel.EMAIL:
            channel = Channel.SMS
        place = person.place(channel)
        if self.dice.random() < 0.05:
            outcome, reason, code = self._pick(REFUSALS)
            self._attempt(Kind.SEND, outcome, at, person, place, purpose, channel, reason=reason, provider_code=code)
            return
        verification = self._verification(at, place, purpose, channel)
        if is_out:
            verification.status = Status.FAILED
            self._attempt(
                Kind.SEND,
                Outcome.PROVIDER_UNAVAILABLE,
                at,
                person,
                place,
                purpose,
                channel,
                verification=verification,
                provider_code=self.dice.choice((20503, None)),
                duration_ms=self.dice.randint(3000, 10_000),
            )
            return
        is_right = self.dice.random() < (COUNTRIES[person.country][2] if place["country"] else 0.8)
        self._make_sends(at, person, place, verification, is_right=is_right)
        self._make_checks(at, person, place, verification, is_right=is_right)

    def make_attack(self, hour: datetime) -> None:
        """Somebody pumps messages to one range: many addresses, nobody types a code, until the range's limit holds."""
        for number in range(ATTACK_SENDS // len(ATTACK_HOURS)):
            at = hour + timedelta(seconds=number * 3600 * len(ATTACK_HOURS) / ATTACK_SENDS)
            person = Person(f"attack:{hour.hour}:{number}", ATTACK_COUNTRY, ATTACK_PREFIX, self._make_address())
            place = person.place(Channel.SMS)
            if number < 50 and hour.hour == ATTACK_HOURS[0]:
                self._make_pumped_send(at, person, place, number)
            else:
                self._attempt(
                    Kind.SEND,
                    Outcome.TOO_MANY_REQUESTS,
                    at,
                    person,
                    place,
                    Purpose.VERIFICATION,
                    Channel.SMS,
                    reason="prefix",
                )

    def make_attack_of_now(self) -> None:
        """The same once more within this last hour, so that there is something to be alarmed about."""
        for number in range(SENDS_OF_NOW):
            at = self.now - timedelta(minutes=50) + number * timedelta(seconds=36)
            person = Person(f"attack:now:{number}", ATTACK_COUNTRY, ATTACK_PREFIX, self._make_address())
            self._make_pumped_send(at, person, person.place(Channel.SMS), number)

    def _make_pumped_send(self, at: datetime, person: Person, place: dict[str, str], number: int) -> None:
        verification = self._verification(at, place, Purpose.VERIFICATION, Channel.SMS)
        noted = "prefix" if number >= GUARD_FLOOR else ""
        self._make_sends(at, person, place, verification, is_right=False, guard=noted)

    def _make_sends(
        self,
        at: datetime,
        person: Person,
        place: dict[str, str],
        verification: Verification,
        *,
        is_right: bool,
        guard: str = "",
    ) -> None:
        """A send, and another one where the first is lost or the person is impatient."""
        again = self.dice.random() < (0.08 if is_right else 0.3)
        verification.verification_sid = self._sid("VE")
        verification.sends = 2 if again else 1
        for number in range(verification.sends):
            sent_at = at + timedelta(seconds=number * self.dice.uniform(35, 90))
            is_lost = self.dice.random() < (0.02 if is_right and number == verification.sends - 1 else 0.12)
            attempt = self._attempt(
                Kind.SEND,
                Outcome.OK,
                sent_at,
                person,
                place,
                verification.purpose,
                verification.channel,
                verification=verification,
                attempt_sid=self._sid("VL"),
                duration_ms=self._answer_time(),
                cost=get_price(verification.channel, place["country"]),
                guard=guard,
            )
            self._deliver(attempt, sent_at, is_lost=is_lost, is_right=is_right)

    def _make_checks(
        self, at: datetime, person: Person, place: dict[str, str], verification: Verification, *, is_right: bool
    ) -> None:
        wrong = (
            self.dice.choices((0, 1, 2), (88, 9, 3))[0] if is_right else self.dice.choices((0, 1, 5), (82, 14, 4))[0]
        )
        moment = at + timedelta(seconds=self.dice.uniform(95, 160))
        outcomes = [Outcome.INCORRECT_CODE] * wrong + ([Outcome.OK] if is_right else [])
        for outcome in outcomes:
            self._attempt(
                Kind.CHECK,
                outcome,
                moment,
                person,
                place,
                verification.purpose,
                verification.channel,
                verification=verification,
                duration_ms=self._answer_time() // 2,
                cost=get_success_price(place["country"]) if outcome == Outcome.OK else None,
            )
            moment += timedelta(seconds=self.dice.uniform(8, 30))
        verification.checks = verification.calls = len(outcomes)
        if is_right:
            verification.status = Status.REDEEMED
            verification.approved_at = verification.redeemed_at = moment
        elif wrong == 5:
            verification.status = Status.EXHAUSTED

    # The rows

    def _verification(self, at: datetime, place: dict[str, str], purpose: str, channel: str) -> Verification:
        verification = Verification(
            purpose=purpose,
            channel=channel,
            status=Status.EXPIRED,
            service_sid=SERVICE_SID,
            created_at=at,
            expires_at=at + LIFETIME,
            next_send_at=at + timedelta(seconds=30),
            **place,
        )
        verification.id = _make_id(self.dice)
        self.history.verifications.append(verification)
        return verification

    def _attempt(
        self,
        kind: str,
        outcome: str,
        at: datetime,
        person: Person,
        place: dict[str, str],
        purpose: str,
        channel: str,
        *,
        verification: Verification | None = None,
        **fields: Any,
    ) -> VerificationAttempt:
        attempt = VerificationAttempt(
            kind=kind,
            outcome=outcome,
            created_at=at,
            purpose=purpose,
            channel=channel,
            verification=verification,
            verification_sid=verification.verification_sid if verification else "",
            client_address=person.address,
            user_agent=MARK,
            **place,
            **fields,
        )
        self.history.attempts.append(attempt)
        return attempt

    def _deliver(self, attempt: VerificationAttempt, at: datetime, *, is_lost: bool, is_right: bool) -> None:
        """Twilio's word on it, except for the newest ones, which it has not told yet."""
        if at > self.now - 2 * HOUR or attempt.cost is None:
            return
        arrived, lost = ("completed", "no-answer") if attempt.channel == Channel.CALL else ("delivered", "undelivered")
        self.history.deliveries.append(
            Delivery(
                attempt_sid=attempt.attempt_sid,
                attempt=attempt,
                verification_sid=attempt.verification_sid,
                channel=attempt.channel,
                country=attempt.country,
                status=lost if is_lost else arrived,
                error_code=self._pick(LOSSES) if is_lost else None,
                price=(attempt.cost * Decimal(self.dice.choice(("1", "1", "1", "1.02", "0.98")))).quantize(
                    Decimal("0.00001")
                ),
                currency="USD",
                is_converted=is_right,
                created_at=at,
                synced_at=self.now,
            )
        )

    # The dice

    def _pick(self, weights: dict[Any, int]) -> Any:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def _sid(self, kind: str) -> str:
        return f"{kind}{self.dice.getrandbits(128):032x}"

    def _answer_time(self) -> int:
        return max(40, int(self.dice.lognormvariate(math.log(260), 0.45)))

    def _make_address(self) -> str:
        # TEST-NET-3 and a documentation prefix: nobody's.
        if self.dice.random() < 0.7:
            return f"203.0.113.{self.dice.randint(1, 254)}"
        return f"2001:db8::{self.dice.randint(1, 0xFFFF):x}"

    def _make_person(self, number: int) -> Person:
        country = self._pick({code: weight for code, (_, weight, _) in COUNTRIES.items()})
        prefix = COUNTRIES[country][0] + str(self.dice.randint(0, 9))
        return Person(f"demo:{number}", country, prefix, self._make_address())


def _describe(name: str, masked: str, country: str, prefix: str) -> dict[str, str]:
    digest = hashlib.sha256(f"smartfin demo {name}".encode()).hexdigest()
    return {"destination_hash": digest, "destination_masked": masked, "country": country, "prefix": prefix}


def _make_id(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)
