"""The transfer app."""

from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "examples.transfer"
    label = "transfer"
    default_auto_field = "django.db.models.BigAutoField"
