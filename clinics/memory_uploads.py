"""Files that people send stay in memory until they are encrypted: nothing of a patient is ever a file on the disk."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class InMemory(MemoryFileUploadHandler):
    """Django's handler for small files, and no other behind it that would write larger ones to the disk."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        """Refuse what does not fit, or its files would silently be left out.

        Raises:
            RequestDataTooBig: answered with 400.
        """
        if content_length > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The files of this request are too large together.")
        super().handle_raw_input(input_data, META, content_length, boundary, encoding)
