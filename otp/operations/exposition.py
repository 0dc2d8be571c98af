"""What `/metrics` says, and to whom."""

import ipaddress
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from otp import limits
from otp.client import find_client_address
from otp.exceptions import LimitsUnavailable


def is_on() -> bool:
    """Tell whether anybody may read metrics at all."""
    return bool(settings.METRICS_TOKEN or settings.METRICS_NETWORKS)


def may_read(request: HttpRequest) -> bool:
    """Tell whether a request comes with the token, or from one of the networks."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return constant_time_compare(token.strip(), settings.METRICS_TOKEN)
    address = find_client_address(request)
    return bool(address) and any(
        ipaddress.ip_address(address) in _read_network(network) for network in settings.METRICS_NETWORKS
    )


def expose() -> bytes:
    """Give all metrics of all processes of this host, in Prometheus' text format."""
    now = CollectorRegistry(auto_describe=False)
    now.register(BudgetCollector())
    if values.ValueClass._multiprocess:
        # Each worker writes to a file of its own in PROMETHEUS_MULTIPROC_DIR; whoever is asked adds them up.
        everybody = CollectorRegistry(auto_describe=False)
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody) + generate_latest(now)
    return generate_latest(REGISTRY) + generate_latest(now)


class BudgetCollector(Collector):
    """What is worked out when asked for, because no process knows it alone. Left out while the counters are away."""

    def collect(self) -> Iterator[Metric]:
        try:
            spent = limits.get_budget_share()
        except LimitsUnavailable:
            return
        yield GaugeMetricFamily(
            "otp_budget_spent_ratio", "Share of OTP_DAILY_BUDGET spent within 24 hours, 1 for all of it.", value=spent
        )


@cache
def _read_network(network: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(network, strict=False)
