"""One HTTP client with Homeport's headers, error bodies and types. The typed calls in `client` are built on it."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar, overload
from urllib.parse import urlsplit

import httpx
import msgspec

from homeport_sdk.errors import ApiError, BadAnswer, ConnectionFailed, FieldError
from homeport_sdk.version import __version__

T = TypeVar("T")
SESSION_HEADER = "Coder-Session-Token"
USER_AGENT = f"homeport/{__version__}"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _ErrorBody(msgspec.Struct):
    message: str = ""
    detail: str = ""
    validations: list[FieldError] | None = None


class HttpClient:
    """Sends requests to one server, as one user, agent or daemon. Use it as an async context manager."""

    def __init__(
        self, url: str, *, token: str = "", headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> None:
        """`url` is the server's address without `/api/v2`; `headers` go with every request; `timeout` is in seconds."""
        self.url = url.rstrip("/")
        self.token = token
        base = {"User-Agent": USER_AGENT, **(headers or {})}
        if token:
            base[SESSION_HEADER] = token
        self.headers = base
        self.is_loopback = urlsplit(self.url).hostname in _LOOPBACK
        # A server on this machine is reached directly, whatever proxies the environment names.
        self._client = httpx.AsyncClient(
            base_url=self.url, headers=base, timeout=timeout, follow_redirects=False, trust_env=not self.is_loopback
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @overload
    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: type[T],
        body: Any = ...,
        query: Mapping[str, Any] | None = ...,
        **more: Any,
    ) -> T: ...

    @overload
    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: None = None,
        body: Any = ...,
        query: Mapping[str, Any] | None = ...,
        **more: Any,
    ) -> None: ...

    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: Any = None,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        """Send one request below `/api/v2` and decode the answer into `answer` (a type; None: the answer is not read).

        `body` is encoded as JSON. Raises ApiError for a refusal, ConnectionFailed and BadAnswer.
        """
        content = msgspec.json.encode(body) if body is not None else more.pop("content", None)
        headers = dict(more.pop("headers", {}))
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = await self.send(method, f"/api/v2{path}", content=content, headers=headers, query=query, **more)
        if answer is None:
            return None
        if answer is bytes:
            return response.content
        try:
            return msgspec.json.decode(response.content, type=answer, strict=False)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BadAnswer(
                f"{method} {self.url}/api/v2{path} gave an answer of an unexpected shape: {error}"
            ) from error

    async def send(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """Send one request to `path` (from the root) and return the answer, or raise ApiError or ConnectionFailed."""
        params = {key: value for key, value in (query or {}).items() if value is not None}
        try:
            response = await self._client.request(method, path, params=params, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise ConnectionFailed(f"The server at {self.url} cannot be reached: {reason}.") from error
        if response.status_code >= 300:
            raise read_error(response)
        return response


def read_error(response: httpx.Response) -> ApiError:
    """Turn a refusal into an ApiError, whatever its body is."""
    try:
        body = msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.DecodeError:
        body = _ErrorBody()
    message = body.message or f"The server answered {response.status_code} {response.reason_phrase}."
    return ApiError(response.status_code, message, detail=body.detail, validations=tuple(body.validations or ()))
