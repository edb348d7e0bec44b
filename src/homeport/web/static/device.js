// The page of the device flow: asks for a code, shows it, and asks at the provider's pace what became of it (RFC 8628).
"use strict";
(() => {
  const page = document.querySelector("[data-device]");
  if (!page) return;
  const parts = (name) => page.querySelector(`[data-part="${name}"]`);
  const [code, problem, status] = ["code", "problem", "status"].map(parts);
  const LONGEST_PAUSE = 60;
  // A number for each code that was asked for: what an older one hears no longer counts.
  let turn = 0;
  let timer = 0;
  let isAsking = false;
  let device = null;

  function say(words) {
    if (status.textContent !== words) status.textContent = words;
  }

  function stop(words, { canRenew = true } = {}) {
    clearTimeout(timer);
    device = null;
    code.hidden = true;
    problem.hidden = false;
    parts("words").textContent = words;
    parts("renew").hidden = !canRenew;
    say("");
    (canRenew ? parts("renew") : parts("back")).focus();
  }

  async function get(url) {
    const answer = await fetch(url, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      redirect: "error",
    });
    const body = await answer.json().catch(() => ({}));
    return { answer, body };
  }

  function secondsToWait(answer) {
    const seconds = Number(answer && answer.headers.get("retry-after"));
    return Number.isFinite(seconds) && seconds > 0 ? seconds : 0;
  }

  async function begin() {
    const mine = ++turn;
    problem.hidden = true;
    code.hidden = true;
    say("Asking GitHub for a code…");
    let found;
    try {
      found = await get(page.dataset.begin);
    } catch {
      if (mine === turn) stop("The server cannot be reached.");
      return;
    }
    if (mine !== turn) return;
    if (!found.answer.ok) {
      stop(found.body.message || "The server gave no code.");
      return;
    }
    device = {
      ...found.body,
      pause: Math.max(found.body.interval, 1),
      failures: 0,
      endsAt: Date.now() + found.body.expires_in * 1000,
      dueAt: 0,
    };
    show();
    schedule(device.pause);
  }

  function show() {
    parts("user-code").textContent = device.user_code;
    parts("link").href = device.verification_uri;
    parts("copied").textContent = "";
    code.hidden = false;
    say("Waiting for the code to be typed at GitHub.");
  }

  function schedule(seconds) {
    clearTimeout(timer);
    device.dueAt = Date.now() + seconds * 1000;
    timer = setTimeout(poll, seconds * 1000);
  }

  async function poll() {
    if (!device || isAsking) return;
    if (Date.now() >= device.endsAt) {
      stop("The code has expired before it was typed.");
      return;
    }
    const mine = turn;
    const query = new URLSearchParams({ code: device.device_code, state: page.dataset.state });
    isAsking = true;
    let found = null;
    try {
      found = await get(`${page.dataset.poll}?${query}`);
    } catch {
      // Said below: the line to the server is broken.
    } finally {
      isAsking = false;
    }
    if (mine === turn && device) hear(found);
  }

  function hear(found) {
    const outcome = found ? found.answer.status : 0;
    if (outcome === 200) {
      succeed(found.body.redirect_url);
    } else if (outcome === 400 && found.body.detail === "authorization_pending") {
      device.failures = 0;
      say("Waiting for the code to be typed at GitHub.");
      schedule(device.pause);
    } else if (outcome === 400 && found.body.detail === "slow_down") {
      // RFC 8628 section 3.5: five seconds more from now on, or what the provider names.
      device.failures = 0;
      device.pause = Math.max(device.pause + 5, secondsToWait(found.answer));
      say(`GitHub wants to be asked less often: asking every ${device.pause} seconds.`);
      schedule(device.pause);
    } else if (outcome === 0 || outcome === 429 || outcome > 500) {
      device.failures += 1;
      const pause = Math.min(device.pause * 2 ** device.failures, LONGEST_PAUSE);
      const seconds = Math.max(pause, secondsToWait(found && found.answer));
      say(`${(found && found.body.message) || "The server cannot be reached."} Trying again in ${Math.round(seconds)} seconds.`);
      schedule(seconds);
    } else {
      // Whoever may not come in, or has lost the cookie, would be refused with another code as well. A conversion that is
      // refused is over; what became of the code alone is a word.
      const isOver = page.hasAttribute("data-converts") && !/^[a-z_]+$/.test(found.body.detail || "");
      const more = outcome === 403 && found.body.detail ? ` ${found.body.detail}` : "";
      stop((found.body.message || "The sign-in did not succeed.") + more, {
        canRenew: outcome === 500 || (outcome === 400 && !isOver),
      });
    }
  }

  function succeed(path) {
    clearTimeout(timer);
    device = null;
    say("Done. Going on…");
    const target = new URL(path || "/", location.origin);
    location.assign(target.origin === location.origin ? target.href : "/");
  }

  async function copy() {
    const text = parts("user-code").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https there is no such clipboard.
      getSelection().selectAllChildren(parts("user-code"));
      document.execCommand("copy");
    }
    parts("copied").textContent = "Copied.";
  }

  parts("copy").addEventListener("click", copy);
  parts("renew").addEventListener("click", begin);
  // Browsers slow the clocks of hidden tabs, and people come back from GitHub's: what is due then is asked at once.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && device && Date.now() >= device.dueAt) poll();
  });
  begin();
})();
