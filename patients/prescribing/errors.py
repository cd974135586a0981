"""What prescribing refuses."""


class PrescribingError(Exception):
    """A prescription cannot be what was asked; the message is for the person who asked, `reasons` one by one."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__(" ".join(reasons))
