"""The ledger in the admin site: read-only, and found without a number in a URL."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.tests.people import make_person, sign_in_staff
from otp.models import AuditBlock, AuditExport
from otp.operations.audit_chain import seal
from otp.tests.audit_pages import EXPORT, FIND, LIST, NUMBER, VERIFICATIONS, get_rows, make_to
from otp.tests.records import make_attempt, make_verification

pytestmark = pytest.mark.django_db


@pytest.fixture
def verification():
    return make_verification(NUMBER)


class TestReadOnly:
    @pytest.fixture
    def rows(self, verification, admin_user):
        attempt = make_attempt(verification=verification)
        seal()
        export = AuditExport.objects.create(user=admin_user, row_count=1)
        return {
            "verification": verification,
            "verificationattempt": attempt,
            "auditexport": export,
            "auditblock": AuditBlock.objects.get(),
        }

    @pytest.mark.requirement("AUD-02")
    @pytest.mark.parametrize("name", ["verification", "verificationattempt", "auditexport", "auditblock"])
    def test_a_superuser_reads_and_every_forged_post_is_refused(self, name, rows, admin_client):
        row, base = rows[name], f"/admin/otp/{name}"
        before = type(row).objects.values().get(pk=row.pk)
        change, delete = f"{base}/{row.pk}/change/", f"{base}/{row.pk}/delete/"
        forged = {
            "status": "approved",
            "outcome": "ok",
            "row_count": 0,
            "_save": "Save",
            "post": "yes",
            "action": "delete_selected",
            "_selected_action": [str(row.pk)],
            "index": 0,
        }
        bulk = {**forged, "form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk, "form-0-outcome": "ok"}

        assert [admin_client.get(address).status_code for address in (f"{base}/", change)] == [200, 200]
        assert admin_client.get(f"{base}/{row.pk}/history/").status_code == 200
        assert admin_client.get(f"{base}/add/").status_code == 403
        assert admin_client.get(delete).status_code == 403
        for address in (f"{base}/", change, delete, f"{base}/add/", f"{change}?_popup=1", f"{base}/?outcome=ok"):
            assert admin_client.post(address, forged).status_code == 403, address
            assert admin_client.post(address, {**forged, "_saveasnew": "1"}).status_code == 403, address
        assert admin_client.post(f"{base}/", bulk).status_code == 403
        assert type(row).objects.values().get(pk=row.pk) == before
        assert type(row).objects.count() == 1

    @pytest.mark.requirement("AUD-02")
    def test_shows_no_way_to_change_anything(self, rows, admin_client):
        for name, row in rows.items():
            for address in (f"/admin/otp/{name}/", f"/admin/otp/{name}/{row.pk}/change/"):
                page = admin_client.get(address).content.decode()
                for name_of_button in (
                    "_save",
                    "_continue",
                    "_addanother",
                    "deletelink",
                    f"otp/{name}/add/",
                    'name="action"',
                ):
                    assert name_of_button not in page, (address, name_of_button)

    def test_is_closed_to_people_and_to_staff_without_leave(self, rows, client):
        assert client.get(LIST).status_code == 302
        staff = make_person("sue@example.com", "+12025550178", is_staff=True)
        sign_in_staff(client, staff)

        for address in (LIST, VERIFICATIONS, f"{LIST}{rows['verificationattempt'].pk}/change/"):
            assert client.get(address).status_code == 403
        for address in (FIND, EXPORT):
            assert client.post(address, {"what": "user", "text": "1"}).status_code == 403


@pytest.mark.requirement("CFG-10", "AUD-06")
class TestFind:
    def find(self, client, what, text, base=LIST):
        return client.post(f"{base}find/", {"what": what, "text": text})

    @pytest.mark.parametrize("typed", ["+1 (202) 555-0123", "0012025550123", "+12025550123 "])
    def test_by_whole_number_without_the_number_in_the_url(self, typed, admin_client):
        wanted = make_to(NUMBER)
        make_to("+12025550124")

        answer = self.find(admin_client, "destination", typed)

        assert answer.status_code == 302
        assert answer["Location"].startswith(f"{LIST}?to=")
        assert "2025550123" not in answer["Location"]
        assert get_rows(admin_client.get(answer["Location"])) == [wanted]

    def test_by_email_address_under_every_live_key(self, admin_client, settings):
        settings.OTP_HASH_KEYS = ["the-first-key-of-hashes"]
        old = make_to("ann@example.com")
        settings.OTP_HASH_KEYS = ["the-second-key-of-hashes", "the-first-key-of-hashes"]
        new = make_to("ann@example.com")
        settings.OTP_HASH_KEYS = ["the-third-key-of-hashes", *settings.OTP_HASH_KEYS]

        answer = self.find(admin_client, "destination", "Ann@Example.com")

        assert "ann" not in answer["Location"]
        assert get_rows(admin_client.get(answer["Location"])) == [new, old]

    def test_part_of_a_number_finds_nothing(self, admin_client):
        make_to(NUMBER)

        answer = admin_client.post(FIND, {"what": "destination", "text": "5550123"}, follow=True)

        assert answer.redirect_chain == [(LIST, 302)]
        assert "That is no phone number or e-mail address." in answer.content.decode()
        assert "5550123" not in answer.content.decode().replace("+12025550123", "")

    @pytest.mark.parametrize("by", ["email", "pk"])
    def test_by_user(self, by, admin_client):
        ann = make_person()
        wanted = make_attempt(user=ann)
        make_attempt(user=make_person("bob@example.com", ""))

        answer = self.find(admin_client, "user", str(getattr(ann, by)))

        assert answer["Location"] == f"{LIST}?user={ann.pk}"
        assert get_rows(admin_client.get(answer["Location"])) == [wanted]

    @pytest.mark.parametrize(
        ("what", "text", "fields"),
        [
            ("address", "198.51.100.7", {"client_address": "198.51.100.7"}),
            ("address", "2001:DB8:0::7", {"client_address": "2001:db8::7"}),
            ("sid", "VE" + "a" * 32, {"verification_sid": "VE" + "a" * 32}),
            ("sid", "VL" + "b" * 32, {"attempt_sid": "VL" + "b" * 32}),
        ],
    )
    def test_by_address_and_twilio_id(self, what, text, fields, admin_client):
        wanted = make_attempt(**fields)
        make_attempt()

        answer = admin_client.post(FIND, {"what": what, "text": text}, follow=True)

        assert get_rows(answer) == [wanted]

    def test_verifications_likewise(self, verification, admin_client):
        for what, text in (("destination", NUMBER),):
            answer = admin_client.post(f"{VERIFICATIONS}find/", {"what": what, "text": text}, follow=True)
            assert get_rows(answer) == [verification]
        make_attempt(verification=verification, attempt_sid="VL" + "c" * 32)
        answer = admin_client.post(f"{VERIFICATIONS}find/", {"what": "sid", "text": "VL" + "c" * 32}, follow=True)
        assert get_rows(answer) == [verification]

    @pytest.mark.parametrize(
        ("what", "text"),
        [
            ("address", "1.2.3"),
            ("sid", "VE1"),
            ("user", "nobody@example.com"),
            ("fax", "1"),
            ("user", ""),
            ("sid", "x" * 300),
        ],
    )
    def test_nonsense_leads_back_with_a_sentence(self, what, text, admin_client):
        answer = admin_client.post(FIND, {"what": what, "text": text}, follow=True)

        assert answer.redirect_chain == [(LIST, 302)]
        assert 'class="error"' in answer.content.decode()

    def test_takes_no_get(self, admin_client):
        assert admin_client.get(FIND, {"what": "destination", "text": NUMBER}).status_code == 405

    @pytest.mark.parametrize("query", ["to=x", "user=x", "address=x", "sid=x", "day=x", "before=x", "after=1_x"])
    def test_made_up_filters_lead_to_the_plain_list(self, query, admin_client):
        assert admin_client.get(f"{LIST}?{query}")["Location"] == f"{LIST}?e=1"


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("outcome__exact=no_account", {"outcome": "no_account"}),
            ("purpose__exact=login", {"purpose": "login"}),
            ("channel__exact=call", {"channel": "call"}),
            ("kind__exact=notice", {"kind": "notice"}),
            ("country=FR", {"country": "FR"}),
            ("country=XX", {"country": "XX"}),
            ("country=none", {"country": ""}),
            ("guard=met", {"guard": "prefix,country"}),
            ("day=yesterday", {"at": timezone.now().replace(hour=12) - timedelta(days=1)}),
            ("day=2026-01-31", {"at": datetime(2026, 1, 31, 23, 59, tzinfo=UTC)}),
        ],
    )
    def test_narrow_the_list(self, query, fields, admin_client):
        wanted = make_attempt(**fields)
        make_attempt()

        assert get_rows(admin_client.get(f"{LIST}?{query}")) == [wanted]

    def test_days_are_counted_from_now(self, admin_client):
        ages = {"hour": 0.5, "week": 24 * 6, "month": 24 * 29}
        rows = {name: make_attempt(ago=timedelta(hours=hours)) for name, hours in ages.items()}
        make_attempt(ago=timedelta(days=40))

        assert get_rows(admin_client.get(f"{LIST}?day=hour")) == [rows["hour"]]
        assert get_rows(admin_client.get(f"{LIST}?day=week")) == [rows["hour"], rows["week"]]
        assert len(get_rows(admin_client.get(f"{LIST}?day=month"))) == 3
