"""Text as people mean it, for comparing."""

import unicodedata


def unaccented(text: str) -> str:
    """The same letters without their accents: "José" becomes "Jose"."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
