"""Use cases of files. Upper rooms import from here."""

from homeport.files.service.archives import (
    get_file,
    read_content,
    read_file,
    register_reader,
    store_archive,
    upload,
)
from homeport.files.service.cache import FileCache, OpenFile
from homeport.files.service.uploads import upload_by_hand

__all__ = [
    "FileCache",
    "OpenFile",
    "get_file",
    "read_content",
    "read_file",
    "register_reader",
    "store_archive",
    "upload",
    "upload_by_hand",
]
