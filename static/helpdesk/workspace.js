/* The workspace's script: clocks that count down, rows that are chosen, menus, forms that are sent once.
   Every page works without it; the server decides what is shown, this only keeps it moving.
   Keys are keys.js, the queue that keeps itself fresh is live_queue.js, the open ticket live_ticket.js. */
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
    const about = clock.dataset.about || (clock.closest("tr") && $(".subj", clock.closest("tr"))?.textContent);
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

  // Rows were exchanged: by live_queue.js.
  document.addEventListener("workspace:rows", () => { tick(); recount(); });

  // On a phone a row of a form is a card: each field says what its column is called. Rows to come are copies of one.
  for (const table of $$(".inline-group .tabular table")) {
    const names = $$("thead th", table).map((head) => head.textContent.trim());
    for (const row of $$("tbody tr.form-row", table)) {
      Array.from(row.cells).forEach((cell, place) => { if (names[place]) cell.dataset.label = names[place]; });
    }
  }
  // The place that one is at, where the navigation is longer than the screen.
  for (const here of $$(".ws-nav [aria-current], .ws-tabs [aria-current]")) {
    const row = here.parentElement;
    if (row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }

  /* 3. Menus ------------------------------------------------------------------------------------------ */
  const openMenus = () => $$("details.menu[open]");
  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  for (const button of $$("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Without a secure connection the browser has no clipboard for pages: the old way does it.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }
  for (const button of $$("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.dataset.copy);
      openMenus().forEach((menu) => { menu.open = false; });
      document.dispatchEvent(new CustomEvent("workspace:said", { detail: button.dataset.copied }));
      announce(button.dataset.copied);
    });
  }

  /* 4. The ticket: begin at the end of the conversation, and send once ----------------------------------- */
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
  // A list to search in, which Django's script puts in place of a select, is called what the select's label says.
  window.django?.jQuery?.(() => $$("select.admin-autocomplete").forEach((select) => {
    const box = $("[role=combobox]", select.nextElementSibling || select);
    const label = select.labels[0];
    if (!box || !label) return;
    label.id ||= `${select.id}_label`;
    box.setAttribute("aria-labelledby", `${label.id} ${box.getAttribute("aria-labelledby")}`);
    $("[role=textbox]", box)?.setAttribute("aria-labelledby", label.id);
  }));
  window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));
}
