"""Archives."""

from homeport_sdk.http import HttpClient
from homeport_sdk.models import UploadResponse

TAR = "application/x-tar"
ZIP = "application/zip"


class Files:
    """Calls about uploaded files."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def upload(self, content: bytes, *, content_type: str = TAR) -> str:
        """Upload an archive; return its id. The same bytes give the same id."""
        answer = await self._http.call(
            "POST",
            "/files",
            content=content,
            headers={"Content-Type": content_type},
            timeout=600.0,
            answer=UploadResponse,
        )
        return answer.hash

    async def download(self, file_id: str, *, is_zip: bool = False) -> bytes:
        """Return a file's bytes: a tar archive, or a zip archive of the same files."""
        query = {"format": "zip" if is_zip else None}
        return await self._http.call("GET", f"/files/{file_id}", query=query, timeout=600.0, answer=bytes)
