"""Addresses of the sandbox, under `/sandbox/`."""

from django.urls import path

from otp.sandbox import views

app_name = "sandbox"

urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("messages.json", views.messages_json, name="messages"),
    path("requests.json", views.requests_json, name="requests"),
    path("control", views.control, name="control"),
    path("twilio/<path:path>", views.twilio, name="twilio"),
]
