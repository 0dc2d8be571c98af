"""`python -m benchmarks.audit_size`: the audit in the admin with ten thousand, one million and five million attempts.

On the PostgreSQL that DATABASE_URL names, in databases of its own that are dropped afterwards. Each page is asked for
through the whole site, by one process for each size, in turn: what else the machine does slows all sizes alike. The
fastest of some goes counts. Prints milliseconds for the smallest size and ratios to it for the others.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from benchmarks.scratch import make_database, use
from benchmarks.servers import BASE_DIR

SIZES = (10_000, 1_000_000, 5_000_000)
GOAL = 1.5
GOES = 8
DATABASE = "smartfin_audit_size"
NUMBER, EMAIL, ADDRESS = "+12025550123", "person7@example.com", "10.0.0.77"
SID = "VE" + "7" * 32
DAYS = 60
# So many rows each number, address, id and person has that is searched for, at every size: a full page.
FOUND = 50
# So many attempts came after the last roll-up, at every size. (How many do depends on the traffic, not on the history.)
TAIL = 60
# Not pages: work that grows with what there is, done once and printed apart, up to so many attempts.
SEAL, VERIFY = "seal_audit", "verify_audit"
CHAIN_UP_TO = 1_000_000

# Sixty days, evenly; shares as on a site that is attacked a little. Every fourth attempt begins a verification. What is
# rare fills a page even so at every size.
VERIFICATIONS = """
INSERT INTO otp_verification (id, purpose, channel, status, service_sid, verification_sid, destination_hash,
    destination_masked, country, prefix, user_id, binding, sends, checks, calls, given_back, kept_code, kept_checks,
    created_at, expires_at, next_send_at)
SELECT md5(i::text)::uuid, (ARRAY['login','registration','verification','password_reset'])[1 + i % 4],
    CASE WHEN i % 10 < 8 THEN 'sms' WHEN i % 10 = 8 THEN 'whatsapp' WHEN i % 100 < 95 THEN 'call' ELSE 'email' END,
    CASE WHEN i % 10 < 7 THEN 'redeemed' WHEN i % 10 < 9 THEN 'expired' WHEN i % 100 < 50 THEN 'canceled'
        ELSE 'exhausted' END,
    'VA00000000000000000000000000000000', 'VE' || md5(i::text),
    encode(sha256((i % (%(rows)s / 20))::text::bytea), 'hex'),
    '+1 ••• ••• 0199', (ARRAY['US','US','US','US','GB','DE','IN','ES','FR','CA'])[1 + i % 10], '+1202555',
    CASE WHEN i % 3 = 0 THEN (SELECT min(id) FROM accounts_user) + i / 3 % (%(rows)s / 12 / %(found)s) END,
    '', 1, 1, 1, 0, '', 0,
    at, at + interval '10 minutes', at
FROM (SELECT i, %(end)s::timestamptz - interval '60 days' * (i::float / %(rows)s * 4) AS at
      FROM generate_series(1, %(rows)s / 4) i) made
"""
ATTEMPTS = """
INSERT INTO otp_verificationattempt (created_at, kind, outcome, purpose, channel, verification_id, user_id,
    destination_hash, destination_masked, country, prefix, client_address, user_agent, reason, guard, verification_sid,
    attempt_sid, request_id, provider_code, duration_ms, cost)
SELECT %(end)s::timestamptz - interval '60 days' * (1 - i::float / %(rows)s),
    CASE WHEN i % 2 = 0 THEN 'send' WHEN i % 150 = 1 THEN 'notice' ELSE 'check' END,
    CASE WHEN i % 100 < 72 THEN 'ok' WHEN i % 100 < 84 THEN 'incorrect_code' WHEN i % 100 < 94 THEN 'too_many_requests'
        WHEN i % 100 < 97 THEN 'code_expired' WHEN i % 100 = 97 THEN 'provider_unavailable'
        WHEN i % 100 = 98 THEN 'destination_blocked' ELSE 'conflict' END,
    (ARRAY['login','registration','verification','password_reset'])[1 + i / 4 % 4],
    CASE WHEN i % 10 < 8 THEN 'sms' WHEN i % 10 = 8 THEN 'whatsapp' WHEN i % 100 < 95 THEN 'call' ELSE 'email' END,
    md5((i / 4)::text)::uuid,
    CASE WHEN i % 3 = 0 THEN (SELECT min(id) FROM accounts_user) + i / 3 % (%(rows)s / 3 / %(found)s) END,
    encode(sha256((i / 4 % (%(rows)s / 20))::text::bytea), 'hex'), '+1 ••• ••• 0199',
    CASE WHEN i % 150 = 7 THEN 'IM' WHEN i % 150 = 8 THEN ''
        ELSE (ARRAY['US','US','US','US','GB','DE','IN','ES','FR','CA'])[1 + i % 10] END,
    '+1202555', ('10.' || i % 200 || '.' || i / 7 % 250 || '.' || i / 11 % 250)::inet,
    'Mozilla/5.0 (X11; Linux x86_64) Chrome/140', CASE WHEN i % 100 BETWEEN 84 AND 93 THEN 'resend_wait' ELSE '' END,
    '', 'VE' || md5((i / 4)::text), CASE WHEN i % 2 = 0 THEN 'VL' || md5(i::text) ELSE '' END, md5(i::text),
    NULL, 100 + i % 400, CASE WHEN i % 2 = 0 THEN 0.05 END
FROM generate_series(1, %(rows)s) i
"""
# The history ends where the roll-ups do; the tail follows.
MARK_TAIL = """
UPDATE otp_verificationattempt
SET created_at = %(end)s::timestamptz
    + (%(now)s::timestamptz - %(end)s::timestamptz) * (%(tail)s - newest + id) / %(tail)s
FROM (SELECT max(id) AS newest FROM otp_verificationattempt) last WHERE id > newest - %(tail)s
"""
MARK = """
UPDATE otp_verificationattempt SET destination_hash = %(hash)s, client_address = %(address)s, verification_sid = %(sid)s
WHERE id IN (SELECT (SELECT min(id) FROM otp_verificationattempt) + k * (%(rows)s / %(found)s)
             FROM generate_series(0, %(found)s - 1) k)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="Attempts, the smallest first.")
    parser.add_argument("--only", nargs="+", default=[""], help="Pages with one of these in their name. Default: all.")
    parser.add_argument("--chain", action="store_true", help="Seal and verify the audit afterwards: minutes.")
    parser.add_argument("--answer-on", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer_on:
        answer(options.answer_on, options.sizes[0])
        return
    server = os.environ.get("DATABASE_URL", "")  # noqa: TID251
    if not server.startswith("postgres"):
        sys.exit("Set DATABASE_URL to a PostgreSQL where databases can be made.")
    with ExitStack() as stack:
        sites = [
            stack.enter_context(Site(stack.enter_context(make_database(server, name(n))), n)) for n in options.sizes
        ]
        show(options.sizes, compare(sites, options.only))
        if options.chain:
            work_through(options.sizes, sites)


def name(rows: int) -> str:
    return f"{DATABASE}_{rows}"


class Site:
    """A process that has so many attempts, and asks itself for pages when told to."""

    def __init__(self, url: str, rows: int) -> None:
        self.rows, self.started = rows, time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.audit_size", "--sizes", str(rows), "--answer-on", url]
        self.process = subprocess.Popen(  # noqa: S603
            command, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def wait(self) -> list[str]:
        """Wait until the attempts are there; gives the pages that can be asked for."""
        pages: list[str] = json.loads(self._read())
        print(
            f"{self.rows:,} attempts loaded in {time.perf_counter() - self.started:.0f} s", file=sys.stderr, flush=True
        )
        return pages

    def ask(self, page: str) -> float:
        """Give the milliseconds that it took."""
        assert self.process.stdin
        print(page, file=self.process.stdin, flush=True)
        return float(self._read())

    def _read(self) -> str:
        assert self.process.stdout
        if not (line := self.process.stdout.readline()):
            sys.exit("A measuring process ended early; its error is above.")
        return line

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *args: object) -> None:
        self.process.terminate()
        self.process.wait()


def compare(sites: list[Site], only: list[str]) -> list[dict[str, float]]:
    """Ask all sites for each page in turn; gives the fastest go of each page, by site."""
    best: list[dict[str, float]] = [{} for _ in sites]
    waited = [site.wait() for site in sites]
    asked = [page for page in waited[0] if any(part in page for part in only)]
    for page in asked:
        for _ in range(GOES):
            for site, found in zip(sites, best, strict=True):
                found[page] = min(found.get(page, float("inf")), site.ask(page))
    return best


def work_through(sizes: Any, sites: list[Site]) -> None:
    for rows, site in zip(sizes, sites, strict=True):
        for work in (SEAL, VERIFY) if rows <= CHAIN_UP_TO else ():
            seconds = site.ask(work) / 1000
            print(f"{work}, {rows:,} attempts: {seconds:.1f} s, {rows / seconds:,.0f} a second", flush=True)


def answer(url: str, rows: int) -> None:
    """Be the process behind a `Site`."""
    use(url)
    be_quiet_and_plain()
    load(rows)
    pages = dict(find_pages())
    print(json.dumps(list(pages)), flush=True)
    pages |= find_work()
    for line in sys.stdin:
        started = time.perf_counter()
        pages[line.strip()]()
        print((time.perf_counter() - started) * 1000, flush=True)


def be_quiet_and_plain() -> None:
    """Write no line per request, and let pages be made without `collectstatic`."""
    from django.conf import settings
    from django.test import override_settings

    logging.disable(logging.INFO)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}).enable()


def load(rows: int) -> None:
    """Fill the tables anew: without indexes, which are made afterwards, and without a log that nobody will replay."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from otp.destinations import parse_destination
    from otp.models import Verification, VerificationAttempt
    from otp.operations.totals import GRACE, roll_up

    user_model = get_user_model()
    if not user_model.objects.exists():
        user_model.objects.bulk_create(
            (user_model(email=f"person{n}@example.com") for n in range(rows // 3 // FOUND)), batch_size=5000
        )
    now = datetime.now(UTC)
    end = (now - GRACE).replace(minute=0, second=0, microsecond=0)
    values: dict[str, Any] = {
        "rows": rows, "now": now, "end": end, "tail": TAIL, "found": FOUND, "address": ADDRESS, "sid": SID,
        "hash": parse_destination(NUMBER).hash,
    }  # fmt: skip
    models = (Verification, VerificationAttempt)
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        # Foreign keys of millions of made-up rows need no look-up each.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "TRUNCATE otp_verification, otp_verificationattempt, otp_hourlytotal, otp_dailytotal, otp_answertimes, "
            "otp_progress, otp_delivery, otp_transactionapproval"
        )
        with connection.schema_editor(atomic=False) as editor:
            for model in models:
                for index in model._meta.indexes:
                    editor.remove_index(model, index)
        for statement in (VERIFICATIONS, ATTEMPTS, MARK_TAIL, MARK):
            cursor.execute(write(statement), values)
        with connection.schema_editor(atomic=False) as editor:
            for model in models:
                for index in model._meta.indexes:
                    editor.add_index(model, index)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")
    roll_up()
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


def write(statement: str) -> str:
    """Let the remainders of SQL stand beside the names of values."""
    return statement.replace(" % ", " %% ")


def find_pages() -> Iterator[tuple[str, Callable[[], Any]]]:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from accounts.tests.people import make_person, sign_in_staff
    from otp.models import VerificationAttempt

    get_user_model().objects.filter(email="root@example.com").delete()
    root = make_person("root@example.com", "+12025550177", is_staff=True, is_superuser=True)
    client = sign_in_staff(Client(SERVER_NAME=settings.ALLOWED_HOSTS[0]), root)
    attempts, verifications = "/admin/otp/verificationattempt/", "/admin/otp/verification/"

    def page(address: str, query: str = "") -> Callable[[], None]:
        def ask() -> None:
            status = client.get(f"{address}{query}", secure=True).status_code
            assert status == 200, (address, query, status)

        return ask

    def search(what: str, text: str, base: str = attempts) -> Callable[[], None]:
        def ask() -> None:
            found = client.post(f"{base}find/", {"what": what, "text": text}, secure=True)
            listed = client.get(found["Location"], secure=True)
            assert listed.status_code == 200
            assert listed.context["cl"].result_count == FOUND, (what, text)

        return ask

    middle = VerificationAttempt.objects.order_by("created_at")[VerificationAttempt.objects.count() // 2]
    place = f"{int(middle.created_at.timestamp() * 1e6)}_{middle.pk}"
    yield "list", page(attempts)
    yield "list, in the middle", page(attempts, f"?before={place}")
    for name, values in {
        "outcome__exact": ["ok", "incorrect_code", "conflict"],
        "purpose__exact": ["login"],
        "channel__exact": ["sms", "email"],
        "kind__exact": ["send", "notice"],
        "country": ["US", "IM", "none"],
        "guard": ["met"],
        "day": ["hour", "today", "yesterday", "week", "month", str(middle.created_at.date())],
    }.items():
        for value in values:
            yield f"filter {name.removesuffix('__exact')}={value}", page(attempts, f"?{name}={value}")
    yield "filters outcome=incorrect_code, country=FR", page(attempts, "?outcome__exact=incorrect_code&country=FR")
    yield "two filters that leave nothing", page(attempts, "?outcome__exact=conflict&country=FR")
    wide = "?outcome__exact=incorrect_code&channel__exact=email"
    yield "two wide filters that leave nothing", page(attempts, wide)
    yield "filters outcome=incorrect_code, month", page(attempts, "?outcome__exact=incorrect_code&day=month")
    yield "search number", search("destination", NUMBER)
    yield "search user", search("user", EMAIL)
    yield "search client address", search("address", ADDRESS)
    yield "search Twilio id", search("sid", SID)
    yield "one attempt", page(f"{attempts}{middle.pk}/change/")
    yield "verifications", page(verifications)
    yield "verifications, status=exhausted", page(verifications, "?status__exact=exhausted")
    yield "verifications, status=failed (none)", page(verifications, "?status__exact=failed")
    yield "verifications, country=IM (none)", page(verifications, "?country=IM")
    yield "verifications, two filters that leave nothing", page(verifications, "?status__exact=exhausted&country=FR")
    yield "search verification's user", search("user", EMAIL, verifications)
    yield "timeline", page(f"{verifications}{middle.verification_id}/change/")
    yield "dashboard", page("/admin/")


def find_work() -> dict[str, Callable[[], Any]]:
    from otp.operations import audit_chain, audit_verification

    def seal_audit() -> None:
        assert audit_chain.seal().rows

    def verify_audit() -> None:
        assert not list(audit_verification.verify())

    return {SEAL: seal_audit, VERIFY: verify_audit}


def show(sizes: Any, measured: list[dict[str, float]]) -> None:
    """Print a table for docs/explanation/performance.md."""
    first, others = measured[0], measured[1:]
    heads = "".join(f" {rows:,} |" for rows in sizes[1:])
    print(f"| page | {sizes[0]:,} (ms) |{heads}\n|---|---|{'---|' * len(others)}")
    missed = []
    for name, milliseconds in first.items():
        ratios = [found[name] / milliseconds for found in others]
        missed += [name] if max(ratios, default=0) > GOAL else []
        print(f"| {name} | {milliseconds:.0f} |" + "".join(f" {ratio:.2f} × |" for ratio in ratios))
    print(f"\nOver {GOAL} ×: {', '.join(missed) or 'none'}.")


if __name__ == "__main__":
    main()
