/* Keys of the workspace. A page marks up what a key does: data-key="t" on a link, a button or a field, "g q" for
   two keys one after the other. Never while somebody types or composes, never with a modifier of the browser's. */
"use strict";
{
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const SECOND_KEY = 1500;  // milliseconds to press it in
  const FIELDS = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";
  const isTyping = (node) => node instanceof Element && node.closest(FIELDS);
  const isShown = (node) => node.checkVisibility ? node.checkVisibility() : node.getClientRects().length > 0;

  /* 1. What keys do ------------------------------------------------------------------------------- */
  function use(node) {
    if (!node || node.disabled) return false;
    if (node.matches(FIELDS)) { node.focus(); if (node.select) node.select(); } else node.click();
    if (node.matches("details[open] > summary")) {  // a menu that a key opened begins at its first field
      const first = $("select, input:not([type=hidden]), a, button", node.nextElementSibling);
      if (first) first.focus();
    }
    return true;
  }
  const marked = (key) => $$("[data-key]").find((node) => node.dataset.key === key);

  const rows = () => $$("#result_list tbody tr").filter((row) => !row.classList.contains("is-gone") && $("a", row));
  const cursor = () => $("#result_list tr.is-cursor");

  function move(step) {
    const all = rows();
    if (!all.length) return false;
    const here = all.indexOf(cursor());
    const next = all[here < 0 ? 0 : Math.min(all.length - 1, Math.max(0, here + step))];
    $$("#result_list tr.is-cursor").forEach((row) => row.classList.remove("is-cursor"));
    next.classList.add("is-cursor");
    $("a", next).focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function compose(kind) {
    const radio = $(`#kind-${kind}`), text = $("#reply-text");
    if (!radio || !text) return false;
    if (!radio.checked) radio.click();
    text.focus();
    return true;
  }

  function close() {
    const menus = $$("details.menu[open]");
    menus.forEach((menu) => { menu.open = false; $("summary", menu).focus(); });
    if (menus.length) return true;
    if (isTyping(document.activeElement)) { document.activeElement.blur(); return true; }
    return $("#result_list .action-select:checked") ? use($(".bulk-clear")) : false;
  }

  const openRow = () => use(cursor() && $("a", cursor()));
  const BUILT_IN = {
    j: () => move(1) || use(marked("j")),
    k: () => move(-1) || use(marked("k")),
    o: openRow,
    Enter: () => document.activeElement === document.body && openRow(),
    x: () => use(cursor() && $(".action-select", cursor())),
    r: () => compose("reply"),
    n: () => compose("note"),
    "/": () => use($("#searchbar")),
    "?": () => sheet(),
    Escape: close,
  };

  /* 2. Which were pressed --------------------------------------------------------------------------- */
  let first = "", since = 0;

  function press(key) {
    const pair = first && Date.now() - since < SECOND_KEY ? `${first} ${key}` : "";
    first = "";
    if (pair && use(marked(pair))) return true;
    if ($$("[data-key]").some((node) => node.dataset.key.startsWith(`${key} `))) {
      [first, since] = [key, Date.now()];
      return true;
    }
    if (BUILT_IN[key]) return BUILT_IN[key]();
    if (/^[1-9]$/.test(key) && $(".ws-views")) return use($$(".ws-views li > a")[key - 1]);
    return use(marked(key));
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;  // an input method's own
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "reply-text") {
      event.preventDefault();
      if (event.shiftKey) choose(event.target.form); else send(event.target.form, event.altKey);
      return;
    }
    if (["ArrowDown", "ArrowUp"].includes(event.key) && step(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ($("dialog[open]")) return;  // it has keys of its own
    if (event.key !== "Escape" && isTyping(event.target)) return;
    if (event.repeat && !["j", "k"].includes(event.key)) return;
    if (press(event.key)) event.preventDefault();
  });

  // With `andNext` the next ticket of the view opens afterwards, this once.
  function send(form, andNext = false) {
    const isNote = $("#kind-note") && $("#kind-note").checked;
    const button = $(isNote ? ".composer-foot .btn--note" : ".composer-foot .split > .btn--go", form);
    if (!button || button.disabled) return;
    const once = Object.assign(document.createElement("input"), { type: "hidden", name: "once", value: "next" });
    if (andNext) form.append(once);
    form.requestSubmit(button);
    once.remove();
  }

  // What the ticket becomes by this reply: the menu beside the button, at what the button itself would do.
  function choose(form) {
    const menu = $(".composer-foot .split > .menu", form);
    if (!menu || !isShown(menu)) { send(form); return; }
    menu.open = true;
    ($(".is-on", menu) || $("button", menu)).focus();
  }

  // In a menu that is open, up and down go from one entry to the next.
  function step(by) {
    const menu = document.activeElement && document.activeElement.closest("details.menu[open]");
    if (!menu || isTyping(document.activeElement)) return false;
    const all = $$(".menu-list :is(a, button)", menu).filter(isShown);
    const here = all.indexOf(document.activeElement);
    if (all.length) all[here < 0 ? (by > 0 ? 0 : all.length - 1) : (here + by + all.length) % all.length].focus();
    return all.length > 0;
  }

  /* 3. The sheet: what keys do on this page ------------------------------------------------------------ */
  function row(keys, words) {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    for (const key of keys.split(" ")) {
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      dt.append(kbd, " ");
    }
    dd.textContent = words;
    return [dt, dd];
  }

  function wordsOf(node) {
    const copy = node.cloneNode(true);
    $$("kbd, .n, .visually-hidden", copy).forEach((part) => part.remove());
    return (node.dataset.keyWords || copy.textContent.trim() || node.getAttribute("aria-label") || "").replace(/\s*\(.\)$/, "");
  }

  function sheet() {
    const dialog = $("#keys");
    if (!dialog) return false;
    for (const part of $$("[data-needs]", dialog)) part.hidden = !$(part.dataset.needs);
    const own = $("[data-own]", dialog), seen = new Set();
    own.replaceChildren();
    for (const node of $$("[data-key]")) {
      const key = node.dataset.key;
      if (seen.has(key) || dialog.contains(node) || !isShown(node) || ["j", "k"].includes(key)) continue;
      seen.add(key);
      own.append(...row(key, wordsOf(node)));
    }
    own.closest("section").hidden = seen.size === 0;
    dialog.showModal();
    return true;
  }

  const opener = $("[data-opens=keys]");
  if (opener) { opener.hidden = false; opener.addEventListener("click", sheet); }
  const dialog = $("#keys");
  if (dialog) {
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });  // beside it
    dialog.addEventListener("keydown", (event) => { if (event.key === "?") { event.preventDefault(); dialog.close(); } });
  }
}
