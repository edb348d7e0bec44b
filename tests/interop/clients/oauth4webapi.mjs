// oauth4webapi: an OAuth client that forgives nothing. http on loopback is the one exception that it is asked for.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { allow } from "./person.mjs";

const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(process.env.SERVER_URL);
const resource = new URL(`${process.env.SERVER_URL}/mcp`);
const redirect = "http://127.0.0.1:9876/callback";

const found = await oauth.resourceDiscoveryRequest(resource, insecure);
const described = await oauth.processResourceDiscoveryResponse(resource, found);
assert.deepEqual(described.authorization_servers, [process.env.SERVER_URL]);
const metadata = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" });
const server = await oauth.processDiscoveryResponse(issuer, metadata);
assert.equal(server.authorization_response_iss_parameter_supported, true);

async function register(more) {
  const body = { client_name: "Strict", redirect_uris: [redirect], ...more };
  const reply = await oauth.dynamicClientRegistrationRequest(server, body, insecure);
  return oauth.processDynamicClientRegistrationResponse(reply);
}

async function getTokens(client, authentication) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const address = new URL(server.authorization_endpoint);
  const wanted = {
    client_id: client.client_id, redirect_uri: redirect, response_type: "code", state, resource: resource.href,
    scope: "coder:workspaces.read coder:workspaces.create", code_challenge_method: "S256",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  };
  for (const [name, value] of Object.entries(wanted)) address.searchParams.set(name, value);
  const answer = oauth.validateAuthResponse(server, client, await allow(address), state);
  const reply = await oauth.authorizationCodeGrantRequest(server, client, authentication, answer, redirect, verifier, insecure);
  return oauth.processAuthorizationCodeResponse(server, client, reply);
}

// A public client, and confidential ones by both ways of sending a secret.
const kinds = [
  ["none", () => oauth.None()],
  ["client_secret_basic", (client) => oauth.ClientSecretBasic(client.client_secret)],
  ["client_secret_post", (client) => oauth.ClientSecretPost(client.client_secret)],
];
for (const [method, make] of kinds) {
  const client = await register({ token_endpoint_auth_method: method });
  assert.equal(client.token_endpoint_auth_method, method);
  const authentication = make(client);
  const tokens = await getTokens(client, authentication);
  assert.equal(tokens.token_type, "bearer");
  assert.equal(typeof tokens.expires_in, "number");

  const reply = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure);
  const renewed = await oauth.processRefreshTokenResponse(server, client, reply);
  assert.notEqual(renewed.access_token, tokens.access_token);
  if (method !== "none") {
    const shown = await oauth.introspectionRequest(server, client, authentication, renewed.access_token, insecure);
    const active = await oauth.processIntrospectionResponse(server, client, shown);
    assert.equal(active.active, true);
    assert.equal(active.client_id, client.client_id);
    assert.equal(active.iss, process.env.SERVER_URL);
    assert.equal(active.aud, resource.href);
  }
  const ended = await oauth.revocationRequest(server, client, authentication, renewed.refresh_token, insecure);
  await oauth.processRevocationResponse(ended);
  const late = await oauth.refreshTokenGrantRequest(server, client, authentication, renewed.refresh_token, insecure);
  await assert.rejects(() => oauth.processRefreshTokenResponse(server, client, late), (error) => error.error === "invalid_grant");
}

// A client that has only its id and a wrong secret.
const client = await register({ token_endpoint_auth_method: "client_secret_basic" });
const refused = await oauth.clientCredentialsGrantRequest(server, client, oauth.ClientSecretBasic("wrong"), {}, insecure);
await assert.rejects(
  () => oauth.processClientCredentialsResponse(server, client, refused),
  (error) => error instanceof oauth.WWWAuthenticateChallengeError || error.error === "invalid_client",
);
console.log("ok");
