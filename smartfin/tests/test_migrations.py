"""Migrations run while the old version serves: none may break it, nor hold a lock while it works through a table."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

# What the first release brings runs on an empty database, where there is neither an old version nor a row.
FIRST_RELEASE = {"accounts": 6, "otp": 14}
OURS = [config.label for config in apps.get_app_configs() if config.name in {"accounts", "otp"}]


def find_later_migrations():
    loader = MigrationLoader(None)
    return sorted(
        (label, name)
        for label, name in loader.disk_migrations
        if label in OURS and int(name[:4]) > FIRST_RELEASE[label]
    )


def test_the_list_of_the_first_release_is_that_of_our_apps():
    assert sorted(OURS) == sorted(FIRST_RELEASE)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's own SQL: make test-services")
@pytest.mark.django_db
def test_no_later_migration_stops_the_old_version_or_locks_a_table():
    linter = MigrationLinter(include_apps=OURS, all_warnings_as_errors=True, no_cache=True, no_output=True)
    loader = MigrationLoader(connection)
    for key in find_later_migrations():
        linter.lint_migration(loader.disk_migrations[key])

    assert not linter.has_errors


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ('ALTER TABLE "otp_verification" DROP COLUMN "purpose" CASCADE;', "DROP_COLUMN"),
        ('ALTER TABLE "otp_verification" RENAME COLUMN "purpose" TO "reason";', "RENAME_COLUMN"),
        ('ALTER TABLE "otp_verification" ALTER COLUMN "purpose" TYPE varchar(5);', "ALTER_COLUMN"),
        ('ALTER TABLE "otp_verification" ADD COLUMN "reason" varchar(5) NOT NULL;', "NOT_NULL"),
        ('CREATE INDEX "by_purpose" ON "otp_verification" ("purpose");', "CREATE_INDEX"),
    ],
)
def test_such_a_migration_would_be_found(sql, code):
    errors, _, warnings = analyse_sql_statements(PostgresqlAnalyser, ["BEGIN;", sql, "COMMIT;"])

    assert code in {issue.code for issue in [*errors, *warnings]}


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE "otp_verification" ADD COLUMN "reason" varchar(5) NULL;',
        'CREATE INDEX CONCURRENTLY "by_purpose" ON "otp_verification" ("purpose");',
    ],
)
def test_what_an_old_version_can_live_with_is_let_through(sql):
    errors, _, warnings = analyse_sql_statements(PostgresqlAnalyser, [sql])

    assert [*errors, *warnings] == []
