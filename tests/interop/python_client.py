"""The official Python SDK as a client, with a person who allows what it asks for, and a memory that tests may change."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from scripts.oauth2.server import Server as Person
from tests.support.server import Server

CALLBACK = "http://127.0.0.1:9876/callback"
EXPIRED = "expired123-expired123expired12345"


class Memory:
    """Where the client keeps its registration and tokens."""

    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        self.client = client
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Session:
    """One installation of a client: connects as often as wanted, and counts how often the person was asked."""

    def __init__(
        self, server: Server, memory: Memory | None = None, *, scope: str = "", metadata_url: str | None = None
    ) -> None:
        self.url = f"{server.url}/mcp"
        self.memory = memory or Memory()
        self.asked: list[dict[str, str]] = []
        self._person = Person(server.url, server.token)
        self._answer: dict[str, str] = {}
        self._provider: OAuthClientProvider | None = None
        self._metadata_url = metadata_url
        self._metadata = OAuthClientMetadata.model_validate(
            {
                "client_name": "Python client", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": scope or None,
            }
        )  # fmt: skip

    async def _send_person(self, address: str) -> None:
        parameters = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
        self.asked.append(parameters)
        self._answer = self._person.allow(address.partition("?")[0], parameters)

    async def _receive(self) -> AuthorizationCodeResult:
        given = self._answer
        return AuthorizationCodeResult(code=given["code"], state=given.get("state"), iss=given.get("iss"))

    @asynccontextmanager
    async def connect(self, auth: Any = None) -> AsyncIterator[Client]:
        """Connect; the person is asked where that is needed."""
        self._provider = OAuthClientProvider(
            self.url, self._metadata, self.memory, self._send_person, self._receive, self._metadata_url
        )
        async with (
            httpx2.AsyncClient(auth=auth or self._provider, timeout=60, trust_env=False) as http,
            Client(streamable_http_client(self.url, http_client=http)) as client,
        ):
            yield client

    def expire(self) -> None:
        """Let the access token of the connection run out: the client knows it, and the token opens nothing any more."""
        assert self._provider is not None
        context = self._provider.context
        assert context.current_tokens is not None
        context.current_tokens = context.current_tokens.model_copy(update={"access_token": EXPIRED})
        context.token_expiry_time = 1.0

    async def call(self, tool: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Connect, call one tool and return its result."""
        async with self.connect() as client:
            return await client.call_tool(tool, dict(arguments or {}))
