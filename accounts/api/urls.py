"""Addresses of the session calls, under `/api/`: no trailing slash needed, and one does no harm."""

from django.urls import re_path

from accounts.api import viewsets

urlpatterns = [
    re_path(r"^session/?$", viewsets.SessionViewSet.as_view({"get": "retrieve"}), name="session"),
    re_path(r"^login/?$", viewsets.LoginViewSet.as_view({"post": "create"}), name="login"),
    re_path(r"^logout/?$", viewsets.LogoutViewSet.as_view({"post": "create"}), name="logout"),
    re_path(r"^me/?$", viewsets.MeViewSet.as_view({"get": "retrieve"}), name="me"),
]
