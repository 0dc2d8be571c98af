"""Addresses of the example, under `/transfer/`."""

from django.urls import path

from examples.transfer import views

app_name = "transfer"

urlpatterns = [
    path("", views.transfer, name="transfer"),
    path("pay/", views.pay, name="pay"),
]
