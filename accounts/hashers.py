"""How passwords are stored."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at the cost OWASP asks for: 19 MiB, two passes, one lane.

    Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html, read 2026-11-22.
    """

    time_cost = 2
    memory_cost = 19456
    parallelism = 1
