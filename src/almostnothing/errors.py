"""The exceptions that users see."""


class UserError(Exception):
    """A mistake that the user can mend: its message is one sentence that says where and how."""


class CannotWrite(UserError, OSError):
    """A file that the system does not let us write: no room, a read-only folder, a folder in its place."""
