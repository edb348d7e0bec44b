// @modelcontextprotocol/client, the second generation: it checks issuers to the letter.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { journey } from "./journey.mjs";

const finish = (transport, answer) => transport.finishAuth(answer);
await journey({ Client, StreamableHTTPClientTransport, UnauthorizedError, finish });
