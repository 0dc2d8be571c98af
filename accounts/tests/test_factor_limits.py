"""Wrong codes: one budget for each person, apart from that of passwords, and nobody else's to use up."""

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import FactorBudget, User
from accounts.tests.people import (
    PASSWORD,
    make_person,
    show_totp_code,
    sign_in,
    with_backup_codes,
    with_phone,
    with_totp,
)
from accounts.tests.steps import (
    LOGIN,
    ask_for_proof,
    call,
    give_code,
    give_password,
    give_proof,
    is_signed_in,
    read,
    wrong,
)
from otp.tests.parallel import run_copies
from otp.tests.twilio_double import Answer

WRONG_TOTP = "000000"


def minutes(count):
    return time_machine.travel(timezone.now() + timezone.timedelta(minutes=count))


def fail_once(client, user):
    return give_code(client, wrong(show_totp_code(user)), "totp")


def get_failures(user):
    return FactorBudget.find(user).failures


@pytest.fixture
def ann(ann):
    """Ann, with every factor that has codes."""
    ann.backup_codes = with_backup_codes(with_phone(with_totp(ann)))
    return ann


@pytest.mark.django_db
class TestRow:
    @pytest.mark.requirement("THR-01", "THR-11")
    def test_the_fifth_in_a_row_blocks_and_ends_the_pending_sign_in(self, client, ann, read_code):
        give_password(client)
        answers = [fail_once(client, ann) for _ in range(5)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 302]
        assert "4 tries left." in read(answers[0])
        assert "1 try left." in read(answers[3])
        page = read(client.get(answers[4]["Location"]))
        assert "Too many wrong codes in a row. Try again in 5 minutes." in page
        assert "pending_login" not in client.session
        # The right code is no longer any use here, now or when the block is over: the password is asked for again.
        assert give_code(client, show_totp_code(ann), "totp")["Location"] == LOGIN
        with minutes(6):
            assert give_code(client, show_totp_code(ann), "totp")["Location"] == LOGIN
            give_password(client)
            assert give_code(client, show_totp_code(ann), "totp")["Location"] == "/"

    @pytest.mark.requirement("THR-11")
    def test_a_sign_in_pending_elsewhere_ends_as_well(self, client, ann):
        other = Client()
        give_password(other)
        give_password(client)
        for _ in range(5):
            fail_once(client, ann)

        with minutes(6):
            assert give_code(other, show_totp_code(ann), "totp")["Location"] == LOGIN
        assert not is_signed_in(other)

    @pytest.mark.requirement("THR-01", "THR-14")
    def test_each_block_is_longer_than_the_last_and_ends_by_itself(self, client, ann):
        waits = []
        moment = timezone.now()
        for row in range(6):
            FactorBudget.objects.update_or_create(user=ann, defaults={"failures": 5 * row + 4})
            with time_machine.travel(moment, tick=False):
                give_password(client)
                fail_once(client, ann)
                answer = call(client, "login", email=ann.email, password=PASSWORD)
                assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
                waits.append(int(answer["Retry-After"]) // 60)
            moment += timezone.timedelta(minutes=waits[-1], seconds=1)

        assert waits == [5, 15, 60, 240, 1440, 1440]
        with time_machine.travel(moment):
            give_password(client)
            assert give_code(client, show_totp_code(ann), "totp").status_code == 302
            assert get_failures(ann) == 0

    @pytest.mark.requirement("THR-02")
    def test_a_hundred_in_a_row_turn_codes_off_until_a_factor_is_set_up_anew(
        self, client, ann, django_capture_on_commit_callbacks
    ):
        FactorBudget.objects.create(user=ann, failures=99)
        give_password(client)
        with django_capture_on_commit_callbacks(execute=True):
            fail_once(client, ann)
        assert [message.subject for message in mail.outbox] == ["Somebody knows your SmartFin password"]

        for days in (0, 2, 400):
            with time_machine.travel(timezone.now() + timezone.timedelta(days=days)):
                answer = call(client, "login", email=ann.email, password=PASSWORD)
                assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
                page = read(give_password(client))
                if days:
                    assert "Codes are switched off for this account" in page
        FactorBudget.clear(ann)
        with time_machine.travel(timezone.now() + timezone.timedelta(days=2)):
            give_password(client)
            assert give_code(client, show_totp_code(ann), "totp").status_code == 302

    @pytest.mark.requirement("THR-01", "MFA-07")
    def test_the_person_is_told_of_a_block(self, client, ann, django_capture_on_commit_callbacks):
        sign_in(client, ann)
        for count in range(5):
            ask_for_proof(client, "two_factor")
            mail.outbox.clear()
            with django_capture_on_commit_callbacks(execute=True):
                give_proof(client, "two_factor", WRONG_TOTP, "totp")
            assert len(mail.outbox) == (count == 4)
        assert list(ann.security_events.values_list("kind", flat=True).order_by("pk")) == [
            *["factor_failed"] * 5,
            "factor_blocked",
            "session_ended",  # whoever guesses in it is thrown out of it
        ]


@pytest.mark.django_db
class TestOneBudget:
    @pytest.mark.requirement("THR-09", "BKP-04")
    def test_over_factors_pages_calls_and_steps(self, client, ann, read_code):
        """Five wrong codes by five ways; the sixth way is closed, and so is the first."""
        signed_in = sign_in(Client(), ann)
        give_password(client)
        call(client, "login/send", channel="sms")
        give_code(client, wrong(read_code()))
        fail_once(client, ann)
        give_code(client, "AAAA-BBBB-CCCCC", "backup_code")
        api = Client()
        call(api, "login", email=ann.email, password=PASSWORD)
        assert call(api, "login/verify", code=WRONG_TOTP, method="totp").json()["attempts_left"] == 1
        assert get_failures(ann) == 4

        answer = call(signed_in, "step-up/verify", code=WRONG_TOTP, method="totp")

        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert not is_signed_in(signed_in)
        for way in (Client(), Client(REMOTE_ADDR="192.0.2.9"), Client(HTTP_USER_AGENT="another")):
            assert give_password(way, next="/admin/").status_code == 429
            assert call(way, "login", email=ann.email, password=PASSWORD).status_code == 429
        another = sign_in(Client(), ann)
        for path in ("step-up/send", "step-up/verify"):
            body = {"code": show_totp_code(ann), "method": "totp"} if path.endswith("verify") else {"channel": "call"}
            another = sign_in(Client(), ann)
            assert call(another, path, **body).status_code == 429, path

    @pytest.mark.requirement("THR-10")
    def test_a_right_password_clears_nothing(self, client, ann):
        give_password(client)
        for _ in range(4):
            fail_once(client, ann)
        give_password(client)
        assert get_failures(ann) == 4

        assert fail_once(client, ann)["Location"] == LOGIN
        assert give_password(client).status_code == 429

    @pytest.mark.requirement("THR-10")
    def test_somebody_else_s_success_clears_nothing(self, client, ann):
        make_person("eve@example.com", "+12025550199")
        give_password(client)
        for _ in range(4):
            fail_once(client, ann)

        assert give_password(client, "eve@example.com")["Location"] == "/"

        give_password(client)
        assert fail_once(client, ann)["Location"] == LOGIN

    @pytest.mark.requirement("THR-10")
    def test_wrong_passwords_are_counted_apart(self, client, ann):
        for _ in range(10):
            client.post(LOGIN, {"email": ann.email, "password": "wrong"})

        assert get_failures(ann) == 0

    @pytest.mark.requirement("THR-10")
    def test_a_right_code_clears_the_row_and_not_the_passwords(self, client, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 3
        for _ in range(2):
            client.post(LOGIN, {"email": ann.email, "password": "wrong"})
        give_password(client)
        fail_once(client, ann)
        give_code(client, show_totp_code(ann), "totp")
        assert get_failures(ann) == 0

        client.post(LOGIN, {"email": ann.email, "password": "wrong"})

        assert give_password(Client()).status_code == 429

    def test_an_outage_costs_no_try(self, client, ann, twilio):
        give_password(client)
        call(client, "login/send", channel="sms")
        twilio.always(Answer.error(500, 20500))

        answers = [call(client, "login/verify", code="000000") for _ in range(3)]

        assert {answer.status_code for answer in answers} == {503}
        assert get_failures(ann) == 0


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_deleted_meanwhile_gets_no_try():
    bob = make_person("bob@example.com", "+12025550177")
    User.objects.filter(pk=bob.pk).delete()

    assert not FactorBudget.take(bob)


@pytest.mark.requirement("THR-01")
@pytest.mark.parametrize("failures", [None, 0, 3])
@pytest.mark.django_db(transaction=True)
def test_of_sixteen_tries_at_once_as_many_are_compared_as_are_left_to_the_block(failures):
    """Also those of somebody who has no row yet: whoever makes it takes none from the others."""
    bob = make_person("bob@example.com", "+12025550177")
    if failures is not None:
        FactorBudget.objects.create(user=bob, failures=failures)

    taken = run_copies(16, lambda _: FactorBudget.take(bob))

    assert taken.count(True) == 5 - (failures or 0)
    assert taken.count(False) == 16 - taken.count(True)
    assert get_failures(bob) == 5
