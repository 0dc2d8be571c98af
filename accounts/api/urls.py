"""Addresses of the session calls, under `/api/`: no trailing slash needed, and one does no harm."""

from django.urls import re_path

from accounts.api import approvals, passkeys, viewsets

APPROVAL = r"^approvals/(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"

urlpatterns = [
    re_path(r"^session/?$", viewsets.SessionViewSet.as_view({"get": "retrieve"}), name="session"),
    re_path(r"^login/?$", viewsets.LoginViewSet.as_view({"post": "create"}), name="login"),
    re_path(r"^login/send/?$", viewsets.LoginSendViewSet.as_view({"post": "create"}), name="login-send"),
    re_path(r"^login/verify/?$", viewsets.LoginVerifyViewSet.as_view({"post": "create"}), name="login-verify"),
    re_path(
        r"^login/passkey/options/?$",
        passkeys.LoginPasskeyViewSet.as_view({"post": "create"}),
        name="login-passkey-options",
    ),
    re_path(r"^logout/?$", viewsets.LogoutViewSet.as_view({"post": "create"}), name="logout"),
    re_path(r"^me/?$", viewsets.MeViewSet.as_view({"get": "retrieve"}), name="me"),
    re_path(r"^me/two-factor/?$", viewsets.TwoFactorViewSet.as_view({"patch": "partial_update"}), name="me-two-factor"),
    re_path(r"^me/passkeys/?$", passkeys.PasskeyViewSet.as_view({"get": "list", "post": "create"}), name="me-passkeys"),
    re_path(
        r"^me/passkeys/options/?$",
        passkeys.NewPasskeyViewSet.as_view({"post": "create"}),
        name="me-passkeys-options",
    ),
    re_path(
        r"^me/passkeys/(?P<pk>[0-9]{1,18})/?$",
        passkeys.PasskeyViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="me-passkey",
    ),
    re_path(
        r"^step-up/passkey/options/?$",
        passkeys.StepUpPasskeyViewSet.as_view({"post": "create"}),
        name="step-up-passkey-options",
    ),
    re_path(r"^step-up/send/?$", viewsets.StepUpSendViewSet.as_view({"post": "create"}), name="step-up-send"),
    re_path(r"^step-up/verify/?$", viewsets.StepUpVerifyViewSet.as_view({"post": "create"}), name="step-up-verify"),
    re_path(r"^approvals/?$", approvals.ApprovalsViewSet.as_view({"post": "create"}), name="approvals"),
    re_path(rf"{APPROVAL}/?$", approvals.ApprovalViewSet.as_view({"get": "retrieve"}), name="approval"),
    re_path(rf"{APPROVAL}/send/?$", approvals.ApprovalSendViewSet.as_view({"post": "create"}), name="approval-send"),
    re_path(
        rf"{APPROVAL}/confirm/?$", approvals.ApprovalConfirmViewSet.as_view({"post": "create"}), name="approval-confirm"
    ),
    re_path(
        rf"{APPROVAL}/passkey/options/?$",
        approvals.ApprovalPasskeyViewSet.as_view({"post": "create"}),
        name="approval-passkey-options",
    ),
    re_path(
        rf"{APPROVAL}/cancel/?$", approvals.ApprovalCancelViewSet.as_view({"post": "create"}), name="approval-cancel"
    ),
]
