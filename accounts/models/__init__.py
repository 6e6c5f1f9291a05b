from __future__ import annotations

from accounts.models.institutions import Institution
from accounts.models.people import NameOrder, Person
from accounts.models.users import User, UserManager

__all__ = ["Institution", "NameOrder", "Person", "User", "UserManager"]
