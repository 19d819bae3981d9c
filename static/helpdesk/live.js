/* Open screens: new notices appear by themselves, and the badge of unread ones keeps up.
   A websocket brings them at once; while there is none the page asks every half minute.
   Other scripts hear theirs as `live:KIND`, and say where this page is with `live:say` (live_ticket.js, live_queue.js). */
"use strict";
{
  const region = document.querySelector("[data-socket]");
  const POLL = 30000, PATIENCE = 10000, SILENCE = 100000, STAYS = 20000, LONGEST_PAUSE = 60000;  // milliseconds
  const NOT_YOURS = 4403;  // code of a socket whose session has ended
  const MOST = 3;

  /* 1. What is shown ------------------------------------------------------------------------------- */
  const known = new Set(region ? region.dataset.known.split(" ") : []);

  function badge(unread) {
    const bell = document.querySelector(".bell");
    bell.setAttribute("aria-label", bell.dataset.words.replace("#", unread || "0"));
    bell.classList.toggle("has-news", unread !== "");
    const number = bell.querySelector("b");
    number.textContent = unread;
    number.hidden = unread === "";
  }

  function dismiss(toast) {
    const next = toast.nextElementSibling || toast.previousElementSibling;
    const held = toast.contains(document.activeElement);
    toast.remove();
    if (held) (next ? next.querySelector("button") : document.querySelector(".bell")).focus();
  }

  function raise(notice) {
    const toast = document.querySelector("#toast").content.firstElementChild.cloneNode(true);
    const link = toast.querySelector("a");
    link.textContent = notice.text;
    if (notice.url) link.href = notice.url;
    toast.querySelector("button").addEventListener("click", () => dismiss(toast));
    let left = STAYS;  // it stays while somebody reads it, and while nobody sees the page
    const timer = window.setInterval(() => {
      if (!document.hidden && !toast.matches(":hover, :focus-within")) left -= 1000;
      if (left <= 0) toast.remove();
      if (!toast.isConnected) window.clearInterval(timer);
    }, 1000);
    region.append(toast);
  }

  function show(message) {
    if (message.kind !== "notices") {  // another script's: the queue's, say
      document.dispatchEvent(new CustomEvent(`live:${message.kind}`, { detail: message }));
      return;
    }
    badge(message.unread);
    if (message.unread === "") [...region.children].forEach(dismiss);  // read on another screen
    for (const notice of [...message.notices].reverse()) {
      if (!known.has(String(notice.id))) raise(notice);
      known.add(String(notice.id));
    }
    while (region.children.length > MOST) dismiss(region.firstElementChild);
  }

  /* 2. How it comes here --------------------------------------------------------------------------- */
  let socket = null, heard = 0, failures = 0, polling = null, over = false;
  const said = new Map();  // by kind: said again to each new socket

  function stopPolling() {
    window.clearInterval(polling);
    polling = null;
  }

  async function poll() {
    if (document.hidden) return;
    try {
      const answer = await fetch(region.dataset.socket, { redirect: "manual" });
      over = answer.type === "opaqueredirect" || answer.status === 404;  // signed out
      if (over) stopPolling();
      else if (answer.ok) show(await answer.json());
    } catch { /* no network: asked again */ }
  }

  function lose(lost, code) {
    if (lost !== socket) return;
    socket = null;
    lost.close();
    if (code === NOT_YOURS) { over = true; return; }
    if (!polling) { polling = window.setInterval(poll, POLL); poll(); }
    region.dataset.by = "asking";
    // Longer pauses each time, and not all screens at once.
    window.setTimeout(connect, Math.min(LONGEST_PAUSE, 1000 * 2 ** failures) * (0.5 + Math.random()));
    failures += 1;
  }

  function connect() {
    if (over) return;
    const address = new URL(region.dataset.socket, window.location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const own = new WebSocket(address);
    const tooLong = window.setTimeout(() => lose(own), PATIENCE);
    let greeted = false;
    socket = own;
    heard = Date.now();
    own.addEventListener("message", (event) => {
      window.clearTimeout(tooLong);
      stopPolling();
      region.dataset.by = "socket";
      failures = 0;
      heard = Date.now();
      if (!greeted) for (const message of said.values()) own.send(JSON.stringify(message));
      greeted = true;
      show(JSON.parse(event.data));
    });
    own.addEventListener("close", (event) => {
      window.clearTimeout(tooLong);
      lose(own, event.code);
    });
  }

  if (region) {
    document.addEventListener("live:say", (event) => {
      said.set(Object.keys(event.detail)[0], event.detail);
      if (socket && socket.readyState === WebSocket.OPEN && region.dataset.by === "socket") socket.send(JSON.stringify(event.detail));
    });
    region.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      dismiss(event.target.closest(".toast"));
    });
    connect();
    // The server says something every minute: a silent socket is a dead one, after a sleep of the device, say.
    window.setInterval(() => { if (socket && Date.now() - heard > SILENCE) lose(socket); }, 10000);
    document.addEventListener("visibilitychange", () => { if (polling) poll(); });
  }
}
