/* The queue keeps itself fresh. Over the socket come the rows of tickets that changed, ready to be put in their
   place; now and then, and while there is no socket, the page is asked for again and its parts are exchanged.
   Nothing moves while tickets are selected: what came meanwhile is counted, and shown on request. */
"use strict";
{
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const queue = $(".results[data-live]");
  const PARTS = ["#content > h1", ".ws-views", "#changelist-form .results", "#changelist-form .paginator", ".bell"];
  const FADES = 6000, SOON = [2000, 8000], LATER = [20000, 40000], ANYWAY = [60000, 90000], REST = 12000;  // milliseconds
  const me = $("[data-me]") ? Number($("[data-me]").dataset.me) : 0;

  const list = () => $("#result_list tbody");
  const chosen = () => $$("#result_list .action-select:checked");
  const rowOf = (id) => $(`#result_list tr[data-id="${id}"]`);
  const between = ([from, to]) => Date.now() + from + Math.random() * (to - from);
  const bySocket = () => Boolean($(".toasts[data-by=socket]"));
  const tidy = () => document.dispatchEvent(new Event("workspace:rows"));

  /* 1. Rows, one by one ------------------------------------------------------------------------------ */
  function dueOf(row) {
    const time = $(".field-clock [data-clock] time", row);
    return time ? Date.parse(time.dateTime) : Infinity;
  }
  const comesBefore = (row, other) => dueOf(row) < dueOf(other) || (dueOf(row) === dueOf(other) && Number(row.dataset.id) < Number(other.dataset.id));

  function made(html) {
    const table = new DOMParser().parseFromString(`<table>${html}</table>`, "text/html");
    const row = document.importNode($("tr[data-id]", table), true);
    const link = $(".field-subject a", row);
    link.setAttribute("href", link.getAttribute("href").split("?")[0] + $(".results").dataset.carried);
    return row;
  }

  function put({ html }) {
    const row = made(html), before = rowOf(row.dataset.id), isNew = !before;
    const rows = $$("tr[data-id]", list()).filter((other) => other !== before);
    const next = rows.find((other) => comesBefore(row, other));
    if (isNew && !next && $("#changelist-form .paginator a[rel=next]")) return;  // it is on a later page
    const focus = before && before.contains(document.activeElement) ? document.activeElement.className || "a" : "";
    if (before) {
      row.classList.toggle("is-cursor", before.classList.contains("is-cursor"));
      $(".action-select", row).checked = $(".action-select", before).checked;
      const here = $(".field-seen", before);
      if (here) $(".field-seen", row).replaceWith(here);
    } else {
      row.classList.add("is-new");
      count(1);
    }
    if (before && before.classList.contains("is-gone")) count(1);  // it is back
    row.classList.add("is-flash");
    const stays = before && before.nextElementSibling === (next || null);
    if (stays) before.replaceWith(row);
    else {
      if (before) before.remove();
      list().insertBefore(row, next || null);
    }
    if (focus) (focus.includes("action-select") ? $(".action-select", row) : $("a", row)).focus({ preventScroll: true });
  }

  /* The view's own sum follows at once; the others come with the page. */
  function count(step) {
    for (const place of [$(".ws-sum b"), $(".ws-views a[aria-current] .n")]) {
      const text = place && place.lastChild;
      if (text && /^\s*\d+\s*$/.test(text.textContent)) text.textContent = String(Math.max(0, Number(text.textContent) + step));
    }
  }

  /* The counts of all views, as the server has them now. */
  function hearCounts({ counts }) {
    for (const [name, shown] of Object.entries(counts)) {
      const link = $(`.ws-views a[data-view="${name}"]`);
      if (!link) continue;
      const place = $(".n", link);
      if (place.lastChild) place.lastChild.textContent = ` ${shown}`;
      else place.textContent = shown;
      if (link.dataset.tone) link.classList.toggle(link.dataset.tone, shown !== "0");
    }
  }

  function takeAway({ id, why }) {
    const row = rowOf(id);
    if (!row || row.classList.contains("is-gone")) return;
    row.classList.add("is-gone");
    count(-1);
    Object.assign($(".action-select", row), { checked: false, disabled: true });
    if (why) {
      const words = document.createElement("span");
      words.className = "flag";
      words.textContent = why;
      $(".field-subject .in", row).append(words);
      if (row.classList.contains("is-cursor")) $("#announce").textContent = `PS-${id}: ${why}`;
    }
    const leave = () => {
      if (!row.isConnected) return;
      if (row.matches(":hover, :focus-within")) { window.setTimeout(leave, 1000); return; }
      row.remove();
      tidy();
    };
    window.setTimeout(leave, FADES);
  }

  /* 2. Who looks at it ---------------------------------------------------------------------------------- */
  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), part = document.createElementNS(svg.namespaceURI, "use");
    svg.setAttribute("class", "i i--s");
    svg.setAttribute("aria-hidden", "true");
    part.setAttribute("href", `#i-${name}`);
    svg.append(part);
    return svg;
  }

  function look(id, people) {
    const cell = rowOf(id) && $(".field-seen", rowOf(id));
    if (!cell) return;
    const seen = document.createElement("span");
    seen.className = "seen";
    for (const one of people.filter((person) => person.id !== me)) {
      const who = document.createElement("span"), initials = document.createElement("span"), name = document.createElement("span");
      who.title = one.name;
      initials.textContent = one.initials;
      initials.setAttribute("aria-hidden", "true");
      name.textContent = one.name;
      name.className = "visually-hidden";
      who.append(icon(one.typing ? "pen" : "eye"), initials, name);
      seen.append(who);
    }
    cell.replaceChildren(...(seen.childElementCount ? [seen] : []));
  }

  /* 3. What comes over the socket; held back while tickets are selected ----------------------------------- */
  const held = new Map();  // by ticket: what is to be done to its row

  let asOf = "";  // of what is held; whoever takes a ticket says how fresh the rows were that they saw

  function apply() {
    for (const act of held.values()) act();
    held.clear();
    if (asOf) $("[name=shown_at]").value = asOf;
    sayHeld();
    tidy();
  }

  function sayHeld() {
    const line = $(".held");
    if (!line) return;
    const fresh = [...held.keys()].filter((id) => !rowOf(id)).length;
    line.hidden = held.size === 0;
    $("span", line).textContent = line.dataset.words.replace("{new}", fresh).replace("{changed}", held.size - fresh);
  }

  function hear({ rows = [], gone = [], seen = {}, stale, now }) {
    for (const [id, people] of Object.entries(seen)) look(id, people);
    if (stale) {  // soon, but not at each change of a busy day
      refreshAt = Math.min(refreshAt, Math.max(between(SOON), refreshedAt + REST + Math.random() * REST));
      return;
    }
    if (!list()) {  // an empty page has no table yet
      if (rows.length) refreshAt = Date.now();
      return;
    }
    asOf = now;
    for (const row of rows) held.set(row.id, () => put(row));
    for (const row of gone) if (rowOf(row.id)) held.set(row.id, () => takeAway(row)); else held.delete(row.id);
    if (rows.length || gone.length) refreshAt = Math.min(refreshAt, between(LATER));  // the sums, in their own time
    if (chosen().length) sayHeld();
    else apply();
  }

  /* 4. The page again ---------------------------------------------------------------------------------------- */
  let refreshAt = 0, refreshedAt = 0;

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
      if (place && row.dataset.id === place.dataset.id) $("a", row).focus({ preventScroll: true });
    }
    if ($(".results")) $(".results").scrollTop = scrolled;
    held.clear();
    sayHeld();
    tidy();
  }

  async function refresh() {
    refreshedAt = Date.now();
    refreshAt = bySocket() ? between(ANYWAY) : Date.now() + Number($(".results").dataset.live) * 1000;
    const inUse = document.hidden || chosen().length || (document.activeElement && document.activeElement.closest(".ws-views, .actions, details[open]"));
    if (inUse) return;
    try {
      const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!chosen().length && !$("tr.is-gone")) exchange(page);
    } catch {
      const live = $(".ws-live");
      if (live) live.classList.add("is-off");
    }
  }

  if (queue) {
    refreshAt = Date.now() + Number(queue.dataset.live) * 1000;
    window.setInterval(() => { if (Date.now() >= refreshAt) refresh(); }, 1000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshAt = Date.now(); });
    document.addEventListener("live:queue", (event) => hear(event.detail));
    document.addEventListener("live:counts", (event) => hearCounts(event.detail));
    document.addEventListener("change", (event) => { if (event.target.matches(".action-select, #action-toggle") && held.size && !chosen().length) apply(); });
    document.addEventListener("click", (event) => {
      if (event.target.closest(".held button")) apply();
      else if (event.target.closest(".bulk-clear, .action-select, #action-toggle")) window.setTimeout(() => { if (held.size && !chosen().length) apply(); });
    });
    document.dispatchEvent(new CustomEvent("live:say", { detail: { queue: window.location.search } }));
  }
}
