"""One table: what everybody has."""

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

CURRENCY = "EUR"
OPENING_BALANCE = Decimal("1000.00")


class NotEnough(Exception):
    """The account does not hold that much."""


class Account(models.Model):
    """What somebody has, in euros. `name` is what others pay to; a firm has no `owner`."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="account"
    )
    name = models.CharField(max_length=70, unique=True)
    balance = models.DecimalField(max_digits=14, decimal_places=2, default=OPENING_BALANCE)

    objects: ClassVar[models.Manager["Account"]] = models.Manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [models.CheckConstraint(condition=Q(balance__gte=0), name="account_is_not_overdrawn")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def open_for(cls, user: Any) -> "Account":
        """Give a person's account; the first one to come finds somebody to pay as well."""
        account, is_new = cls.objects.get_or_create(owner=user, defaults={"name": user.email})
        if is_new:
            cls.objects.get_or_create(name="Alice GmbH")
        return account

    def pay(self, payee: "Account", amount: Decimal) -> None:
        """Move money. Call it inside the transaction in which it was approved.

        :raises NotEnough: the balance would fall below zero
        """
        # In the order of their keys, so that two who pay each other at once do not wait for each other for ever.
        changes = sorted([(self.pk, -amount), (payee.pk, amount)])
        for pk, change in changes:
            enough = Q(balance__gte=-change) if change < 0 else Q()
            if Account.objects.filter(enough, pk=pk).update(balance=F("balance") + change) != 1:
                raise NotEnough
