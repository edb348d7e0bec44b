"""What Prometheus learns about the cache of files."""

from homeport.telemetry.metrics import counter, gauge

open_files = gauge("file_cache_open_files_current", "Files that the cache holds, or is fetching.")
opened_files = counter("file_cache_open_files", "Files that the cache has begun to fetch.")
open_bytes = gauge("file_cache_open_files_size_bytes_current", "Bytes of the files that the cache holds.")
opened_bytes = counter("file_cache_open_files_size_bytes", "Bytes that the cache has fetched.")
open_references = gauge(
    "file_cache_open_file_refs_current", "Users of files in the cache, those who wait for a fetch among them."
)
references = counter(
    "file_cache_open_file_refs", "Times a file was asked for; hit: it was there or under way.", ["hit"]
)
