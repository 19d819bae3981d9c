/* An open ticket: who else is there and types, what changed, what was written meanwhile.
   Status, owner and clocks follow in place; new messages wait behind a line until somebody wants them, and
   nothing that is typed is touched. */
"use strict";
{
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const ticket = $("[data-ticket]");
  const QUIET = 8000, GATHER = [150, 600];  // milliseconds
  const PLACES = [".tk-meta", ".strip", ".rail", ".tk-bar .object-tools", ".tk-bar .sev", ".composer .effect.only-reply"];
  const FOLLOWS = "input[name^=seen]";  // what a reply says of the messages that its writer has seen

  /* 1. Where this page is, and what is typed on it ------------------------------------------------------- */
  let typing = "", quiet = null;
  const say = () => document.dispatchEvent(new CustomEvent("live:say", {
    detail: { at: document.hidden ? 0 : Number(ticket.dataset.ticket), typing: document.hidden ? "" : typing },
  }));

  function types(what) {
    window.clearTimeout(quiet);
    if (what) quiet = window.setTimeout(() => types(""), QUIET);
    if (what === typing) return;
    typing = what;
    say();
  }

  function typed(event) {
    if (event.target.id !== "reply-text" && !event.target.matches("[name=kind]")) return;
    const note = $("#kind-note");
    if (typing || event.target.id === "reply-text") types(!$("#reply-text").value.trim() ? "" : note && note.checked ? "note" : "reply");
  }

  /* 2. Who else is there ---------------------------------------------------------------------------------- */
  function show(people) {
    const me = Number($("[data-me]").dataset.me), seen = $(".tk-meta .seen"), line = $("[data-typing]");
    const others = people.filter((one) => one.id !== me);
    if (!seen) return;
    seen.hidden = others.length === 0;
    $("span", seen).textContent = others.map((one) => one.name).join(", ");
    if (!line) return;
    const writing = others.filter((one) => one.typing);
    const kind = writing.some((one) => one.typing === "reply") ? "reply" : "note";
    const text = writing.length ? seen.dataset[kind].replace("{name}", writing.map((one) => one.name).join(", ")) : "";
    line.hidden = writing.length === 0;
    const words = $("span", line) || line.appendChild(document.createElement("span"));
    if (words.textContent !== text) words.textContent = text;
  }

  /* 3. What changed ----------------------------------------------------------------------------------------- */
  const keyOf = (message) => `${$("time", message).dateTime} ${$(".name", message).textContent}`;
  const keys = (root) => $$(".talk .msg", root).map(keyOf);
  let page = null, asking = false, again = false;

  /* Somebody works in it: it is left as it is. */
  const inUse = (node) => node.contains(document.activeElement) || $("details.menu[open]", node) || $$("textarea, input:not([type=hidden]):not([type=radio]):not([type=checkbox])", node).some((field) => field.value !== field.defaultValue);

  function exchange(before, after) {
    const scrolled = before.scrollTop, open = $$("details", before).map((part) => part.open);
    const now = document.importNode(after, true);
    before.replaceWith(now);
    now.scrollTop = scrolled;
    if (open.length === $$("details", now).length) $$("details", now).forEach((part, index) => { part.open = part.open || open[index]; });
    return now;
  }

  function take() {
    for (const selector of PLACES) {
      const before = $(selector), after = $(selector, page);
      if (before && after && !inUse(before) && before.outerHTML !== after.outerHTML) exchange(before, after);
    }
    const known = new Set(keys(document)), fresh = keys(page).filter((key) => !known.has(key)).length;
    const line = $("[data-news]"), talk = $(".talk");
    if (line) {
      line.hidden = fresh === 0;
      $("span", line).textContent = (fresh === 1 ? line.dataset.one : line.dataset.many).replace("{count}", fresh);
    }
    if (!fresh && talk && !String(window.getSelection())) exchange(talk, $(".talk", page));
    document.dispatchEvent(new Event("workspace:rows"));
    document.dispatchEvent(new CustomEvent("ticket:fresh", { detail: page }));
  }

  function showNew() {
    const known = new Set(keys(document)), talk = exchange($(".talk"), $(".talk", page));
    const fresh = $$(".msg", talk).filter((message) => !known.has(keyOf(message)));
    fresh.forEach((message) => message.classList.add("is-flash"));
    $("[data-news]").hidden = true;
    for (const field of $$(`.composer ${FOLLOWS}`)) {
      const now = $(`.composer input[name="${field.name}"]`, page);
      if (now) field.value = now.value;
    }
    if (fresh.length) fresh[0].scrollIntoView({ block: "start" });
    talk.focus({ preventScroll: true });
  }

  async function ask() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(window.location.pathname + window.location.search, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
      if (answer.ok) {
        page = new DOMParser().parseFromString(await answer.text(), "text/html");
        take();
      }
    } catch { /* no network: the next change asks again */ }
    asking = false;
    if (again) { again = false; soon(); }
  }

  let waiting = null;
  function soon() {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(ask, GATHER[0] + Math.random() * (GATHER[1] - GATHER[0]));
  }

  if (ticket) {
    const own = Number(ticket.dataset.ticket);
    document.addEventListener("input", typed);
    document.addEventListener("submit", (event) => { if (event.target.matches(".composer")) types(""); });
    document.addEventListener("visibilitychange", say);
    document.addEventListener("live:here", (event) => { if (event.detail.ticket === own) show(event.detail.people); });
    document.addEventListener("live:changed", (event) => { if (event.detail.ticket === own) soon(); });
    document.addEventListener("click", (event) => { if (event.target.closest("[data-news] button") && page) showNew(); });
    const seen = $(".tk-meta .seen");
    if (seen) show(JSON.parse(seen.dataset.people));
    say();
  }
}
