// A terminal in a workspace. The id in the address names the session, so a reload finds the same shell again.
"use strict";
(() => {
  const place = document.getElementById("terminal");
  if (!place) return;
  const state = document.getElementById("state");
  const keys = document.getElementById("keys");
  const LONGEST_PAUSE = 10000;
  const SEQUENCES = { escape: "\x1b", tab: "\t", up: "\x1b[A", down: "\x1b[B", right: "\x1b[C", left: "\x1b[D" };

  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
  }

  function sessionId() {
    const address = new URL(location.href);
    const found = address.searchParams.get("reconnect");
    if (found && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(found)) return found;
    const made = newId();
    address.searchParams.set("reconnect", made);
    history.replaceState(null, "", address);
    return made;
  }

  const terminal = new Terminal({
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
    fontSize: innerWidth < 500 ? 13 : 14,
    scrollback: 10000,
    screenReaderMode: false,
    theme: { background: "#10191e", foreground: "#dbe5ea", cursor: "#8fd6ec", selectionBackground: "#2f5361" },
  });
  const fit = new FitAddon.FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  fit.fit();
  terminal.focus();

  const reconnect = sessionId();
  let socket = null;
  let pause = 500;
  let isControl = false;
  let isOver = false;

  function say(words) {
    state.textContent = words;
  }

  function send(message) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function sendSize() {
    send({ width: terminal.cols, height: terminal.rows });
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const query = new URLSearchParams({ reconnect, width: terminal.cols, height: terminal.rows });
    const address = `${scheme}//${location.host}/api/v2/workspaceagents/${place.dataset.agent}/pty?${query}`;
    let isFirst = true;
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      pause = 500;
      say("Connected");
      sendSize();
    });
    socket.addEventListener("message", (event) => {
      if (isFirst) {
        // The server replays what the shell has written so far.
        terminal.reset();
        isFirst = false;
      }
      const data = typeof event.data === "string" ? event.data : new Uint8Array(event.data);
      terminal.write(data);
    });
    socket.addEventListener("close", (event) => {
      if (isOver) return;
      if (event.code === 1000 && !isFirst) {
        say("The session has ended");
        terminal.write("\r\n\x1b[2m[The session has ended. Press Enter for a new one.]\x1b[0m\r\n");
        isOver = true;
        return;
      }
      if (event.code === 1008) {
        // The account or the session has ended, or the right to this workspace: trying again would be in vain.
        say("Your access has ended");
        terminal.write("\r\n\x1b[2m[Your access has ended. Press Enter to try again.]\x1b[0m\r\n");
        isOver = true;
        return;
      }
      say("Not connected; trying again …");
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    });
  }

  function type(text) {
    if (isOver) {
      if (text === "\r") {
        const address = new URL(location.href);
        address.searchParams.delete("reconnect");
        location.assign(address);
      }
      return;
    }
    let data = text;
    if (isControl && text.length === 1) {
      const code = text.toUpperCase().charCodeAt(0);
      if (code >= 64 && code < 96) data = String.fromCharCode(code - 64);
      setControl(false);
    }
    send({ data });
  }

  function setControl(isOn) {
    isControl = isOn;
    keys.querySelector('[data-key="control"]').setAttribute("aria-pressed", String(isOn));
  }

  async function copy() {
    const text = terminal.getSelection();
    if (text && navigator.clipboard) await navigator.clipboard.writeText(text);
  }

  async function paste() {
    if (navigator.clipboard) terminal.paste(await navigator.clipboard.readText());
  }

  terminal.onData(type);
  terminal.onBinary((text) => send({ data: text }));
  terminal.onResize(sendSize);
  // Ctrl+Shift+C copies; pasting is the browser's own Ctrl+Shift+V.
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.type === "keydown" && event.ctrlKey && event.shiftKey && event.code === "KeyC") {
      event.preventDefault();
      copy().catch(() => say("Copying was refused by the browser"));
      return false;
    }
    return true;
  });

  keys.addEventListener("pointerdown", (event) => event.preventDefault());
  keys.addEventListener("click", (event) => {
    const key = event.target.dataset ? event.target.dataset.key : undefined;
    if (!key) return;
    if (key === "control") setControl(!isControl);
    else if (key === "copy") copy().catch(() => say("Copying was refused by the browser"));
    else if (key === "paste") paste().catch(() => say("Pasting was refused by the browser"));
    else type(SEQUENCES[key]);
    terminal.focus();
  });

  new ResizeObserver(() => fit.fit()).observe(place);
  window.addEventListener("offline", () => say("No network"));
  connect();
})();
