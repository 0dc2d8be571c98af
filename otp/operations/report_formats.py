"""A report as text for people, as CSV for spreadsheets, as JSON for programs. Amounts are never in floating point."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from otp.operations.analytics import Figures
from otp.operations.costs import round_money
from otp.operations.report import Report, list_prices
from otp.prices import get_success_price

FINE = Decimal("0.00001")


def write_text(report: Report) -> str:
    total = report.total
    out = [f"{report.month:%B %Y} (UTC), amounts in {report.currency}", ""]
    header = ["channel", "country", "sent", "approved", "conversion", "refused", "failed", "cost"]
    rows = [_write_line(line) for line in report.lines]
    rows.append(["total", "", *_write_line(total)[2:]])
    out += _align([header, *rows])
    out += ["", f"Notices by text message: {report.notices:,}; their cost is in the lines above."]
    if report.unmatched_cost:
        out.append(f"Sent by Twilio without an attempt here: {report.unmatched_cost:,.2f}, not in the lines above.")
    out.append(
        f"Cost in all: {report.cost:,.2f}, with Twilio's own price for {total.priced:,} of {total.sent:,} messages"
    )
    out.append(f"Cost per approved code: {_or_unknown(report.cost_per_verification)}")
    users = "unknown, the attempts were pruned" if report.verified_users is None else f"{report.verified_users:,}"
    out.append(f"Verified users (destinations that were proven): {users}")
    out.append(f"Cost per verified user: {_or_unknown(report.cost_per_user)}")
    out += ["", "What a month would cost"]
    projections = [
        [
            f"{each.users:,}",
            "–" if each.at_this_rate is None else f"{each.at_this_rate:,.2f}",
            f"{each.by_price_list:,.2f}",
        ]
        for each in report.projections
    ]
    out += _align([["users", "at this month's rate", "by the price list"], *projections])
    out += ["", "Prices that estimates go by"]
    out += [f"  {line.name:<12} {line.amount:>8}  {line.source}" for line in list_prices()]
    if total.priced and not get_success_price():
        out += ["", "Twilio's own prices are without its fee for each code that was right: see success= in OTP_PRICES."]
    return "\n".join(out) + "\n"


def write_json(report: Report) -> str:
    return (
        json.dumps(
            {
                "month": f"{report.month:%Y-%m}",
                "currency": report.currency,
                "lines": [
                    {"channel": line.name[0], "country": line.name[1], **_describe(line)} for line in report.lines
                ],
                "total": _describe(report.total),
                "notices": report.notices,
                "unmatched_cost": _fine(report.unmatched_cost),
                "cost": _fine(report.cost),
                "verified_users": report.verified_users,
                "cost_per_verification": _fine(report.cost_per_verification),
                "cost_per_user": _fine(report.cost_per_user),
                "projections": [
                    {
                        "users": each.users,
                        "at_this_rate": None if each.at_this_rate is None else str(each.at_this_rate),
                        "by_price_list": str(each.by_price_list),
                    }
                    for each in report.projections
                ],
                "prices": [{"name": line.name, "amount": line.amount, "source": line.source} for line in list_prices()],
            },
            indent=2,
        )
        + "\n"
    )


def write_csv(report: Report) -> str:
    """Write a row for each channel and country, then `total`, then `projection` rows: users and their cost."""
    out = io.StringIO()
    names = list(_describe(report.total))
    writer = csv.DictWriter(out, ["month", "row", "channel", "country", *names, "users", "by_price_list", "currency"])
    writer.writeheader()
    common = {"month": f"{report.month:%Y-%m}", "currency": report.currency}
    for line in report.lines:
        channel, country = line.name
        writer.writerow({**common, "row": "line", "channel": channel, "country": country, **_describe(line)})
    writer.writerow({**common, "row": "total", "users": report.verified_users, **_describe(report.total)})
    if report.unmatched_cost:
        writer.writerow({**common, "row": "unmatched", "cost": _fine(report.unmatched_cost)})
    for each in report.projections:
        costs = {"cost": each.at_this_rate, "by_price_list": each.by_price_list}
        writer.writerow({**common, "row": "projection", "users": each.users, **costs})
    return out.getvalue()


FORMATS: dict[str, Callable[[Report], str]] = {"text": write_text, "csv": write_csv, "json": write_json}


def _describe(line: Figures) -> dict[str, Any]:
    return {
        "sent": line.sent,
        "approved": line.approved,
        "conversion": None if line.conversion is None else round(line.conversion, 4),
        "refused": line.refused,
        "failed": line.failed,
        "cost": _fine(line.cost),
        "estimated_cost": _fine(line.estimated_cost),
        "priced": line.priced,
    }


def _write_line(line: Figures) -> list[str]:
    channel, country = line.name or ("", "")
    share = "–" if line.conversion is None else f"{100 * line.conversion:.0f} %"
    counts = [f"{line.sent:,}", f"{line.approved:,}", share, f"{line.refused:,}", f"{line.failed:,}"]
    return [channel or "unknown", country or "–", *counts, f"{round_money(line.cost):,}"]


def _align(rows: list[list[str]]) -> list[str]:
    """Set columns, the first two to the left where there are that many of words, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    words = 2 if len(rows[0]) > 3 else 0
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if column < words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _or_unknown(amount: Decimal | None, places: int = 4) -> str:
    return "–" if amount is None else f"{amount:,.{places}f}"


def _fine(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount.quantize(FINE))
