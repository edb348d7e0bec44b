// One journey for both generations of the TypeScript SDK: sign in, use, refresh, step up, revoke, come back.

import assert from "node:assert/strict";
import { api } from "./person.mjs";
import { Provider } from "./provider.mjs";

const resource = new URL(`${process.env.SERVER_URL}/mcp`);

export async function journey({ Client, StreamableHTTPClientTransport, UnauthorizedError, finish, canStepUp = true }) {
  async function connect(provider) {
    for (let attempt = 0; ; attempt += 1) {
      const transport = new StreamableHTTPClientTransport(resource, { authProvider: provider });
      const client = new Client({ name: "interoperability", version: "1" });
      try {
        await client.connect(transport);
        return { client, transport };
      } catch (error) {
        if (!(error instanceof UnauthorizedError) || attempt > 0) throw error;
        await finish(transport, provider.callback.searchParams);
      }
    }
  }
  async function use(client) {
    const { tools } = await client.listTools();
    assert.ok(tools.some((tool) => tool.name === "coder_list_workspaces"), "no tool coder_list_workspaces");
    const answer = await client.callTool({ name: "coder_list_templates", arguments: {} });
    assert.notEqual(answer.isError, true, JSON.stringify(answer));
  }

  // Registration, consent, code, use.
  const provider = new Provider({
    scope: process.env.CLIENT_SCOPE || undefined,
    clientMetadataUrl: process.env.CLIENT_METADATA_URL || undefined,
  });
  let { client } = await connect(provider);
  await use(client);
  assert.equal(provider.registered, 1);
  assert.equal(provider.asked.length, 1);
  assert.equal(provider.asked[0].searchParams.get("resource"), resource.href);
  await client.close();

  // The access token ends; the refresh token brings another without the person.
  const first = provider.saved.refresh_token;
  provider.saved = { ...provider.saved, access_token: "expired123-expired123expired12345" };
  ({ client } = await connect(provider));
  await use(client);
  assert.notEqual(provider.saved.refresh_token, first, "the refresh token was not rotated");
  assert.equal(provider.asked.length, 1);
  await client.close();
  if (provider.clientMetadataUrl) {
    assert.equal(provider.client.client_id, provider.clientMetadataUrl);
    return console.log(JSON.stringify({ asked: provider.asked.length, registered: 0 }));
  }

  // A tool beyond the scope: the person is asked once more, for all that it needs.
  const before = provider.saved.scope;
  // The first generation would only refresh, which widens nothing: without its refresh token it asks the person.
  if (!canStepUp) provider.saved = { ...provider.saved, refresh_token: undefined };
  ({ client } = await connect(provider));
  const call = { name: "coder_workspace_ls", arguments: { workspace: "nothing-like-it", path: "/" } };
  let transport;
  try {
    await client.callTool(call);
    assert.fail("a tool beyond the scope was run");
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    transport = client.transport;
    await finish(transport, provider.callback.searchParams);
  }
  assert.equal(provider.asked.length, 2);
  const wanted = provider.asked[1].searchParams.get("scope").split(" ");
  assert.ok(wanted.includes("coder:workspaces.access"), `asked for ${wanted}`);
  await client.close();
  ({ client } = await connect(provider));
  const now = await client.callTool(call);
  assert.equal(now.isError, true, "a workspace that is not there answered");
  assert.notEqual(provider.saved.scope, before);
  await client.close();

  // The person ends the grant; the client asks again and goes on.
  const grants = await api("GET", "/oauth2-provider/grants");
  for (const grant of grants) {
    if (grant.client_id === provider.client.client_id) await api("DELETE", `/oauth2-provider/grants/${grant.id}`);
  }
  ({ client } = await connect(provider));
  await use(client);
  assert.equal(provider.asked.length, 3);
  await client.close();

  // The registration is gone: 401 invalid_client makes the client register anew, without anybody cleaning up.
  await api("DELETE", `/oauth2-provider/apps/${provider.client.client_id}`);
  ({ client } = await connect(provider));
  await use(client);
  assert.equal(provider.registered, 2);
  await client.close();
  console.log(JSON.stringify({ asked: provider.asked.length, registered: provider.registered }));
}
