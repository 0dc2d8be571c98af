"""The authenticator app: its time steps."""

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import TotpDevice
from accounts.tests.people import make_person, show_totp_code, with_totp
from accounts.tests.steps import call, give_code, give_password, give_proof, is_signed_in, read
from otp.tests.parallel import run_copies


def verify(client, code):
    return call(client, "login/verify", code=code, method="totp")


@pytest.mark.django_db
class TestTimeSteps:
    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize(("step", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_one_step_to_either_side_is_taken(self, step, is_good, client, ann):
        with_totp(ann)
        with time_machine.travel(timezone.now(), tick=False):
            give_password(client)
            give_code(client, show_totp_code(ann, step=step), "totp")

        assert is_signed_in(client) is is_good

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize("later", [-1, 0])
    def test_a_step_that_was_used_counts_for_nobody_and_neither_does_an_earlier_one(self, later, client, ann):
        with_totp(ann)
        other = Client()
        with time_machine.travel(timezone.now(), tick=False):
            give_password(client)
            give_password(other)
            give_code(client, show_totp_code(ann), "totp")
            assert is_signed_in(client)

            page = read(give_code(other, show_totp_code(ann, step=later), "totp"))

            assert "That code isn’t right." in page
            assert not is_signed_in(other)
            assert give_code(other, show_totp_code(ann, step=1), "totp").status_code == 302

    @pytest.mark.requirement("OTP-16")
    def test_a_step_used_to_sign_in_proves_nothing_afterwards(self, client, ann):
        with_totp(ann)
        with time_machine.travel(timezone.now(), tick=False):
            give_password(client)
            give_code(client, show_totp_code(ann), "totp")

            answer = give_proof(client, "two_factor", show_totp_code(ann), "totp")

        assert "That code isn’t right." in read(answer)

    @pytest.mark.requirement("OTP-16")
    def test_the_code_of_somebody_else_s_app_is_wrong(self, client, ann):
        bob = with_totp(make_person("bob@example.com", "+12025550177"))
        with_totp(ann)
        give_password(client)

        give_code(client, show_totp_code(bob), "totp")

        assert not is_signed_in(client)

    @pytest.mark.parametrize("code", ["1234567", "12345678"])
    def test_digits_of_another_length_are_wrong_whatever_they_end_in(self, code, client, ann):
        with_totp(ann)
        give_password(client)

        give_code(client, code[:-6] + show_totp_code(ann), "totp")

        assert not is_signed_in(client)


@pytest.mark.django_db(transaction=True)
class TestRace:
    @pytest.mark.requirement("OTP-16")
    def test_of_thirty_two_uses_of_one_step_one_signs_in(self, ann):
        with_totp(ann)
        clients = [Client() for _ in range(32)]
        for client in clients:
            give_password(client)
        code = show_totp_code(ann)

        answers = run_copies(32, lambda n: verify(clients[n], code))

        assert [answer.status_code for answer in answers].count(200) == 1
        assert {answer.status_code for answer in answers} <= {200, 400, 403, 429}
        assert sum(is_signed_in(client) for client in clients) == 1
        assert ann.security_events.filter(kind="signed_in").count() == 1

    @pytest.mark.requirement("OTP-16")
    def test_the_row_itself_gives_a_step_to_one_of_many(self, ann):
        """Without the budget of failures in front, which lets few of them come this far."""
        with_totp(ann)
        device = TotpDevice.objects.get(user=ann)

        assert sum(run_copies(32, lambda n: device.use_step(7))) == 1
        assert not device.use_step(7)
        assert not device.use_step(6)
        assert device.use_step(8)
