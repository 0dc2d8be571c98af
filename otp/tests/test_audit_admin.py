"""The ledger in the admin site: read-only, searched without a number in a URL, fast, and inert."""

import csv
import io
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.people import make_person, sign_in_staff
from otp.admin import keyset
from otp.destinations import parse_destination
from otp.models import AuditBlock, AuditExport, Verification, VerificationAttempt
from otp.models.attempt import Outcome
from otp.operations import csv_export
from otp.operations.audit_chain import seal
from otp.tests.records import make_attempt, make_check

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"
LIST = "/admin/otp/verificationattempt/"
VERIFICATIONS = "/admin/otp/verification/"
FIND = f"{LIST}find/"
EXPORT = f"{LIST}export/"
CORPUS = [
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)//",
    "{{ 7*7 }}{% load static %}",
    "</textarea><img src=x onerror=alert(1)>",
    "=cmd|'/c calc'!A0",
]


@pytest.fixture
def verification():
    return Verification.start(parse_destination(NUMBER), channel="sms", purpose="login", service_sid="VA" + "0" * 32)


def get_rows(answer):
    return list(answer.context["cl"].result_list)


def make_to(number, **fields):
    return make_attempt(destination_hash=parse_destination(number).hash, **fields)


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


@pytest.mark.requirement("AUD-08")
class TestSpeed:
    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch):
        from otp.admin.read_only import LedgerAdmin

        monkeypatch.setattr(LedgerAdmin, "list_per_page", 4)

    @pytest.mark.parametrize("count", [1, 12])
    def test_the_list_takes_the_same_queries_however_long_it_is(self, count, admin_client, django_assert_num_queries):
        for index in range(count):
            make_attempt(user=make_person(f"{index}@example.com", ""))
        admin_client.get(LIST)

        # Session, person, factor; the list; its length: PostgreSQL's guess, then counted up to ten thousand.
        with django_assert_num_queries(6 if connection.vendor == "postgresql" else 5) as captured:
            admin_client.get(LIST)
        assert not [query for query in captured.captured_queries if re.search("OFFSET|DISTINCT", query["sql"])]
        with django_assert_num_queries(4):
            admin_client.get(f"{LIST}?outcome__exact=ok")

    def test_pages_go_through_all_rows_once_and_back(self, admin_client):
        moment = timezone.now()
        # Rows of one moment are told apart by their number.
        rows = [make_attempt(at=moment - timedelta(seconds=index // 3)) for index in range(11)]
        rows.sort(key=lambda row: (row.created_at, row.pk), reverse=True)

        seen, addresses, address = [], [], "?"
        while address:
            addresses.append(address)
            changes = admin_client.get(f"{LIST}{address}").context["cl"]
            seen += changes.result_list
            address = changes.older_query
        assert seen == rows
        assert len(addresses) == 3

        newer = admin_client.get(f"{LIST}{changes.newer_query}").context["cl"]
        assert list(newer.result_list) == rows[4:8]
        assert list(admin_client.get(f"{LIST}{newer.newer_query}").context["cl"].result_list) == rows[:4]
        first = admin_client.get(f"{LIST}{newer.newer_query}").context["cl"]
        assert (first.newer_query, bool(first.older_query)) == ("", True)

    def test_verifications_are_paged_likewise(self, admin_client):
        for index in range(6):
            Verification.start(
                parse_destination(f"+1202555012{index}"), channel="sms", purpose="login", service_sid="VA" + "0" * 32
            )
        first = admin_client.get(VERIFICATIONS).context["cl"]
        second = admin_client.get(f"{VERIFICATIONS}{first.older_query}").context["cl"]

        assert len({row.pk for row in [*first.result_list, *second.result_list]}) == 6

    def test_a_filter_begins_at_its_first_page(self, admin_client):
        for _ in range(9):
            make_attempt()
        older = admin_client.get(LIST).context["cl"].older_query

        page = admin_client.get(f"{LIST}{older}").content.decode()

        links = re.findall(r'href="(\?[^"]*outcome__exact=ok[^"]*)"', page)
        assert links
        assert not any("before" in link for link in links)

    @pytest.fixture
    def mixed(self, monkeypatch):
        """Twelve of two outcomes and channels in turn, and one check among them that went wrong."""
        monkeypatch.setattr(keyset, "LOOK", 3)
        moment = timezone.now()
        rows = [
            make_attempt(at=moment - timedelta(minutes=index // 2), outcome=outcome, channel=channel)
            for index, (outcome, channel) in enumerate([("ok", "sms"), ("conflict", "call")] * 6)
        ]
        rows.append(make_check(at=moment - timedelta(minutes=4), outcome="conflict"))
        return sorted(rows, key=lambda row: (row.created_at, row.pk), reverse=True)

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("outcome__exact=conflict&kind__exact=check", lambda row: (row.outcome, row.kind) == ("conflict", "check")),
            ("outcome__exact=ok&kind__exact=send", lambda row: row.outcome == "ok"),
            ("outcome__exact=ok&kind__exact=send&country=US&day=week", lambda row: row.outcome == "ok"),
            ("outcome__exact=ok&kind__exact=check", lambda row: False),
            ("outcome__exact=ok&channel__exact=call", lambda row: False),
        ],
    )
    def test_under_several_filters_pages_still_go_through_all_rows_and_back(self, query, wanted, mixed, admin_client):
        pages, address = [], f"?{query}"
        while address:
            pages.append(admin_client.get(f"{LIST}{address}"))
            address = pages[-1].context["cl"].older_query
            assert len(pages) < 9
        assert [row for page in pages for row in get_rows(page)] == list(filter(wanted, mixed))

        back, address = [], pages[-1].context["cl"].newer_query
        while address:
            back.append(admin_client.get(f"{LIST}{address}"))
            address = back[-1].context["cl"].newer_query
            assert len(back) < 9
        seen = {row.pk for page in (*back, pages[-1]) for row in get_rows(page)}
        assert seen == {row.pk for row in filter(wanted, mixed)}

    def test_under_several_filters_one_page_looks_so_far_and_says_so(
        self, mixed, admin_client, django_assert_num_queries
    ):
        admin_client.get(LIST)

        # Session, person, factor; where the third row of each filter is; the list.
        with django_assert_num_queries(6) as captured:
            first = admin_client.get(f"{LIST}?outcome__exact=ok&channel__exact=call")
        assert "created_at" in captured.captured_queries[-1]["sql"].partition("WHERE")[2]
        assert "Looked as far as" in first.content.decode()
        assert "Nothing found" not in first.content.decode()
        assert "there may be more beyond" not in admin_client.get(f"{LIST}?outcome__exact=ok").content.decode()

    def test_says_how_many_there_are_without_counting_them_all(self, admin_client, monkeypatch):
        for _ in range(3):
            make_attempt()
        assert "3 in all" in admin_client.get(LIST).content.decode()

        monkeypatch.setattr(keyset, "COUNTED", 2)
        assert "more than 2 in all" in admin_client.get(LIST).content.decode()


class TestTimeline:
    def read(self, client, verification):
        page = client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()
        text = re.sub(r"<[^>]+>", " ", page[page.index('class="story"') : page.index("</section>")])
        return re.sub(r"\s+", " ", text)

    def test_tells_in_order_what_happened_and_what_to_say(self, verification, admin_client):
        start = verification.created_at
        own = {"verification": verification, "destination_hash": verification.destination_hash}
        make_attempt(at=start, **own)
        make_attempt(
            at=start + timedelta(seconds=9),
            destination_hash=own["destination_hash"],
            outcome="too_many_requests",
            reason="resend_wait",
        )
        make_check(at=start + timedelta(seconds=40), outcome="incorrect_code", **own)
        make_attempt(at=start + timedelta(seconds=50), outcome="invalid_request", provider_code=60203, **own)
        make_to("+12025550124", at=start)
        make_to(NUMBER, at=start - timedelta(hours=1), reason="resend_race", outcome="too_many_requests")

        text = self.read(admin_client, verification)

        places = [
            text.index(words)
            for words in (
                "Twilio took the message and passed it on.",
                "Asked again before the waiting time was over.",
                "The digits were wrong.",
                "Twilio's error 60203",
            )
        ]
        assert places == sorted(places)
        assert text.count("Tell them:") == 4
        assert text.count("beside this verification") == 1
        assert "resend_race" not in text

    def test_says_what_twilio_knows_of_the_delivery(self, verification, admin_client):
        from otp.models import Delivery

        now = timezone.now()
        attempt = make_attempt(verification=verification, attempt_sid="VL" + "d" * 32)
        Delivery.objects.create(
            attempt_sid=attempt.attempt_sid,
            attempt=attempt,
            status="undelivered",
            error_code=30003,
            created_at=now,
            synced_at=now,
        )

        text = self.read(admin_client, verification)

        assert "could not be delivered" in text
        assert "Twilio's error 30003" in text
        assert text.index("Ask whether the phone is on") < text.index("could not be delivered")  # the summary

    def test_has_the_notices_to_its_person(self, verification, admin_client):
        ann = make_person()
        Verification.objects.filter(pk=verification.pk).update(user=ann)
        make_attempt(kind="notice", purpose="", user=ann)

        assert "The phone was told what was done with the account." in self.read(admin_client, verification)

    @pytest.mark.parametrize(
        "status", ["approved", "redeemed", "exhausted", "expired", "canceled", "failed", "pending"]
    )
    def test_sums_up_every_state(self, status, verification, admin_client):
        Verification.objects.filter(pk=verification.pk).update(status=status)

        page = admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()
        assert re.search(r'<p class="summary">[^<]{20,}</p>', page)

    def test_takes_few_queries_and_does_not_grow(self, verification, admin_client, django_assert_max_num_queries):
        for _ in range(30):
            make_check(verification=verification, outcome="incorrect_code", user=make_person(f"{_}@example.com", ""))
        with django_assert_max_num_queries(8):
            admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/")

    def test_shows_neither_binding_nor_kept_code_nor_number(self, verification, admin_client):
        Verification.objects.filter(pk=verification.pk).update(binding="b" * 64, kept_code="c" * 64)

        page = admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()

        assert "b" * 64 not in page
        assert "c" * 64 not in page
        assert "2025550123" not in page

    def test_leads_to_the_person_and_to_all_attempts_there(self, verification, admin_client):
        ann = make_person()
        Verification.objects.filter(pk=verification.pk).update(user=ann)
        attempt = make_attempt(verification=verification, user=ann)

        page = admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()
        listed = admin_client.get(LIST).content.decode()

        assert f'href="{reverse("admin:accounts_user_change", args=[ann.pk])}"' in page
        assert f'href="{LIST}?to={verification.destination_hash}"' in page
        assert f'href="{LIST}{attempt.pk}/change/"' in page
        assert f'href="{VERIFICATIONS}{verification.pk}/change/"' in listed
        assert f'href="{reverse("admin:accounts_user_change", args=[ann.pk])}"' in listed

    def test_names_an_account_that_is_gone_by_its_number(self, verification, admin_client):
        ann = make_person()
        number, attempt = ann.pk, make_attempt(user=ann)
        ann.delete()

        for address in (LIST, f"{LIST}{attempt.pk}/change/"):
            assert f"{number} (account gone)" in admin_client.get(address).content.decode()


class TestAdvice:
    def test_every_outcome_and_every_limit_has_one(self):
        from otp import guard
        from otp.limits import CHECK_LIMITS, NOTICE_LIMITS, SEND_LIMITS
        from otp.operations.advice import ADVICE, REASONS

        assert set(ADVICE) == set(Outcome.values) - {"ok"}
        assert {rule.reason for rule in guard.RULES} <= set(REASONS)
        assert {limit.name for limit in (*SEND_LIMITS, *CHECK_LIMITS, *NOTICE_LIMITS)} <= set(REASONS)

    def test_an_open_attempt_is_under_way_at_first(self):
        from otp.operations.advice import get_advice

        assert "under way" in str(get_advice(make_attempt(outcome="crashed")).why)
        assert "stopped" in str(get_advice(make_attempt(outcome="crashed", ago=timedelta(minutes=1))).why)


class Elements(HTMLParser):
    """What a browser would make elements of, counted, and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = Counter(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += attrs

    def find_handlers(self):
        return [
            (name, value)
            for name, value in self.attributes
            if name.startswith("on") or (value or "").startswith("javascript:")
        ]


@pytest.mark.requirement("AUD-04")
class TestInert:
    def read(self, client, addresses):
        return [Elements(client.get(address).content.decode()) for address in addresses]

    @pytest.mark.parametrize("text", CORPUS)
    def test_what_strangers_send_stays_text(self, text, verification, admin_client):
        attempt = make_attempt(verification=verification, user_agent="x", reason="x")
        changes = f"{LIST}{attempt.pk}/change/", f"{VERIFICATIONS}{verification.pk}/change/"
        addresses = LIST, VERIFICATIONS, *changes
        clean = self.read(admin_client, addresses)

        Verification.objects.filter(pk=verification.pk).update(destination_masked=text, prefix=text[:12])
        VerificationAttempt.objects.update(user_agent=text, destination_masked=text, reason=text[:40], country=text[:2])

        for address, before, after in zip(addresses, clean, self.read(admin_client, addresses), strict=True):
            assert after.tags == before.tags, address
            assert after.find_handlers() == [], address

    @pytest.mark.parametrize("text", CORPUS)
    def test_what_is_typed_into_filters_and_search_stays_text(self, text, admin_client):
        for query in ({"country": text}, {"day": text}, {"user": text}, {"to": text}, {"q": text}):
            page = Elements(admin_client.get(LIST, query, follow=True).content.decode())
            assert page.find_handlers() == [], query
        answer = admin_client.post(FIND, {"what": "address", "text": text}, follow=True)
        assert text not in answer.content.decode()


@pytest.mark.requirement("AUD-05")
class TestExport:
    def export(self, client, query="", **headers):
        answer = client.post(f"{EXPORT}{query}", **headers)
        assert answer.status_code == 200
        return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))

    def test_holds_what_the_filters_leave_and_is_noted(self, admin_client, admin_user):
        wanted = [make_attempt(outcome="conflict", country="FR"), make_attempt(outcome="conflict", country="FR")]
        make_attempt(outcome="conflict")

        rows = self.export(admin_client, "?outcome__exact=conflict&country=FR", HTTP_USER_AGENT="Firefox")

        assert [row["id"] for row in rows] == [str(row.pk) for row in reversed(wanted)]
        export = AuditExport.objects.get()
        assert (export.user, export.row_count, export.user_agent) == (admin_user, 2, "Firefox")
        assert (export.filters, export.client_address) == ("outcome__exact=conflict&country=FR", "127.0.0.1")

    def test_is_noted_before_the_first_row_leaves(self, admin_client):
        make_attempt()

        admin_client.post(EXPORT)

        assert AuditExport.objects.get().row_count is None

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "  =1"])
    def test_no_cell_is_a_formula(self, text, admin_client):
        assert csv_export.to_cell(text) == f"'{text}"
        if "\0" not in text:  # no database keeps one
            make_attempt(user_agent=text, reason=text, destination_masked=text)
            (row,) = self.export(admin_client)
            assert row["user_agent"] == row["reason"] == row["destination_masked"] == f"'{text}"

    def test_cells_with_quotes_and_lines_come_back_whole(self, admin_client):
        text = 'a "quoted", line\nand another;'
        make_attempt(user_agent=text)

        (row,) = self.export(admin_client)

        assert row["user_agent"] == text

    def test_needs_a_permission_of_its_own(self, client):
        make_attempt()
        staff = make_person("sue@example.com", "+12025550178", is_staff=True)
        may_view = Permission.objects.get(codename="view_verificationattempt")
        staff.user_permissions.add(may_view)
        sign_in_staff(client, staff)
        assert "Export these" not in client.get(LIST).content.decode()
        assert client.post(EXPORT).status_code == 403
        assert not AuditExport.objects.exists()

        staff.user_permissions.add(Permission.objects.get(codename="export_verificationattempt"))
        assert "Export these" in client.get(LIST).content.decode()
        assert client.post(EXPORT).status_code == 200

    def test_takes_no_get_and_no_forged_post(self, admin_user):
        client = sign_in_staff(Client(enforce_csrf_checks=True), admin_user)

        assert client.post(EXPORT).status_code == 403
        assert client.get(EXPORT).status_code == 405
        assert not AuditExport.objects.exists()

    def test_reads_a_page_at_a_time(self, admin_client, monkeypatch, django_assert_num_queries):
        from otp.admin import attempts

        monkeypatch.setattr(attempts, "EXPORT_PAGE", 3)
        rows = [make_attempt(at=timezone.now() - timedelta(seconds=index // 2)) for index in range(8)]
        answer = admin_client.post(EXPORT)

        with django_assert_num_queries(4):
            lines = list(answer.streaming_content)

        assert len(lines) == len(rows) + 1
        assert AuditExport.objects.get().row_count == 8
        assert VerificationAttempt.objects.count() == 8
