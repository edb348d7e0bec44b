// @modelcontextprotocol/sdk, the first generation.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { journey } from "./journey.mjs";

const finish = (transport, answer) => transport.finishAuth(answer.get("code"));
await journey({ Client, StreamableHTTPClientTransport, UnauthorizedError, finish, canStepUp: false });
