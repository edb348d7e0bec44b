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

    async def download(self, file_id: str) -> bytes:
        """Return a file's bytes."""
        return await self._http.call("GET", f"/files/{file_id}", answer=bytes)
