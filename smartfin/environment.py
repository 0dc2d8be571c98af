"""How a value comes out of the environment. Used by `smartfin/settings.py` alone."""

import environ
from environ.fileaware_mapping import FileAwareMapping


class _Values(FileAwareMapping):
    """`NAME` from the variable, or from the file that `NAME_FILE` names, without the newline that editors add."""

    def __getitem__(self, name: str) -> str:
        value: str = super().__getitem__(name)
        return value.rstrip("\r\n")


class Environment(environ.Env):
    """django-environ's reader on those values. One that begins with `$` stands for another variable's."""

    ENVIRON = _Values()
