"""Who may make a call, beside being signed in."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import assurance


class FreshProof(BasePermission):
    """A fresh proof for the view's `step`: within five minutes, in this session, for this very thing.

    Put it after `IsAuthenticated`. Answers 403 `step_up_required` with the methods that the person has.

    :raises StepUpRequired, FactorRequired: see `assurance.raise_unless_fresh`
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated:
            assurance.raise_unless_fresh(request, view.step)
        return True
