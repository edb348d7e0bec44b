// Another authorization server, npm oidc-provider, in memory on loopback: the table of test_black_box.py is held against it, too.
// The address is printed as one line of JSON. Whoever comes is signed in and has allowed everything; `/consent/…?deny` refuses.

import { createServer } from "node:http";
import Provider, { errors } from "oidc-provider";

const SCOPE = "read write";
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const resources = new Set([`${issuer}/resource`, `${issuer}/other`]);

function getResourceServerInfo(_context, resource) {
  if (!resources.has(resource)) throw new errors.InvalidTarget();
  return { scope: SCOPE, audience: resource, accessTokenFormat: "opaque" };
}

const ofItsOwn = (_context, client, token) => token.clientId === client.clientId;
const provider = new Provider(issuer, {
  scopes: SCOPE.split(" "),
  responseTypes: ["code"],
  clientDefaults: { grant_types: ["authorization_code", "refresh_token"] },
  cookies: { keys: ["of the tests"] },
  interactions: { url: (_context, interaction) => `/consent/${interaction.uid}` },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: (_context, client) => client.grantTypeAllowed("refresh_token"),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: ofItsOwn },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
    resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true },
    revocation: { enabled: true, allowedPolicy: ofItsOwn },
  },
});

async function answer(request, response) {
  const asked = await provider.interactionDetails(request, response);
  if (new URL(request.url, issuer).searchParams.has("deny")) {
    const refusal = { error: "access_denied", error_description: "The person has refused." };
    return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
  }
  const accountId = asked.session?.accountId ?? "ada";
  const grant = new provider.Grant({ accountId, clientId: asked.params.client_id });
  const scope = asked.params.scope ?? "read";
  grant.addOIDCScope(scope);
  for (const resource of [asked.params.resource ?? []].flat()) grant.addResourceScope(resource, scope);
  const given = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, given, { mergeWithLastSubmission: false });
}

const serve = provider.callback();
server.on("request", (request, response) => {
  if (!request.url.startsWith("/consent/")) return serve(request, response);
  answer(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
console.log(JSON.stringify({ url: issuer }));
