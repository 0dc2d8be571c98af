"""Payments in the admin site: to read and to find, with what was sent and tried for each."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.tests.people import NUMBER, make_person, sign_in, sign_in_staff
from otp.models import TransactionApproval
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db
LIST = "/admin/otp/transactionapproval/"


@pytest.fixture
def ann(db):
    return make_person()


@pytest.fixture
def approval(ann):
    """A payment of Ann's, confirmed at the second try."""
    browser = sign_in(Client(), ann)
    body = {"amount": "1250.00", "currency": "EUR", "payee": "Alice <b>GmbH</b>", "reference": "Invoice 7"}
    pk = browser.post("/api/approvals", body, content_type="application/json").json()["id"]
    code = Message.objects.filter(to=NUMBER).exclude(code="").latest("pk").code
    for typed in (f"{(int(code) + 1) % 1_000_000:06}", code):
        browser.post(f"/api/approvals/{pk}/confirm", {"code": typed}, content_type="application/json")
    return TransactionApproval.objects.get(pk=pk)


def read(client, address, **options):
    answer = client.get(address, **options)
    assert answer.status_code == 200
    return answer.content.decode()


class TestList:
    def test_says_what_was_to_be_paid_by_whom(self, admin_client, approval):
        text = read(admin_client, LIST)

        for shown in ("1,250.00 EUR", "Alice &lt;b&gt;GmbH&lt;/b&gt;", "Invoice 7", "ann@example.com", "approved"):
            assert shown in text, shown

    def test_finds_by_person_and_by_id(self, admin_client, approval):
        TransactionApproval.start(
            make_person("bob@example.com", ""), amount=approval.amount, currency="EUR", payee="Carol"
        )
        for what, text in (("user", "ann@example.com"), ("approval", str(approval.pk).upper())):
            answer = admin_client.post(f"{LIST}find/", {"what": what, "text": text})
            assert "ann@" not in answer["Location"]

            found = read(admin_client, answer["Location"])

            assert "Invoice 7" in found
            assert "Carol" not in found

    @pytest.mark.parametrize("text", ["", "x", "' OR 1=1"])
    def test_what_is_no_id_is_said(self, admin_client, approval, text):
        answer = admin_client.post(f"{LIST}find/", {"what": "approval", "text": text})

        assert answer["Location"] == LIST

    def test_takes_the_same_queries_for_many(self, admin_client, approval, ann):
        def count():
            with CaptureQueriesContext(connection) as captured:
                read(admin_client, LIST)
            return len(captured)

        few = count()
        for index in range(10):
            TransactionApproval.objects.filter(user=ann).cancel_all()
            TransactionApproval.start(ann, amount=Decimal(index + 1), currency="EUR", payee="Carol")

        assert count() == few


class TestOne:
    def test_has_the_attempts_that_belong_to_it(self, admin_client, approval):
        text = read(admin_client, f"{LIST}{approval.pk}/change/")

        assert [text.count(f": {outcome}</li>") for outcome in ("incorrect code", "ok")] == [1, 2]
        listed = read(admin_client, f"/admin/otp/verificationattempt/?approval={approval.pk}")
        assert listed.count("field-outcome") == 3
        attempt = approval.attempts.latest("pk")
        linked = read(admin_client, f"/admin/otp/verificationattempt/{attempt.pk}/change/")
        assert f'href="{LIST}{approval.pk}/change/"' in linked

    def test_tells_one_that_was_changed_by_hand(self, admin_client, approval):
        address = f"{LIST}{approval.pk}/change/"
        assert "icon-yes" in read(admin_client, address)

        TransactionApproval.objects.update(payee="Mallory")

        assert "icon-no" in read(admin_client, address)

    def test_shows_neither_digest_nor_number(self, admin_client, approval):
        text = read(admin_client, f"{LIST}{approval.pk}/change/")

        assert approval.digest not in text
        assert NUMBER not in text

    @pytest.mark.parametrize("step", ["add/", "{pk}/change/", "{pk}/delete/", ""])
    def test_nobody_changes_anything(self, admin_client, approval, step):
        answer = admin_client.post(LIST + step.format(pk=approval.pk), {"status": "redeemed", "post": "yes"})

        assert answer.status_code == 403
        approval.refresh_from_db()
        assert approval.status == "approved"

    def test_is_closed_to_staff_without_leave(self, approval):
        bob = make_person("bob@example.com", "+12025550199", is_staff=True)
        assert sign_in_staff(Client(), bob).get(LIST).status_code == 403
