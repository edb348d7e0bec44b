// The part of an MCP client that both generations of the TypeScript SDK ask their host for: it remembers, and sends the person off.

import { randomUUID } from "node:crypto";
import { allow } from "./person.mjs";

export class Provider {
  constructor({ scope = undefined, clientInformation = undefined, clientMetadataUrl = undefined } = {}) {
    this.scope = scope;
    this.client = clientInformation;
    this.clientMetadataUrl = clientMetadataUrl;
    this.asked = [];
    this.registered = 0;
    this.invalidated = [];
  }
  get redirectUrl() {
    return "http://127.0.0.1:9876/callback";
  }
  get clientMetadata() {
    return {
      client_name: "Interoperability",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      ...(this.scope ? { scope: this.scope } : {}),
    };
  }
  state() {
    this.expected = randomUUID();
    return this.expected;
  }
  clientInformation() {
    return this.client;
  }
  saveClientInformation(client) {
    this.registered += 1;
    this.client = client;
  }
  tokens() {
    return this.saved;
  }
  saveTokens(tokens) {
    this.saved = tokens;
  }
  async redirectToAuthorization(address) {
    this.asked.push(address);
    this.callback = await allow(address);
    if (this.callback.searchParams.get("state") !== this.expected) throw new Error("another state came back");
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
  invalidateCredentials(what) {
    this.invalidated.push(what);
    if (what === "all" || what === "client") this.client = undefined;
    if (what === "all" || what === "tokens") this.saved = undefined;
  }
}
