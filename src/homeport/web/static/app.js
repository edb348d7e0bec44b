// What pages do beyond plain HTML: theme, live logs, live regions. Everything else works without this file.
"use strict";
(() => {
  const root = document.documentElement;

  function setUpTheme() {
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const isDark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = isDark ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        // Without storage the choice holds for this page.
      }
    });
  }

  // Streams by their element. Browsers allow few connections per site, so a hidden tab gives its own back.
  const streams = new Map();

  function attach(element, url, listen) {
    if (streams.has(element)) return;
    const entry = { source: null, open: null };
    entry.open = () => {
      if (entry.source || document.hidden) return;
      entry.source = new EventSource(url());
      entry.source.addEventListener("error", () => {
        // Broken lines are retried by the browser itself; a refusal (such as a server that just starts) is not.
        if (!entry.source || entry.source.readyState !== EventSource.CLOSED) return;
        pause(entry);
        leaveWhenSignedOut();
        setTimeout(() => streams.get(element) === entry && entry.open(), 5000);
      });
      listen(entry.source, () => detach(element));
    };
    streams.set(element, entry);
    entry.open();
  }

  // Whoever has been signed out goes where the answer was found: the sign-in page, whose address says why.
  function leavesWith(answer) {
    const isAtDoor = answer.redirected && new URL(answer.url).pathname === "/login";
    if (isAtDoor) location.assign(answer.url);
    return isAtDoor;
  }

  // A stream that is refused may be the end of the session; then the page itself leads to the sign-in page.
  async function leaveWhenSignedOut() {
    try {
      leavesWith(await fetch(location.href));
    } catch {
      // The server is away: the stream is tried again.
    }
  }

  function pause(entry) {
    if (entry.source) entry.source.close();
    entry.source = null;
  }

  function detach(element) {
    const entry = streams.get(element);
    if (entry) pause(entry);
    streams.delete(element);
  }

  document.addEventListener("visibilitychange", () => {
    for (const entry of streams.values()) {
      if (document.hidden) pause(entry);
      else entry.open();
    }
  });

  function addLine(list, line) {
    if (line.stage && line.stage !== list.dataset.stage) {
      const stage = document.createElement("li");
      stage.className = "stage";
      stage.textContent = line.stage;
      list.append(stage);
      list.dataset.stage = line.stage;
    }
    if (line.output === line.stage) return;
    const item = document.createElement("li");
    item.className = line.level;
    item.textContent = line.output;
    list.append(item);
  }

  function followLog(box) {
    const list = box.querySelector("ol");
    const empty = box.querySelector(".log-empty");
    const url = () => `${box.dataset.log}?after=${box.dataset.after}`;
    box.scrollTop = box.scrollHeight;
    attach(box, url, (source, stop) => {
      source.addEventListener("lines", (event) => {
        const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
        for (const line of JSON.parse(event.data)) {
          if (line.id <= Number(box.dataset.after)) continue;
          addLine(list, line);
          box.dataset.after = String(line.id);
        }
        if (empty) empty.remove();
        if (isAtEnd) box.scrollTop = box.scrollHeight;
      });
      source.addEventListener("end", () => {
        stop();
        box.removeAttribute("data-log");
        if (document.querySelector("[data-changes]")) refresh();
        else location.reload();
      });
    });
  }

  function followChanges(region) {
    attach(region, () => region.dataset.changes, (source, stop) => {
      source.addEventListener("changed", refresh);
      source.addEventListener("gone", (event) => {
        stop();
        location.assign(event.data);
      });
    });
  }

  let isDue = null;
  function refresh() {
    // Several changes at once are one refresh.
    if (isDue) return;
    isDue = setTimeout(() => {
      isDue = null;
      for (const region of document.querySelectorAll("[data-changes]")) {
        if (region.querySelector(":focus:is(input, select, textarea)")) continue;
        region.dispatchEvent(new CustomEvent("refresh"));
      }
    }, 120);
  }

  // A link from a mail holds its code behind the #, which no server sees; it leaves the address bar at once.
  function fillFromFragment() {
    const form = document.querySelector("form[data-from-fragment]");
    if (!form || !location.hash) return;
    const given = new URLSearchParams(location.hash.slice(1));
    const names = { email: "email", code: "one_time_passcode" };
    for (const [name, field] of Object.entries(names)) {
      const input = form.elements.namedItem(field);
      if (input && given.has(name)) input.value = given.get(name);
    }
    history.replaceState(null, "", location.pathname + location.search);
    form.elements.namedItem("password").focus();
  }

  function submitWhenDue() {
    const form = document.querySelector("form[data-submit-now]");
    if (!form || form.dataset.isSent) return;
    form.dataset.isSent = "true";
    form.requestSubmit();
  }

  function scan() {
    for (const element of [...streams.keys()]) if (!element.isConnected) detach(element);
    document.querySelectorAll("[data-changes]").forEach(followChanges);
    document.querySelectorAll("[data-log]").forEach(followLog);
    submitWhenDue();
    showSliders();
  }

  document.addEventListener("htmx:before:response", (event) => {
    if (leavesWith(event.detail.ctx.response.raw)) event.preventDefault();
  });

  // A region is refreshed by reading its own page again; a page without it (deleted) is shown whole.
  document.addEventListener("htmx:before:swap", (event) => {
    const region = event.detail.ctx && event.detail.ctx.sourceElement;
    if (!region || !region.matches("[data-changes]")) return;
    if (!String(event.detail.ctx.text || "").includes(`id="${region.id}"`)) {
      event.preventDefault();
      location.reload();
    }
  });
  document.addEventListener("htmx:after:swap", () => setTimeout(scan));
  document.addEventListener("htmx:after:settle", scan);

  // A form that was sent is not sent again by a second click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.isSubmitted) event.preventDefault();
    form.dataset.isSubmitted = "true";
    setTimeout(() => delete form.dataset.isSubmitted, 4000);
  });

  // On a phone the tabs of a page scroll sideways: the one that is open shall be seen.
  function showTab() {
    const tab = document.querySelector(".tabs [aria-current]");
    if (!tab) return;
    const row = tab.parentElement;
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }

  // A slider and the number beside it are one value; the number is what is sent. Browsers fill it in when somebody comes back.
  function showSliders() {
    for (const slider of document.querySelectorAll("input[data-number]")) {
      const number = document.getElementById(slider.dataset.number);
      if (number.value.trim() !== "") slider.value = number.value;
      slider.hidden = false;
    }
  }

  // Before others hear of it: they see both with the same value.
  function moveTogether(event) {
    const number = document.getElementById(event.target.dataset.number);
    if (number) number.value = event.target.value;
    else showSliders();
  }

  // An upload says how far it is. Its answer is a page: the next one, or this one with what was wrong.
  function setUpUploads() {
    for (const form of document.querySelectorAll("form[data-upload]"))
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send(form);
      });
  }

  function send(form) {
    const [bar, said, button] = ["[data-progress]", "[data-said]", "button"].map((each) => form.querySelector(each));
    const show = (words, isUnderWay = false) => {
      said.textContent = words;
      bar.hidden = !isUnderWay;
      button.disabled = isUnderWay;
    };
    const most = Number(form.dataset.upload);
    if (form.elements.namedItem("file").files[0].size > most) {
      show(`This file is larger than ${most / 1024 / 1024} MiB. Choose another one.`);
      return;
    }
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "document";
    request.upload.addEventListener("progress", (event) => {
      bar.firstElementChild.value = event.loaded / event.total;
      show(`${Math.floor((100 * event.loaded) / event.total)} % uploaded`, true);
    });
    request.upload.addEventListener("load", () => show("Uploaded. The archive is being checked …", true));
    request.addEventListener("error", () => show("The upload was broken off. Try again."));
    request.addEventListener("load", () => {
      const main = request.response && request.response.querySelector("main");
      if (request.status < 400 && request.responseURL !== form.action) location.assign(request.responseURL);
      else if (main) {
        document.querySelector("main").replaceWith(document.adoptNode(main));
        setUpUploads();
        (document.querySelector("main [aria-invalid]") || main).focus();
      } else show("The server refused the upload. Try again.");
    });
    show("0 % uploaded", true);
    request.send(new FormData(form));
  }

  setUpTheme();
  document.addEventListener("input", moveTogether, true);
  addEventListener("pageshow", showSliders);
  setUpUploads();
  showTab();
  fillFromFragment();
  scan();
})();
