"""Password reset over pages: the same for everybody, and never a way in by itself."""

import re
from html import unescape

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.tests.people import NUMBER, PASSWORD, sign_in
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db
START, CODE, RESEND, DONE = (f"/accounts/password-reset/{page}" for page in ("", "code/", "code/resend/", "done/"))
PAIR = {"email": "ann@example.com", "phone": NUMBER}
NEW = "another-good-one"


def read(answer):
    return re.sub(r'(?<=csrfmiddlewaretoken" value=")\w+', "", unescape(answer.content.decode()))


class TestJourney:
    @pytest.mark.requirement("REC-02")
    def test_from_the_first_page_to_the_new_password(self, client, submit, read_code, ann):
        other = Client()
        sign_in(other, ann)
        answer = submit(START, email=" Ann@example.com", phone="+1 202 555 0123")
        assert answer.request["PATH_INFO"] == CODE
        assert "+1 ••• ••• 0123" in read(answer)

        answer = submit(CODE, code=read_code(), new_password=NEW)

        assert answer.request["PATH_INFO"] == DONE
        ann.refresh_from_db()
        assert ann.check_password(NEW)
        assert "_auth_user_id" not in client.session
        assert "password_reset" not in client.session
        assert client.get("/admin/").status_code == 302
        assert other.get("/api/me").status_code == 403
        assert [message.subject for message in mail.outbox] == ["Your SmartFin password was changed"]

    @pytest.mark.requirement("REC-13")
    def test_mail_and_pages_take_no_host_from_the_request(self, submit, read_code, ann, settings):
        settings.SITE_URL = "https://smartfin.example"
        submit(START, **PAIR)
        submit(CODE, code=read_code(), new_password=NEW)

        assert "https://smartfin.example" in mail.outbox[0].body
        assert "testserver" not in mail.outbox[0].body

    @pytest.mark.requirement("REC-05")
    def test_starting_changes_nothing(self, submit, client, ann):
        other = Client()
        sign_in(other, ann)
        for n in range(20):
            with time_machine.travel(timezone.now() + timezone.timedelta(minutes=n)):
                submit(START, **PAIR)

        ann.refresh_from_db()
        assert ann.check_password(PASSWORD)
        assert other.get("/api/me").status_code == 200

    @pytest.mark.parametrize("page", [CODE, RESEND])
    def test_steps_cannot_be_skipped(self, page, submit):
        assert submit(page, code="123456", new_password=NEW).request["PATH_INFO"] == START


class TestSameForEverybody:
    @pytest.mark.requirement("ENU-01")
    @pytest.mark.parametrize("state", ["stranger", "other phone", "inactive", "unproven"])
    def test_every_page_says_the_same(self, state, client, submit, read_code, ann):
        expected = self.walk(client, submit, PAIR)
        pair = PAIR
        Message.objects.all().delete()
        if state == "stranger":
            pair = {"email": "nobody@example.com", "phone": "+12025550177"}
        elif state == "other phone":
            pair = {**PAIR, "phone": "+12025550177"}
        else:
            ann.is_active = state != "inactive"
            ann.phone_verified_at = None if state == "unproven" else ann.phone_verified_at
            ann.phone = "+12025550177"
            ann.save()
            pair = {**PAIR, "phone": "+12025550177"}

        seen = self.walk(client, submit, pair)

        assert seen == expected
        assert Message.objects.count() == 0

    @staticmethod
    def walk(client, submit, pair):
        client.cookies.clear()
        moment = timezone.now()
        pages = []
        with time_machine.travel(moment, tick=False) as clock:
            pages.append(submit(START, **pair))
            pages.append(submit(RESEND))
            clock.shift(31)
            pages.append(submit(RESEND))
            pages += [submit(CODE, code="000000", new_password=NEW) for _ in range(6)]
            pages.append(submit(CODE, code="000000", new_password="password"))
        return [(page.status_code, read(page).replace(pair["phone"][-4:], "")) for page in pages]


class TestSteps:
    @pytest.mark.requirement("UX-05")
    @pytest.mark.parametrize(
        ("changes", "field"), [({"email": "x"}, "email"), ({"phone": "12"}, "phone"), ({"phone": ""}, "phone")]
    )
    def test_shapes_are_refused_with_a_link_to_the_field(self, changes, field, client):
        page = read(client.post(START, {**PAIR, **changes}))

        assert f'<a href="#id_{field}">' in page
        assert "password_reset" not in client.session

    def test_a_weak_password_costs_no_try(self, submit, read_code, ann):
        submit(START, **PAIR)
        page = read(submit(CODE, code=read_code(), new_password="password"))

        assert '<a href="#id_new_password">This password is too common.</a>' in page
        assert submit(CODE, code=read_code(), new_password=NEW).request["PATH_INFO"] == DONE

    def test_wrong_codes_count_down(self, submit, read_code, ann):
        submit(START, **PAIR)

        page = read(submit(CODE, code="000000" if read_code() != "000000" else "000001", new_password=NEW))

        assert "4 tries left." in page

    def test_the_same_pair_again_sends_nothing_while_the_code_is_good(self, submit, ann):
        submit(START, **PAIR)

        assert submit(START, **PAIR).request["PATH_INFO"] == CODE
        assert Message.objects.exclude(code="").count() == 1

    def test_can_be_sent_again_after_the_wait(self, submit, ann):
        submit(START, **PAIR)
        assert submit(RESEND).status_code == 429

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=31)):
            assert "If the two belong to one account, another code is on its way." in read(submit(RESEND))
        assert Message.objects.exclude(code="").count() == 2
