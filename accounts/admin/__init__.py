"""People in the admin site: to look at, and to help. Nothing here shows what somebody signs in with."""

from accounts.admin.event import SecurityEventAdmin
from accounts.admin.group import GroupAdmin
from accounts.admin.user import UserAdmin

__all__ = ["GroupAdmin", "SecurityEventAdmin", "UserAdmin"]
