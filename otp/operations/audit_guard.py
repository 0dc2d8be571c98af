"""What makes the database itself refuse to change or remove sealed attempts, and the one way to do it all the same.

Triggers on PostgreSQL and SQLite, put in place after every `migrate`. They stop mistakes, other programs and injected
statements; whoever may alter tables can take them away, and `verify_audit` then finds what was done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from otp.models import AuditBlock, AuditOpening, AuditSeal, VerificationAttempt
from otp.operations.audit_digests import ROW_FIELDS, ROW_VERSION

# Any number, as long as nobody else takes it: one process at a time writes the chain.
LOCK = 0x0A0D17C4
ATTEMPT, SEAL, BLOCK, OPENING = (
    model._meta.db_table for model in (VerificationAttempt, AuditSeal, AuditBlock, AuditOpening)
)
FIELDS = ROW_FIELDS[ROW_VERSION]
IS_SHUT = f"NOT EXISTS (SELECT 1 FROM {OPENING})"  # noqa: S608  names of ours
IS_SEALED = f"EXISTS (SELECT 1 FROM {SEAL} WHERE attempt_id = OLD.id)"  # noqa: S608  names of ours
SAYS_ATTEMPT = "A sealed attempt can be neither changed nor removed."
SAYS_CHAIN = "The audit chain can be neither changed nor removed."

POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION otp_guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND ROW({", ".join(f"NEW.{name}" for name in FIELDS)})
      IS NOT DISTINCT FROM ROW({", ".join(f"OLD.{name}" for name in FIELDS)}) THEN
    RETURN NEW;
  END IF;
  IF {IS_SEALED} AND {IS_SHUT} THEN
    RAISE EXCEPTION '{SAYS_ATTEMPT}' USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION otp_guard_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {IS_SHUT} THEN
    RAISE EXCEPTION '{SAYS_CHAIN}' USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
"""
# Name of the trigger by table, and what it calls on PostgreSQL.
POSTGRESQL_TRIGGERS = {
    "otp_guard_attempt": (ATTEMPT, "otp_guard_attempt"),
    "otp_guard_seal": (SEAL, "otp_guard_chain"),
    "otp_guard_block": (BLOCK, "otp_guard_chain"),
}
CHANGES = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in FIELDS)
# Table, event, condition and what it says, by the trigger's name on SQLite.
SQLITE_TRIGGERS = {
    "otp_guard_attempt_update": (ATTEMPT, "UPDATE", f"({CHANGES}) AND {IS_SEALED} AND {IS_SHUT}", SAYS_ATTEMPT),
    "otp_guard_attempt_delete": (ATTEMPT, "DELETE", f"{IS_SEALED} AND {IS_SHUT}", SAYS_ATTEMPT),
    "otp_guard_seal_update": (SEAL, "UPDATE", IS_SHUT, SAYS_CHAIN),
    "otp_guard_seal_delete": (SEAL, "DELETE", IS_SHUT, SAYS_CHAIN),
    "otp_guard_block_update": (BLOCK, "UPDATE", IS_SHUT, SAYS_CHAIN),
    "otp_guard_block_delete": (BLOCK, "DELETE", IS_SHUT, SAYS_CHAIN),
}


def install(**kwargs: Any) -> None:
    """Put the triggers in place as this version wants them. Runs after every `migrate`."""
    if not _has_tables():
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_FUNCTIONS)
            # A trigger that is there already is left alone: making it would lock the table against writers.
            for name in find_missing_triggers():
                table, function = POSTGRESQL_TRIGGERS[name]
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} "
                    f"FOR EACH ROW EXECUTE FUNCTION {function}()"
                )
        elif connection.vendor == "sqlite":
            uninstall()
            for name, (table, event, condition, says) in SQLITE_TRIGGERS.items():
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} "
                    f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
                )


def uninstall(**kwargs: Any) -> None:
    """Take the triggers away before `migrate` on SQLite, which makes whole tables anew and would trip over them."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name in SQLITE_TRIGGERS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def find_missing_triggers() -> list[str]:
    """Name what is missing; nothing before the tables are there, which is when `migrate` runs the checks first."""
    if not _has_tables():
        return []
    wanted = SQLITE_TRIGGERS.keys() if connection.vendor == "sqlite" else POSTGRESQL_TRIGGERS.keys()
    return sorted(wanted - _find_triggers())


def is_open() -> bool:
    """Tell whether somebody has left the guard open, which no procedure of ours does."""
    return AuditOpening.objects.exists()


@contextmanager
def chain_transaction() -> Iterator[None]:
    """Open the transaction in which one process at a time adds to the chain."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield


@contextmanager
def opened() -> Iterator[None]:
    """Let this transaction alone change what is sealed: for pruning and erasing, which leave a block of their own."""
    opening = AuditOpening.objects.create()
    yield
    opening.delete()


def _has_tables() -> bool:
    return {ATTEMPT, SEAL, BLOCK, OPENING} <= set(connection.introspection.table_names())


def _find_triggers() -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One that is switched off is as good as none.
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' "
                "AND tgrelid IN (%s::regclass, %s::regclass, %s::regclass)",
                [ATTEMPT, SEAL, BLOCK],
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in cursor.fetchall()}
