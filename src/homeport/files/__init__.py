"""Uploaded archives: stored once per content and creator, refused when unpacking them could do harm."""
