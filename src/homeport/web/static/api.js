// The page about the HTTP API: lists what openapi.json describes, and sends requests with the token of the Authorize button.
// No request of this page carries a cookie: each leaves out what the browser would add by itself (credentials: "omit").
"use strict";
(() => {
  const DOCUMENT = "/swagger/openapi.json";
  const SCHEME = "CoderSessionToken";
  const MOST_SHOWN = 200_000;
  const METHODS = ["get", "post", "put", "patch", "delete"];
  let api = null;
  let token = "";

  const byId = (id) => document.getElementById(id);

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "text") element.textContent = value;
      else if (value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  // Names stand between backticks in the document's sentences.
  function sentence(text) {
    return make("p", {}, ...text.split("`").map((part, number) => (number % 2 ? make("code", { text: part }) : part)));
  }

  function send(url, options = {}) {
    return fetch(url, { ...options, credentials: "omit", cache: "no-store", redirect: "manual", referrerPolicy: "no-referrer" });
  }

  // Schemas. They refer to each other, some to themselves.
  function resolve(schema) {
    for (let steps = 0; schema && schema.$ref && steps < 20; steps += 1) {
      schema = schema.$ref.slice(2).split("/").reduce((found, part) => found && found[part], api);
    }
    return schema || {};
  }

  function nameOf(schema) {
    if (!schema) return "";
    if (schema.$ref) return schema.$ref.split("/").pop();
    const choices = schema.oneOf || schema.anyOf;
    if (choices) return choices.map(nameOf).join(" or ");
    if (schema.type === "array") return `list of ${nameOf(schema.items) || "anything"}`;
    const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type || "anything";
    return schema.format ? `${type} (${schema.format})` : type;
  }

  function example(schema, depth = 0) {
    const found = resolve(schema);
    if (found.default !== undefined) return found.default;
    if (found.enum) return found.enum[0];
    const choices = found.oneOf || found.anyOf;
    if (choices) return example(choices.find((one) => one.type !== "null") || choices[0], depth);
    if (found.type === "object" || found.properties) {
      if (depth > 4) return {};
      const names = Object.keys(found.properties || {}).filter((name) => !found.required || found.required.includes(name));
      return Object.fromEntries(names.map((name) => [name, example(found.properties[name], depth + 1)]));
    }
    if (found.type === "array") return [];
    if (found.type === "integer" || found.type === "number") return 0;
    if (found.type === "boolean") return false;
    return "";
  }

  function fieldsOf(schema) {
    const found = resolve(schema);
    const items = found.type === "array" ? resolve(found.items) : found;
    const rows = Object.entries(items.properties || {}).map(([name, field]) =>
      make("tr", {}, make("th", { scope: "row" }, make("code", { text: name })), make("td", { text: nameOf(field) }),
        make("td", { text: [(items.required || []).includes(name) ? "required" : "", resolve(field).description || ""]
          .filter(Boolean).join("; ") })));
    if (!rows.length) return null;
    const head = make("tr", {}, ...["Field", "Type", "Meaning"].map((text) => make("th", { scope: "col", text })));
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Fields" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  }

  function contentOf(described) {
    const [kind, content] = Object.entries((described && described.content) || {})[0] || ["", null];
    return { kind, schema: content && content.schema };
  }

  function describe(title, described) {
    const { kind, schema } = contentOf(described);
    const words = [described.description, nameOf(schema) && `${nameOf(schema)} (${kind})`].filter(Boolean).join(" · ");
    const box = make("div", { class: "api-part" }, make("h3", { text: title }), sentence(words || "No content."));
    const fields = schema && fieldsOf(schema);
    if (fields) box.append(make("details", {}, make("summary", { text: "Fields" }), fields));
    return box;
  }

  function securityOf(operation) {
    const choices = operation.security || [];
    if (!choices.length || choices.every((one) => !Object.keys(one).length)) return "Anybody may ask.";
    const names = [...new Set(choices.flatMap((one) => Object.keys(one)))].map((name) => api.components.securitySchemes[name].name);
    const isOptional = choices.some((one) => !Object.keys(one).length);
    return `${isOptional ? "Better with" : "Needs"} the header ${names.join(" or ")}.`;
  }

  function inputOf(parameter, id) {
    const schema = resolve(parameter.schema);
    const isNeeded = parameter.required === true;
    const input = schema.enum
      ? make("select", { id }, ...(isNeeded ? [] : [make("option", { value: "", text: "" })]),
        ...schema.enum.map((value) => make("option", { value, text: value })))
      : make("input", { id, type: "text", autocomplete: "off", spellcheck: "false" });
    if (isNeeded) input.required = true;
    const words = `${parameter.name} (${parameter.in}${isNeeded ? ", required" : ""})`;
    const label = make("label", { class: "field" }, make("span", { text: words }), input);
    if (parameter.description) label.append(make("small", { class: "quiet", text: parameter.description }));
    return { label, input };
  }

  function fill(details, method, path, operation) {
    const id = operation.operationId;
    const inputs = (operation.parameters || []).map((parameter, number) =>
      ({ parameter, ...inputOf(parameter, `${id}-${number}`) }));
    const asked = contentOf(operation.requestBody);
    const body = operation.requestBody && make("textarea", { rows: 8, spellcheck: "false", class: "mono" });
    const form = make("form", { class: "api-form" }, ...inputs.map((one) => one.label));
    if (body) {
      if (asked.kind === "application/json") body.value = JSON.stringify(example(asked.schema), null, 2);
      form.append(make("label", { class: "field" }, make("span", { text: `Body (${asked.kind})` }), body));
    }
    const stop = make("button", { type: "button", text: "Stop", hidden: true });
    form.append(make("div", { class: "actions" }, make("button", { class: "primary", text: "Send" }), stop));
    const answer = make("div", { class: "api-answer", role: "status" });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(method, target(path, inputs), headersOf(inputs, body && asked.kind), body && body.value, answer, stop);
    });
    const about = make("div", { class: "api-about" }, sentence(operation.description || operation.summary || ""),
      make("p", { class: "quiet", text: securityOf(operation) }), form, answer);
    if (operation.requestBody) about.append(describe("Body", operation.requestBody));
    for (const [status, described] of Object.entries(operation.responses || {})) about.append(describe(`Answer ${status}`, described));
    details.append(about);
  }

  function target(path, inputs) {
    const query = new URLSearchParams();
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "query" && input.value !== "") query.append(parameter.name, input.value);
    }
    return String(query) ? `${path}?${query}` : path;
  }

  function headersOf(inputs, kind) {
    const headers = { Accept: "application/json, */*" };
    for (const { parameter, input } of inputs) if (parameter.in === "header" && input.value) headers[parameter.name] = input.value;
    if (kind) headers["Content-Type"] = kind;
    if (token) headers[api.components.securitySchemes[SCHEME].name] = token;
    return headers;
  }

  async function ask(method, url, headers, body, answer, stop) {
    const control = new AbortController();
    stop.hidden = false;
    stop.onclick = () => control.abort();
    const line = make("p", { text: `${method.toUpperCase()} ${url} …` });
    const shown = make("pre", { tabindex: "0", "aria-label": "Answer" });
    answer.replaceChildren(line);
    try {
      const reply = await send(url, { method: method.toUpperCase(), headers, body: body || undefined, signal: control.signal });
      const kind = reply.headers.get("content-type") || "";
      line.textContent = reply.type === "opaqueredirect" ? "The answer leads to another address." : `${reply.status} ${kind}`;
      answer.append(shown);
      await show(reply, kind, shown);
      if (!shown.textContent) shown.remove();
    } catch (error) {
      line.textContent += control.signal.aborted ? " (stopped)" : ` There was no answer: ${error.message}`;
    }
    stop.hidden = true;
  }

  async function show(reply, kind, shown) {
    if (!reply.body) return;
    const isText = /json|text|event-stream|xml|urlencoded/.test(kind);
    const decoder = new TextDecoder();
    let size = 0;
    for (let reader = reply.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (isText) shown.textContent += decoder.decode(value, { stream: true });
      else shown.textContent = `${size} bytes of ${kind || "no type"}`;
      if (size > MOST_SHOWN) {
        await reader.cancel();
        shown.textContent += "\n… The rest is not shown.";
        return;
      }
    }
    if (/json/.test(kind) && !/seq|lines|ndjson/.test(kind)) {
      try {
        shown.textContent = JSON.stringify(JSON.parse(shown.textContent), null, 2);
      } catch {
        // It is shown as it came.
      }
    }
  }

  function list() {
    const byTag = new Map();
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const method of METHODS.filter((name) => methods[name])) {
        const operation = methods[method];
        const tag = (operation.tags || ["Other"])[0];
        const details = make("details", { class: "api-operation", id: operation.operationId },
          make("summary", {}, make("span", { class: `api-method ${method}`, text: method.toUpperCase() }), " ",
            make("code", { text: path }), " ", make("span", { class: "quiet", text: operation.summary || "" })));
        details.dataset.words = `${method} ${path} ${operation.summary} ${tag}`.toLowerCase();
        details.addEventListener("toggle", () => fill(details, method, path, operation), { once: true });
        if (!byTag.has(tag)) byTag.set(tag, make("section", {}, make("h2", { text: tag })));
        byTag.get(tag).append(details);
      }
    }
    byId("operations").replaceChildren(...[...byTag.keys()].sort().map((tag) => byTag.get(tag)));
  }

  function find() {
    const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const section of byId("operations").children) {
      let isAny = false;
      for (const details of section.querySelectorAll(".api-operation")) {
        details.hidden = !words.every((word) => details.dataset.words.includes(word));
        if (!details.hidden) { isAny = true; count += 1; }
      }
      section.hidden = !isAny;
    }
    byId("state").textContent = `${count} operations of ${api.info.title} ${api.info.version}.`;
  }

  function authorize(value) {
    token = value.trim();
    byId("token").value = "";
    byId("forget").disabled = !token;
    byId("authorized").textContent = token ? "Requests are sent with your token." : "Requests are sent without a credential.";
  }

  byId("authorize").addEventListener("submit", (event) => {
    event.preventDefault();
    if (byId("token").value.trim()) authorize(byId("token").value);
  });
  byId("forget").addEventListener("click", () => authorize(""));
  byId("find").addEventListener("input", () => api && find());
  send(DOCUMENT).then((reply) => reply.json()).then((found) => {
    api = found;
    list();
    find();
    const wanted = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (wanted && wanted.matches(".api-operation")) {
      wanted.open = true;
      wanted.scrollIntoView();
    }
  }).catch((error) => {
    byId("state").textContent = `The document could not be read: ${error.message}`;
  });
})();
