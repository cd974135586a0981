"""The admin site."""

from unfold.sites import UnfoldAdminSite


class NeonProAdminSite(UnfoldAdminSite):
    """Unfold's site."""
