"""The page of a payment: what the person sees before the code, and what becomes of it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from django_otp_webauthn.models import WebAuthnCredential
from webauthn.helpers import base64url_to_bytes

from accounts.tests.authenticator import with_passkey
from accounts.tests.people import NUMBER, make_person, show_totp_code, sign_in, with_phone, with_totp
from otp import services
from otp.flows import approvals
from otp.models import TransactionApproval
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, payer):
    return sign_in(client, payer, device=payer.phonedevice_set.get())


@pytest.fixture
def approval(page):
    return open_payment(page)


def open_payment(page, **changes):
    body = {"amount": "1250.00", "currency": "EUR", "payee": "Alice & Söhne", "reference": "Invoice 7", **changes}
    answer = page.post("/api/approvals", body, content_type="application/json")
    assert answer.status_code == 201, answer.json()
    return TransactionApproval.objects.get(pk=answer.json()["id"])


def address(approval, step=""):
    return reverse(f"accounts:approve{step}", args=[approval.pk])


def test_whoever_has_a_passkey_and_asks_for_a_message_gets_the_page_for_it(page, payer, read_code):
    with_passkey(payer)
    approval = open_payment(page)
    assert page.get(address(approval)).context["method"] == "passkey"

    shown = page.post(address(approval, "-send"), follow=True)

    assert shown.context["method"] == "otp"
    page.post(address(approval), {"code": read_code(), "method": shown.context["method"]})
    approval.refresh_from_db()
    assert approval.status == "approved"
    # A second send comes too soon: refused, on the same page.
    other = open_payment(page)
    assert [page.post(address(other, "-send"), follow=True).context["method"] for _ in range(2)] == ["otp", "otp"]


class TestPage:
    @pytest.mark.requirement("TXN-01")
    def test_shows_amount_currency_and_payee_before_the_code(self, page, approval):
        text = page.get(address(approval)).content.decode()

        amount, payee, code = text.index("1,250.00 EUR"), text.index("Alice &amp; Söhne"), text.index('name="code"')
        assert amount < code
        assert payee < code
        assert "Invoice 7" in text
        assert text.count('name="code"') == 1
        assert "Confirm this payment" in text
        assert "+1 ••• ••• 0123" in text

    @pytest.mark.requirement("TXN-01")
    def test_shows_it_as_the_language_writes_it(self, page, approval):
        text = page.get(address(approval), headers={"Accept-Language": "es"}).content.decode()

        assert "1250,00 EUR" in text.replace(".", "").replace("\xa0", "")

    @pytest.mark.requirement("TXN-06")
    def test_says_other_things_than_a_sign_in(self, page, approval, payer, read_code):
        services.send_otp(NUMBER, purpose="login", user_id=payer.pk, client=services.Client())

        bodies = list(Message.objects.exclude(code="").order_by("pk").values_list("body", flat=True))
        assert "1250.00 EUR" in bodies[0]
        assert "Alice" in bodies[0]
        assert "EUR" not in bodies[1]

    def test_a_right_code_confirms_and_says_so(self, page, approval, read_code):
        answer = page.post(address(approval), {"code": read_code()}, follow=True)

        assert "Payment confirmed" in answer.content.decode()
        assert page.session["approval_token"]
        assert page.session["approval_token"] not in answer.content.decode()

    def test_with_somewhere_to_go_on_it_posts_on(self, page, approval, read_code):
        TransactionApproval.objects.update(return_to="/transfer/pay/")

        answer = page.post(address(approval), {"code": read_code()})

        assert (answer.status_code, answer["Location"]) == (307, "/transfer/pay/")

    @pytest.mark.requirement("TXN-03")
    def test_where_it_goes_on_is_not_for_the_request_to_say(self, page, read_code):
        approval = open_payment(page, return_to="/accounts/logout/")

        answer = page.post(
            f"{address(approval)}?next=/accounts/logout/",
            {"code": read_code(), "next": "/accounts/logout/", "return_to": "/accounts/logout/"},
        )

        assert (answer.status_code, answer["Location"]) == (302, address(approval))

    @pytest.mark.requirement("TXN-03")
    @pytest.mark.parametrize(
        "address",
        ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x", "pay/", "/" + 200 * "x"],
    )
    def test_it_never_goes_on_to_another_site(self, rf, payer, address):
        request = rf.post("/")
        request.user = payer

        with pytest.raises(ValueError, match="path of this site"):
            approvals.create(request, amount="1.00", currency="EUR", payee="Alice", return_to=address)

    def test_wrong_codes_count_down_and_end_it(self, page, approval, read_code):
        wrong = f"{(int(read_code()) + 1) % 1_000_000:06}"

        answers = [page.post(address(approval), {"code": wrong}) for _ in range(5)]

        assert "4 tries left." in answers[0].content.decode()
        assert "1 try left." in answers[3].content.decode()
        assert "Too many wrong codes: this payment is void." in answers[4].content.decode()
        assert "Nothing was paid" in page.get(address(approval)).content.decode()

    def test_what_is_no_code_costs_no_try(self, page, approval):
        page.post(address(approval), {"code": "12"})

        approval.refresh_from_db()
        assert approval.tries == 0

    def test_too_soon_a_resend_is_refused_with_the_wait(self, page, approval):
        answer = page.post(address(approval, "-send"))

        assert answer.status_code == 429
        assert "still good" in answer.content.decode()
        assert Message.objects.exclude(code="").count() == 1

    def test_the_code_is_sent_again(self, page, approval):
        approval.verification.next_send_at = timezone.now()
        approval.verification.save()

        answer = page.post(address(approval, "-send"), follow=True)

        assert "A code is on its way." in answer.content.decode()
        assert Message.objects.exclude(code="").count() == 2

    def test_can_be_canceled(self, page, approval, read_code):
        answer = page.post(address(approval, "-cancel"), follow=True)

        assert "This payment was canceled." in answer.content.decode()
        late = page.post(address(approval), {"code": read_code()})
        assert "This payment was canceled." in late.content.decode()

    def test_one_that_ran_out_says_so(self, page, approval):
        TransactionApproval.objects.update(expires_at=timezone.now())

        assert "was not confirmed in time" in page.get(address(approval)).content.decode()

    @pytest.mark.requirement("TXN-03")
    @pytest.mark.parametrize("step", ["", "-send", "-cancel"])
    def test_somebody_else_s_is_not_there(self, client, page, approval, step):
        sign_in(client, make_person("bob@example.com", "+12025550199"))

        answers = [client.post(reverse(f"accounts:approve{step}", args=[pk])) for pk in (approval.pk, uuid4())]

        assert [answer.status_code for answer in answers] == [404, 404]

    @pytest.mark.parametrize("step", ["-send", "-cancel"])
    def test_a_link_changes_nothing(self, page, approval, step):
        assert page.get(address(approval, step))["Location"] == address(approval)
        approval.refresh_from_db()
        assert (approval.status, approval.verification.sends) == ("pending", 1)


class TestWays:
    def test_an_authenticator_app(self, client, ann):
        with_totp(ann)
        page = sign_in(client, ann, device=ann.totpdevice_set.get())
        approval = open_payment(page)
        assert "authenticator app" in page.get(address(approval)).content.decode()

        page.post(address(approval), {"code": show_totp_code(ann), "method": "totp"})

        approval.refresh_from_db()
        assert (approval.status, approval.method) == ("approved", "totp")

    def test_another_way_is_offered(self, client, ann):
        with_totp(with_phone(ann))
        page = sign_in(client, ann, device=ann.phonedevice_set.get())
        approval = open_payment(page)

        assert f"{address(approval)}?method=totp" in page.get(address(approval)).content.decode()

    def test_a_session_that_is_not_proven_is_led_to_proving_it(self, client, payer, page, approval):
        sign_in(client, payer)
        session = client.session
        session.pop("otp_device_id", None)
        session.save()

        answer = client.get(address(approval))

        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/confirm/?for=payment&next=%2Faccounts%2Fapprove%2F")

    @pytest.mark.requirement("REC-08")
    def test_a_number_that_is_too_new_says_when(self, page, payer, approval):
        payer.phone_changed_at = timezone.now() - timedelta(hours=1)
        payer.save()

        text = page.get(address(approval)).content.decode()

        assert "changed less than a day ago" in text
        assert 'name="code"' not in text

    @pytest.mark.requirement("SES-06")
    def test_a_session_idle_for_five_minutes_is_led_to_the_door(self, client, payer, page, approval):
        sign_in(client, payer, device=payer.phonedevice_set.get(), ago=301)

        assert client.get(address(approval))["Location"].startswith("/accounts/login/?next=")


class TestPasskeys:
    @pytest.fixture
    def phone(self, ann):
        return with_passkey(ann)

    @pytest.fixture
    def page(self, client, ann, phone):
        return sign_in(client, ann, device=WebAuthnCredential.objects.get(user=ann))

    def ask(self, page, approval):
        return page.post(f"/api/approvals/{approval.pk}/passkey/options", content_type="application/json")

    def give(self, page, approval, credential):
        body = {"method": "passkey", "credential": credential}
        return page.post(f"/api/approvals/{approval.pk}/confirm", body, content_type="application/json")

    @pytest.mark.requirement("TXN-02")
    def test_signs_the_digest_of_the_payment(self, page, phone, approval):
        options = self.ask(page, approval).json()
        assert base64url_to_bytes(options["challenge"]) == approval.challenge
        assert not Message.objects.exclude(code="").exists()

        answer = self.give(page, approval, phone.sign(options))

        assert answer.status_code == 200, answer.json()
        approval.refresh_from_db()
        assert (approval.status, approval.method) == ("approved", "passkey")

    @pytest.mark.requirement("TXN-02")
    def test_what_was_signed_for_another_payment_confirms_nothing(self, page, phone):
        first = open_payment(page)
        signed = phone.sign(self.ask(page, first).json())
        second = open_payment(page, amount="9.00")
        self.ask(page, second)

        assert self.give(page, second, signed).json()["code"] == "code_expired"
        second.refresh_from_db()
        assert second.status == "pending"

    @pytest.mark.requirement("TXN-06")
    def test_what_was_signed_to_sign_in_or_step_up_confirms_nothing(self, page, phone, approval):
        self.ask(page, approval)
        options = page.post("/api/step-up/passkey/options", {"step": "payment"}, content_type="application/json")

        answer = self.give(page, approval, phone.sign(options.json()))

        assert answer.json()["code"] == "code_expired"

    @pytest.mark.requirement("TXN-07")
    def test_a_wrong_signature_counts_like_a_wrong_code(self, page, phone, approval):
        options = self.ask(page, approval).json()

        answer = self.give(page, approval, phone.sign(options, rp_id="evil.example"))

        assert answer.json() == {
            "error": "The payment could not be confirmed with that. Check it and try again.",
            "code": "incorrect_code",
            "attempts_left": 4,
        }

    def test_nobody_is_asked_for_what_cannot_confirm(self, client, payer):
        page = sign_in(client, payer, device=payer.phonedevice_set.get())

        assert self.ask(page, open_payment(page)).json()["code"] == "channel_unavailable"

    def test_the_page_offers_it(self, page, approval):
        text = page.get(address(approval)).content.decode()

        assert f'data-options="/api/approvals/{approval.pk}/passkey/options"' in text
        assert "1,250.00 EUR" in text
