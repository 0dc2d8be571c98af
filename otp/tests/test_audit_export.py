"""The ledger as CSV: who may have it, what is in it, and that it is noted."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.tests.people import make_person, sign_in_staff
from otp.models import AuditExport, VerificationAttempt
from otp.operations import csv_export
from otp.tests.audit_pages import EXPORT, LIST
from otp.tests.records import make_attempt

pytestmark = pytest.mark.django_db


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

        released = []
        monkeypatch.setattr(attempts, "EXPORT_PAGE", 3)
        monkeypatch.setattr("otp.admin.keyset.release_connection", lambda: released.append(True))
        rows = [make_attempt(at=timezone.now() - timedelta(seconds=index // 2)) for index in range(8)]
        answer = admin_client.post(EXPORT)

        with django_assert_num_queries(4):
            lines = list(answer.streaming_content)

        assert len(lines) == len(rows) + 1
        assert len(released) == 3  # no connection waits for whoever takes the rows slowly
        assert AuditExport.objects.get().row_count == 8
        assert VerificationAttempt.objects.count() == 8
