"""Statements that are put together once give what the querysets they were made of give."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Value
from django.utils import timezone

from accounts.models import SecurityEvent, UserSession
from otp.destinations import parse_destination
from otp.models import Verification, VerificationAttempt
from otp.models.prepared import Given, Prepared, fill_insert, given_each, insert, run_together

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def make(**values):
    row = Verification.make(
        parse_destination("+12025550123"),
        **{"channel": "sms", "purpose": "login", "service_sid": "VA1", "binding": uuid4().hex, **values},
    )
    insert(row)
    return row


def get_values(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


class TestFind:
    def test_rows_are_those_of_the_queryset(self):
        for purpose in ("login", "step_up", "login"):
            make(purpose=purpose)
        statement = Prepared(lambda: Verification.objects.filter(purpose=Given("purpose")).order_by("created_at"))

        for purpose in ("login", "step_up", "registration"):
            found = statement.find(purpose=purpose)
            assert [get_values(row) for row in found] == [
                get_values(row) for row in Verification.objects.filter(purpose=purpose).order_by("created_at")
            ]

    def test_a_row_is_as_good_as_a_fetched_one(self):
        row = make()
        (found,) = Prepared(lambda: Verification.objects.filter(pk=Given("pk"))).find(pk=row.pk)

        found.channel = "call"
        found.save(update_fields=["channel"])

        assert found == row
        assert Verification.objects.get().channel == "call"

    def test_each_value_of_a_list_has_its_gap(self):
        rows = [make(service_sid=f"VA{number}") for number in range(3)]
        statement = Prepared(lambda: Verification.objects.filter(service_sid__in=given_each("sids", 2)))

        assert set(statement.find(sids=["VA0", "VA2"])) == {rows[0], rows[2]}

    def test_moments_are_compared_as_moments(self):
        row = make()
        statement = Prepared(lambda: Verification.objects.filter(created_at__gt=Given("since")))

        assert statement.find(since=row.created_at - timedelta(microseconds=1)) == [row]
        assert statement.find(since=row.created_at) == []

    def test_some_columns_and_what_was_annotated(self):
        make()
        statement = Prepared(lambda: Verification.objects.only("purpose").annotate(twice=F("sends") * Value(2)))

        (found,) = statement.find()

        assert (found.purpose, found.twice) == ("login", 2)
        assert "channel" in found.get_deferred_fields()

    def test_one_statement_each(self, django_assert_num_queries):
        statement = Prepared(lambda: Verification.objects.filter(pk=Given("pk")))
        for _ in range(2):
            with django_assert_num_queries(1):
                statement.find(pk=uuid4())

    def test_a_forgotten_value_is_no_statement(self, django_assert_num_queries):
        statement = Prepared(lambda: Verification.objects.filter(pk=Given("pk")))

        with django_assert_num_queries(0), pytest.raises(KeyError):
            statement.find()


class TestUpdate:
    def test_changes_what_matches_and_counts_it(self):
        rows = [make(service_sid=sid) for sid in ("VA1", "VA1", "VA2")]
        statement = Prepared(
            lambda: Verification.objects.filter(service_sid=Given("sid")), sends=F("sends") + 1, approved_at=Given("at")
        )

        assert statement.update(sid="VA1", at=NOW) == 2
        assert statement.update(sid="VA3", at=NOW) == 0

        for row, (sends, at) in zip(rows, [(2, NOW), (2, NOW), (1, None)], strict=True):
            row.refresh_from_db()
            assert (row.sends, row.approved_at) == (sends, at)

    def test_a_value_may_become_none(self):
        row = make()
        row.approve()

        Prepared(lambda: Verification.objects.filter(pk=Given("pk")), approved_at=Given("at")).update(
            pk=row.pk, at=None
        )

        row.refresh_from_db()
        assert row.approved_at is None


class TestInsert:
    def test_writes_what_save_writes(self):
        def build():
            return VerificationAttempt(
                created_at=NOW, kind="send", cost=Decimal("0.05"), client_address="2001:db8::7", verification=row
            )

        row = make()
        saved, inserted = build(), build()
        saved.save(force_insert=True)
        insert(inserted)

        assert inserted.pk > saved.pk
        expected, found = (get_values(VerificationAttempt.objects.get(pk=one.pk)) for one in (saved, inserted))
        assert found | {"id": saved.pk} == expected

    def test_the_row_knows_that_it_is_written(self):
        row = make()

        assert (row._state.adding, row._state.db) == (False, connection.alias)
        row.save()
        assert Verification.objects.count() == 1

    def test_what_the_database_refuses_is_an_integrity_error(self):
        make(binding="same")

        with pytest.raises(IntegrityError), transaction.atomic():
            make(binding="same")

    def test_a_refusal_that_is_swallowed_undoes_the_transaction_all_the_same(self):
        make(binding="same")

        with transaction.atomic():
            with suppress(IntegrityError):
                make(binding="same")
            assert connection.needs_rollback
            transaction.set_rollback(True)


def test_only_models_that_insert_can_write_are_written_by_it():
    """What `insert` leaves out, and `save` does: parents, files, signals."""
    for model in (Verification, VerificationAttempt, SecurityEvent, UserSession):
        assert not model._meta.parents
        assert not any(isinstance(field, models.FileField) for field in model._meta.fields)
        for signal in (models.signals.pre_save, models.signals.post_save):
            assert not signal.has_listeners(model)


class TestTogether:
    def test_each_gives_what_it_would_alone(self):
        rows = [make(), make()]
        new = Verification.make(
            parse_destination("+12025550124"), channel="sms", purpose="login", service_sid="VA2", binding=""
        )
        attempt = VerificationAttempt(kind="send", verification=new, destination_masked="100 % ; --")
        find = Prepared(lambda: Verification.objects.filter(service_sid=Given("sid")).order_by("created_at"))
        update = Prepared(lambda: Verification.objects.filter(service_sid=Given("sid")), channel=Given("channel"))

        results = run_together(
            find.fill(sid="VA1"),
            fill_insert(new),
            fill_insert(attempt),
            update.fill(sid="VA1", channel="call"),
            find.fill(sid="VA1"),
            update.fill(sid="VA3", channel="call"),
        )

        assert results == [rows, None, None, 2, rows, 0]
        assert [row.channel for row in results[4]] == ["call", "call"]
        assert VerificationAttempt.objects.get(pk=attempt.pk).destination_masked == "100 % ; --"
        assert Verification.objects.get(pk=new.pk).channel == "sms"

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="other databases take one after the other")
    @pytest.mark.django_db(transaction=True)
    def test_all_of_them_or_none(self):
        row = make()
        twin = Verification(**get_values(row))
        update = Prepared(lambda: Verification.objects.filter(pk=Given("pk")), channel=Given("channel"))

        with pytest.raises(IntegrityError):
            run_together(update.fill(pk=row.pk, channel="call"), fill_insert(twin))

        assert Verification.objects.get().channel == "sms"

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="other databases take one after the other")
    def test_is_one_statement(self, django_assert_num_queries):
        find = Prepared(lambda: Verification.objects.filter(pk=Given("pk")))
        with django_assert_num_queries(1):
            run_together(find.fill(pk=uuid4()), find.fill(pk=uuid4()))
