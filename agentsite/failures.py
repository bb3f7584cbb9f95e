"""What ends `manage.py up` (and other commands here) with one clear line."""


class CannotStart(Exception):
    """Something the person at the console has to change; the message says what, in one line."""
