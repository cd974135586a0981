"""Files that people upload and that must not touch the disk."""

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopFutureHandlers

from neonpro.pades import MAX_PFX

KEY_FIELD: Final = "certificate_file"
"""The name under which every form of ours uploads a private key."""


class KeyFileHandler(MemoryFileUploadHandler):
    """Keeps an uploaded private key in memory, however large the request is: Django would put a large one on the disk.

    Of what is too large to be a key it keeps enough to see that, and lets the rest pass.
    """

    def handle_raw_input(self, *args: Any, **options: Any) -> None:
        super().handle_raw_input(*args, **options)
        self.activated = False

    def new_file(self, field_name: str, *args: Any, **options: Any) -> None:
        # Anything else is for the handlers behind this one.
        self.activated = field_name == KEY_FIELD
        try:
            super().new_file(field_name, *args, **options)
        except StopFutureHandlers:
            self._left = MAX_PFX + 1
            raise

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if not self.activated:
            return raw_data
        kept, self._left = raw_data[: self._left], max(0, self._left - len(raw_data))
        self.file.write(kept)
        return None

    def file_complete(self, file_size: int) -> UploadedFile | None:
        return super().file_complete(min(file_size, MAX_PFX + 1))
