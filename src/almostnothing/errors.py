"""The one exception that users see."""


class UserError(Exception):
    """A mistake that the user can mend: its message is one sentence that says where and how."""
