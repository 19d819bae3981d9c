/* The workspace's script: clocks that count down, a queue that keeps itself fresh, keys.
   Every page works without it; the server decides what is shown, this only keeps it moving. */
"use strict";
{
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const announce = (text) => { const place = $("#announce"); if (place) place.textContent = text; };

  /* 1. Clocks ---------------------------------------------------------------------------------- */
  // The difference between this device's clock and the server's, from the page's own time stamp.
  const stamp = $("meta[name=server-now]");
  const drift = stamp ? Date.parse(stamp.content) - Date.now() : 0;
  const serverNow = () => Date.now() + drift;

  function compact(milliseconds) {
    const sign = milliseconds < 0 ? "−" : "";
    const total = Math.floor(Math.abs(milliseconds) / 1000);
    const days = Math.floor(total / 86400), hours = Math.floor((total % 86400) / 3600);
    const minutes = Math.floor((total % 3600) / 60), seconds = total % 60;
    const two = (number) => String(number).padStart(2, "0");
    if (days) return `${sign}${days}d ${hours}h`;
    if (hours) return `${sign}${hours}h ${two(minutes)}m`;
    return `${sign}${minutes}m ${two(seconds)}s`;
  }

  function enter(clock, state, word) {
    const sign = state === "breach" ? "s-breach" : "s-soon";
    for (const node of [clock, ...$$(".burn", clock.closest(".clockrow") || clock)]) {
      const prefix = node === clock ? (clock.dataset.clock || "clk--") : "burn--";
      node.classList.remove(...["ok", "soon", "breach"].map((name) => prefix + name));
      node.classList.add(prefix + state);
    }
    $("use", clock).setAttribute("href", `#${sign}`);
    $(".clk-w", clock).textContent = word;
    const about = clock.dataset.about || (clock.closest("tr") && $(".subj", clock.closest("tr")).textContent);
    if (about) announce(`${about}: ${word}`);
  }

  function tick() {
    const now = serverNow();
    for (const clock of $$("[data-clock]")) {
      const time = $("time", clock), left = Date.parse(time.dateTime) - now;
      time.textContent = compact(left);
      const prefix = clock.dataset.clock || "clk--";
      if (left < 0 && !clock.classList.contains(prefix + "breach")) enter(clock, "breach", clock.dataset.wordLate);
      else if (left >= 0 && clock.classList.contains(prefix + "ok") && now >= Date.parse(clock.dataset.soon)) {
        enter(clock, "soon", clock.dataset.wordSoon);
      }
    }
  }
  if ($("[data-clock]") || $("[data-live]")) window.setInterval(tick, 1000);

  /* 2. Choosing rows ----------------------------------------------------------------------------- */
  const boxes = () => $$("#result_list .action-select");
  const chosen = () => boxes().filter((box) => box.checked);

  function recount() {
    const counter = $(".action-counter[data-words]");
    if (!counter) return;
    counter.textContent = counter.dataset.words
      .replace("%(chosen)s", chosen().length).replace("%(all)s", boxes().length);
    const all = $("#action-toggle");
    if (all) {
      all.checked = boxes().length > 0 && chosen().length === boxes().length;
      all.indeterminate = chosen().length > 0 && !all.checked;
    }
  }

  if ($(".action-counter[data-words]")) {
    let last = null;
    document.addEventListener("click", (event) => {
      const box = event.target.closest(".action-select");
      if (event.target.id === "action-toggle") boxes().forEach((one) => { one.checked = event.target.checked; });
      else if (event.target.closest(".bulk-clear")) boxes().forEach((one) => { one.checked = false; });
      else if (box) {
        const rows = boxes();
        if (event.shiftKey && last && rows.includes(last)) {
          const [from, to] = [rows.indexOf(last), rows.indexOf(box)].sort((a, b) => a - b);
          rows.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
        }
        last = box;
      } else return;
      recount();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches(".action-select, #action-toggle")) event.preventDefault();
    });
    recount();
  }

  /* 3. The queue keeps itself fresh ---------------------------------------------------------------- */
  // The page is asked for again and its parts are exchanged: held back while something is selected.
  const PARTS = ["#content > h1", ".ws-views", "#changelist-form .results", "#changelist-form .paginator", ".bell"];

  function exchange(page) {
    const known = new Set($$("#result_list tr[data-id]").map((row) => row.dataset.id));
    const cursor = $("#result_list tr.is-cursor"), focused = document.activeElement;
    const place = focused && focused.closest("tr[data-id]");
    const scrolled = $(".results") ? $(".results").scrollTop : 0;
    for (const selector of PARTS) {
      const before = $(selector), after = $(selector, page);
      if (before && after) before.replaceWith(document.importNode(after, true));
    }
    for (const row of $$("#result_list tr[data-id]")) {
      if (known.size && !known.has(row.dataset.id)) row.classList.add("is-new", "is-flash");
      if (cursor && row.dataset.id === cursor.dataset.id) row.classList.add("is-cursor");
      if (place && row.dataset.id === place.dataset.id) $("a", row).focus();
    }
    if ($(".results")) $(".results").scrollTop = scrolled;
    tick();
    recount();
  }

  async function refresh() {
    const inUse = document.hidden || chosen().length || (document.activeElement && document.activeElement.closest(".ws-views, .actions"));
    if (inUse) return;
    try {
      const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!chosen().length) exchange(page);
    } catch {
      const live = $(".ws-live");
      if (live) live.classList.add("is-off");
    }
  }
  if ($("[data-live]")) {
    window.setInterval(refresh, Number($("[data-live]").dataset.live) * 1000);
    document.addEventListener("visibilitychange", refresh);
  }

  /* 4. Menus ------------------------------------------------------------------------------------------ */
  const openMenus = () => $$("details.menu[open]");
  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  /* 5. Keys: never while typing, never with a modifier ------------------------------------------------- */
  const typing = (node) => node.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

  function move(step) {
    const rows = $$("#result_list tr[data-id]");
    if (!rows.length) return false;
    const now = rows.findIndex((row) => row.classList.contains("is-cursor"));
    const next = rows[Math.min(rows.length - 1, Math.max(0, now + step))];
    rows.forEach((row) => row.classList.toggle("is-cursor", row === next));
    $("a", next).focus();
    return true;
  }

  const follow = (selector) => { const node = $(selector); if (node) node.click(); return Boolean(node); };

  function compose(kind) {
    const radio = $(`#kind-${kind}`);
    if (!radio) return false;
    radio.checked = true;
    $("#reply-text").focus();
    return true;
  }

  const KEYS = {
    j: () => move(1) || follow("[data-key=j]"),
    k: () => move(-1) || follow("[data-key=k]"),
    x: () => { const row = $("#result_list tr.is-cursor"); if (row) $(".action-select", row).click(); return Boolean(row); },
    t: () => follow("[data-key=t]"),
    r: () => compose("reply"),
    n: () => compose("note"),
    "/": () => { const box = $("#searchbar"); if (box) { box.focus(); box.select(); } return Boolean(box); },
    Escape: () => {
      const menus = openMenus();
      menus.forEach((menu) => { menu.open = false; $("summary", menu).focus(); });
      return menus.length > 0 || follow(chosen().length ? ".bulk-clear" : "[data-none]");
    },
  };

  document.addEventListener("keydown", (event) => {
    const send = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (send && event.target.id === "reply-text") {
      event.preventDefault();
      event.target.form.requestSubmit($($("#kind-note").checked ? ".composer-foot .btn--note" : ".composer-foot .split > .btn--go"));
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key !== "Escape" && typing(event.target)) return;
    if (KEYS[event.key] && KEYS[event.key]()) event.preventDefault();
  });

  /* 6. The ticket: begin at the end of the conversation, and send once ----------------------------------- */
  const talk = $(".talk");
  if (talk) talk.scrollTop = talk.scrollHeight;
  // Text that was typed and not sent: the browser asks before it is lost.
  let leaving = false;
  const text = $("#reply-text");
  window.addEventListener("beforeunload", (event) => {
    if (text && !leaving && text.value !== text.defaultValue) event.preventDefault();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    leaving = form.classList.contains("composer");
    window.setTimeout(() => { delete form.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));
}
