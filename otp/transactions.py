"""Where the ledger stands to database transactions: never inside the caller's, never across a call to Twilio."""

from django.db import connection


def raise_if_in_transaction() -> None:
    """Refuse to work inside somebody's transaction: its rollback would take the audit row with it.

    :raises RuntimeError: always a programming error; the transaction that a test case wraps around itself is fine
    """
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise RuntimeError("Send and check codes outside of transaction.atomic(): the attempt must survive a rollback.")


def raise_unless_in_transaction() -> None:
    """Insist on a transaction around a redeem: what it pays for must happen with it or not at all.

    :raises RuntimeError: always a programming error
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Redeem inside transaction.atomic(), together with what the proof is for.")


def release_connection() -> None:
    """Hand a pooled connection back before a slow call, so that waiting threads hold none."""
    if not connection.in_atomic_block and connection.settings_dict["OPTIONS"].get("pool"):
        connection.close()
