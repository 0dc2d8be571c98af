"""A code serves what it was asked for, in the session that asked, for the person who asked: every pair of uses."""

from itertools import permutations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.people import NUMBER, make_person, sign_in, with_phone
from accounts.tests.steps import LOGIN_CODE, call, give_code, give_password, is_signed_in, read
from otp import services
from otp.client import Client as Caller
from otp.exceptions import CodeExpired
from otp.models import TransactionApproval, Verification
from otp.money import Payment as PaymentDetails
from otp.purposes import PUBLIC_PURPOSES, Purpose
from otp.sandbox.models import Message, ReceivedCall

pytestmark = pytest.mark.django_db
NEW = "another-good-one"
PAYMENT = {"amount": "120.00", "currency": "EUR", "payee": "Alice GmbH"}


def read_code():
    return Message.objects.filter(to=NUMBER).exclude(code="").latest("pk").code


class Use:
    """One use of a code to Ann's number, in a browser of its own: `open` sends it, `take` offers a code to it."""

    def __init__(self, user, capture):
        self.user, self.capture = user, capture
        self.client = Client()

    def open(self):
        raise NotImplementedError

    def take(self, code):
        raise NotImplementedError

    def sign_in(self):
        return sign_in(self.client, self.user, device=self.user.phonedevice_set.get())


class Registration(Use):
    def open(self):
        return call(self.client, "send-otp", to=NUMBER, purpose="registration")

    def take(self, code):
        body = {"email": "new@example.com", "password": NEW, "phone": NUMBER, "otp_code": code}
        return call(self.client, "register-with-otp", **body).status_code == 409  # Ann has the number: it was proven


class RegistrationPage(Use):
    def open(self):
        fields = {"email": "new@example.com", "password": NEW, "phone": NUMBER, "channel": "sms"}
        return self.client.post("/accounts/register/", fields)

    def take(self, code):
        answer = self.client.post("/accounts/register/code/", {"code": code})
        return "already belongs to an account" in read(answer)


class Reset(Use):
    def open(self):
        with self.capture(execute=True):
            return call(self.client, "forgot-password-otp", email=self.user.email, phone=NUMBER)

    def take(self, code):
        body = {"email": self.user.email, "phone": NUMBER, "otp_code": code, "new_password": NEW}
        return (
            call(self.client, "forgot-password-otp", **body).status_code == 403
        )  # proven; one more proof is asked for


class SignIn(Use):
    def open(self):
        return give_password(self.client)

    def take(self, code):
        give_code(self.client, code)
        return is_signed_in(self.client)


class StepUp(Use):
    step = "two_factor"

    def open(self):
        return call(self.sign_in(), "step-up/send", step=self.step)

    def take(self, code):
        return call(self.client, "step-up/verify", step=self.step, code=code).status_code == 200


class Enrolment(StepUp):
    step = "add_phone"


class PhoneChange(Use):
    def open(self):
        give_fresh_proof(self.sign_in(), "phone_change")
        return self.client.post("/accounts/phone-change/", {"phone": NUMBER})

    def take(self, code):
        return self.client.post("/accounts/phone-change/code/", {"code": code}).status_code == 302


class Payment(Use):
    approval_id = ""

    def open(self):
        answer = call(self.sign_in(), "approvals", **PAYMENT)
        self.approval_id = answer.json()["id"]
        return answer

    def take(self, code):
        return call(self.client, f"approvals/{self.approval_id}/confirm", code=code).status_code == 200


def give_fresh_proof(client, step):
    session = client.session
    session["fresh_proofs"] = {step: 2**40}
    session.save()


USES = [Registration, Reset, SignIn, StepUp, Enrolment, PhoneChange, Payment]


@pytest.fixture
def make_use(ann, settings, django_capture_on_commit_callbacks):
    with_phone(ann)
    settings.OTP_MAX_SENDS_PER_DESTINATION_PER_MINUTE = 100
    return lambda use: use(ann, django_capture_on_commit_callbacks)


@pytest.mark.requirement("OTP-03", "OTP-04", "OTP-06")
class TestEveryPair:
    @pytest.mark.parametrize("asked", USES, ids=lambda use: use.__name__)
    def test_a_code_is_good_where_it_was_asked_for(self, asked, make_use):
        """The counterpart of the matrix: what is refused there works here."""
        use = make_use(asked)
        assert use.open().status_code < 400

        assert use.take(read_code())

    @pytest.mark.parametrize(("asked", "used"), list(permutations(USES, 2)), ids=lambda use: use.__name__)
    def test_and_nowhere_else(self, asked, used, make_use):
        other, own = make_use(used), make_use(asked)
        assert other.open().status_code < 400
        assert own.open().status_code < 400

        assert not other.take(read_code())
        # It was not the code that was wrong.
        assert own.take(read_code())

    @pytest.mark.parametrize(("asked", "used"), [(RegistrationPage, Registration), (Registration, RegistrationPage)])
    def test_a_page_s_code_is_bound_to_its_browser_within_one_purpose_too(self, asked, used, make_use):
        other, own = make_use(used), make_use(asked)
        other.open()
        own.open()

        assert not other.take(read_code())
        assert own.take(read_code())


@pytest.mark.requirement("OTP-03")
class TestLedger:
    """Below every page and call: the ledger itself, for all purposes there are and will be."""

    @pytest.fixture
    def send(self, ann):
        """Send a code for Ann; gives what finds it again, for whatever purpose."""

        def send(purpose):
            found_by = {"client": Caller(), "flow": "one", "user_id": ann.pk}
            payment = None
            if purpose == Purpose.TRANSACTION:
                row = TransactionApproval.objects.create(
                    user=ann, amount="1.00", currency="EUR", payee="Alice GmbH", expires_at=timezone.now()
                )
                payment = PaymentDetails(row.pk, "1.00 EUR", "Alice GmbH")
            services.send_otp(NUMBER, purpose=purpose, payment=payment, **found_by)
            return {**found_by, "payment": payment}

        return send

    @pytest.mark.parametrize("asked", Purpose)
    def test_no_purpose_takes_another_s_code(self, asked, send):
        found_by = send(asked)
        code = read_code()

        for used in Purpose:
            # The contract: a code asked for without a purpose serves the public use that comes first.
            if used == asked or (asked == Purpose.ANY_PUBLIC and used in PUBLIC_PURPOSES):
                continue
            with pytest.raises(CodeExpired):
                services.verify_otp(NUMBER, code, purpose=used, **found_by)
        assert not ReceivedCall.objects.filter(path__endswith="/VerificationCheck").exists()
        assert services.verify_otp(NUMBER, code, purpose=asked, **found_by)

    @pytest.mark.requirement("OTP-04")
    @pytest.mark.parametrize("purpose", Purpose)
    def test_nor_does_another_flow_or_another_person(self, purpose, send, ann):
        bob = make_person("bob@example.com", "+12025550177")
        found_by = send(purpose)

        nobody = {"flow": "", "user_id": None}
        for change in ({"flow": "two"}, {"user_id": bob.pk}, {"flow": ""}, {"user_id": None}, nobody):
            with pytest.raises(CodeExpired):
                services.verify_otp(NUMBER, read_code(), purpose=purpose, **{**found_by, **change})
        assert services.verify_otp(NUMBER, read_code(), purpose=purpose, **found_by)


@pytest.mark.requirement("OTP-05")
class TestWhatAClientSays:
    """A code of one's own, and the name of somebody else: in bodies, forms and addresses."""

    @pytest.fixture
    def bob(self, db):
        return with_phone(make_person("bob@example.com", "+12025550177"))

    @pytest.fixture
    def names(self, ann, bob):
        sid = "VE" + "0" * 32
        return {
            "user_id": bob.pk, "id": bob.pk, "user": bob.pk, "email": bob.email, "phone": bob.phone, "to": bob.phone,
            "destination": bob.phone, "sid": sid, "verification_sid": sid, "purpose": "login", "flow_id": "x",
        }  # fmt: skip

    @pytest.mark.parametrize("use", [SignIn, StepUp, Enrolment, PhoneChange])
    def test_moves_nothing_of_theirs(self, use, ann, bob, names, make_use):
        mine = make_use(use)
        mine.open()
        code = read_code()
        before = type(bob).objects.filter(pk=bob.pk).values().get()
        query = "&".join(f"{name}={value}" for name, value in names.items()).replace("+", "%2B")

        if use is SignIn:
            mine.client.post(f"{LOGIN_CODE}?{query}", {**names, "code": code, "method": "otp"})
            assert mine.client.get("/api/me").json()["email"] == ann.email
        elif use is PhoneChange:
            mine.client.post(f"/accounts/phone-change/code/?{query}", {**names, "code": code})
            assert type(ann).objects.get(pk=ann.pk).phone == NUMBER
        else:
            answer = call(mine.client, f"step-up/verify?{query}", **{**names, "code": code, "step": use.step})
            assert answer.status_code == 200
        assert type(bob).objects.filter(pk=bob.pk).values().get() == before
        assert not bob.security_events.exists()

    @pytest.mark.parametrize("use", [SignIn, StepUp])
    def test_sends_nothing_to_them(self, use, ann, bob, names, make_use):
        mine = make_use(use)
        mine.open()
        Verification.objects.update(next_send_at="2020-01-01T00:00:00Z")
        path = "login/send" if use is SignIn else "step-up/send"

        assert call(mine.client, path, **{**names, "channel": "call"}).status_code == 200

        assert {message.to for message in Message.objects.all()} == {NUMBER}
