// An identity provider of other people, npm oidc-provider, in memory on loopback: people of Homeport sign in by it.
// The address is printed as one line of JSON. Whoever comes is ada, unless /control/person says another. Its clock runs on by
// /control/clock?seconds=…, its keys are others after /control/rotate, and /control/log tells which grants it was asked for.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { CALLBACK, CLIENT_SECRET, ACCESS_TOKEN_SECONDS = "3600" } = process.env;
const realNow = Date.now;
let shift = 0;
Date.now = () => realNow() + shift;

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const log = [];
let person = "ada";
let serial = 0;
let provider;
let serve;

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  serial += 1;
  return { ...privateKey.export({ format: "jwk" }), kid: `key-${serial}`, use: "sig", alg: "RS256" };
}

// What the provider has granted, for all its instances: one of its own has each a storage of its own.
const stored = new Map();
class Storage {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model} ${id}`;
  }
  async upsert(id, payload, seconds) {
    stored.set(this.key(id), { model: this.model, payload, ends: seconds ? Date.now() + seconds * 1000 : Infinity });
  }
  async find(id) {
    const found = stored.get(this.key(id));
    return found && found.ends > Date.now() ? found.payload : undefined;
  }
  async findByUid(uid) {
    const all = [...stored.values()].filter((found) => found.model === this.model && found.ends > Date.now());
    return all.find((found) => found.payload.uid === uid)?.payload;
  }
  async consume(id) {
    stored.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    stored.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, found] of stored) if (found.payload.grantId === grantId) stored.delete(key);
  }
}

// Another instance on the same storage: what it has granted stays, what it has signed before cannot be verified any more.
function begin() {
  provider = new Provider(issuer, {
    adapter: Storage,
    clients: [{
      client_id: "homeport",
      client_secret: CLIENT_SECRET,
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    }],
    jwks: { keys: [newKey()] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username", "groups"] },
    scopes: ["openid", "email", "profile"],
    pkce: { required: () => true },
    cookies: { keys: ["of the tests"] },
    interactions: { url: (_context, interaction) => `/consent/${interaction.uid}` },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.com`,
        email_verified: true,
        name: `${id} of the provider`,
        preferred_username: id,
        groups: ["analysts"],
      }),
    }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => true,
    ttl: { AccessToken: Number(ACCESS_TOKEN_SECONDS), RefreshToken: 86400, Session: 10 * 86400, Grant: 10 * 86400 },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  });
  provider.on("grant.success", (context) => log.push(`${context.oidc.params.grant_type} granted`));
  provider.on("grant.error", (context, error) => log.push(`${context.oidc?.params?.grant_type} ${error.error}`));
  serve = provider.callback();
}

async function consent(request, response) {
  const asked = await provider.interactionDetails(request, response);
  const accountId = asked.session?.accountId ?? person;
  const grant = new provider.Grant({ accountId, clientId: asked.params.client_id });
  grant.addOIDCScope(asked.params.scope);
  const given = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, given, { mergeWithLastSubmission: false });
}

function control(url, response) {
  if (url.pathname === "/control/clock") shift += 1000 * Number(url.searchParams.get("seconds"));
  if (url.pathname === "/control/person") person = url.searchParams.get("name");
  if (url.pathname === "/control/rotate") begin();
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(log));
}

begin();
server.on("request", (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname.startsWith("/control/")) return control(url, response);
  if (!url.pathname.startsWith("/consent/")) return serve(request, response);
  consent(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
console.log(JSON.stringify({ url: issuer }));
