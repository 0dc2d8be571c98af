"""The lists of the ledger: pages by place, a bounded number of statements, no count."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.tests.people import make_person
from otp.admin import keyset
from otp.tests.audit_pages import LIST, VERIFICATIONS, get_rows
from otp.tests.records import make_attempt, make_check, make_verification

pytestmark = pytest.mark.django_db


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
            make_verification(f"+1202555012{index}")
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
