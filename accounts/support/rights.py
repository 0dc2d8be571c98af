"""What somebody may do on this site: for superusers to give and take."""

from typing import Any

from django.contrib.auth.models import Group, Permission

from accounts.models import User


def change_rights(user: User, *, is_staff: bool, is_superuser: bool, groups: Any, user_permissions: Any) -> str:
    """Set all of them; gives what the person has now."""
    user.is_staff, user.is_superuser = is_staff, is_superuser
    user.save(update_fields=["is_staff", "is_superuser"])
    user.groups.set(groups)
    user.user_permissions.set(user_permissions)
    parts = ["staff"] * is_staff + ["superuser"] * is_superuser
    parts += [f"{group.name}" for group in groups] + [right.codename for right in user_permissions]
    return ", ".join(parts) or "–"


def describe_rights(user: User) -> dict[str, Any]:
    """Give what a form begins with."""
    return {
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "groups": Group.objects.filter(user=user),
        "user_permissions": Permission.objects.filter(user=user),
    }
