// What the person does: the consent page by HTTP, with the session token from the environment.

const session = { "Coder-Session-Token": process.env.PERSON_TOKEN };

/** Allow what an authorization address asks for; returns the callback with the answer. */
export async function allow(address) {
  const page = await fetch(address, { headers: session, redirect: "manual" });
  if (page.status === 302 || page.status === 303) return new URL(page.headers.get("location"));
  const text = await page.text();
  const token = /name="csrf_token"[^>]*value="([^"]*)"/.exec(text);
  if (page.status !== 200 || token === null) throw new Error(`no consent page: ${page.status} ${text.slice(0, 300)}`);
  const reply = await fetch(address, {
    method: "POST",
    headers: session,
    body: new URLSearchParams({ csrf_token: token[1] }),
    redirect: "manual",
  });
  if (reply.status !== 303 && reply.status !== 302) throw new Error(`not allowed: ${reply.status} ${await reply.text()}`);
  return new URL(reply.headers.get("location"));
}

/** Call the HTTP API as the person. */
export async function api(method, path) {
  const reply = await fetch(`${process.env.SERVER_URL}/api/v2${path}`, { method, headers: session });
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return reply.status === 204 ? undefined : reply.json();
}
