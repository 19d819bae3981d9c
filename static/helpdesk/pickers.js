/* Over the reply box: canned replies, colleagues to mention, the preview. */
"use strict";
{
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const form = $("form.composer[data-draft]");
  const text = form && $("#reply-text", form);
  const JSON_ONLY = { Accept: "application/json" };

  const known = {};  // lists that were read, by address
  async function read(address) {
    if (!known[address]) {
      known[address] = fetch(address, { headers: JSON_ONLY }).then((answer) => {
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      });
      known[address].catch(() => { delete known[address]; });
    }
    return (await known[address]).options;
  }

  function node(tag, words, name = "") {
    const made = document.createElement(tag);
    made.textContent = words;
    if (name) made.className = name;
    return made;
  }

  /* 1. Putting words into the box --------------------------------------------------------------------- */
  function put(words, from = text.selectionStart, to = text.selectionEnd) {
    text.focus();
    text.setSelectionRange(from, to);
    // The browser's own way keeps what can be undone with Ctrl+Z.
    if (!document.execCommand("insertText", false, words)) {
      text.setRangeText(words, from, to, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  async function insertCanned(id, from, to) {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const answer = await fetch(`${form.dataset.canned}${id}/`, { method: "POST", body: data, headers: JSON_ONLY });
    if (answer.ok) put((await answer.json()).text, from, to);
  }

  /* 2. A list that follows what is typed: `/shortcut`, in notes `@name` ---------------------------------- */
  const list = $("#mention-options");
  let open = null;  // { from, options, pick, at }

  function close() {
    open = null;
    list.hidden = true;
    list.replaceChildren();
    text.removeAttribute("aria-activedescendant");
  }

  function show(options, line, from, pick) {
    if (!options.length) { close(); return; }
    open = { from, options, pick, at: 0 };
    list.replaceChildren(...options.map((option, place) => {
      const row = document.createElement("li");
      row.id = `option-${place}`;
      row.setAttribute("role", "option");
      row.append(...line(option));
      row.addEventListener("mousedown", (event) => { event.preventDefault(); choose(place); });
      return row;
    }));
    list.hidden = false;
    const box = form.getBoundingClientRect();
    list.style.left = `${Math.max(8, box.left + 12)}px`;
    list.style.top = `${Math.max(8, box.top - list.offsetHeight - 4)}px`;
    mark(0);
  }

  function mark(place) {
    open.at = (place + open.options.length) % open.options.length;
    $$("li", list).forEach((row, number) => row.setAttribute("aria-selected", String(number === open.at)));
    const row = $$("li", list)[open.at];
    row.scrollIntoView({ block: "nearest" });
    text.setAttribute("aria-activedescendant", row.id);
  }

  function choose(place) {
    const { options, pick, from } = open;
    close();
    pick(options[place], from, text.selectionStart);
  }

  const fits = (words, typed) => words.toLowerCase().split(/\s+/).some((word, at, all) => all.slice(at).join(" ").startsWith(typed));

  async function suggest() {
    if (text.selectionStart !== text.selectionEnd) { close(); return; }
    const before = text.value.slice(0, text.selectionStart);
    const slash = /(^|\s)\/([\w-]*)$/.exec(before);
    const at = $("#kind-note").checked && /(^|[^\w])@([^\n@]{0,30})$/.exec(before);
    const found = slash || at;
    if (!found) { close(); return; }
    const from = before.length - found[2].length - 1, typed = found[2].toLowerCase();
    let options;
    try { options = await read(slash ? form.dataset.canned : form.dataset.staff); } catch { return; }
    if (text.value.slice(0, text.selectionStart) !== before) return;
    if (slash) {
      const shown = options.filter((option) => option.shortcut.startsWith(typed) || (typed.length > 1 && fits(option.name, typed)));
      const exact = shown.findIndex((option) => option.shortcut === typed);
      if (exact > 0) shown.unshift(...shown.splice(exact, 1));
      show(shown.slice(0, 8), (option) => [node("b", option.name), node("kbd", option.shortcut ? `/${option.shortcut}` : "–"), node("span", option.for, "q")],
        from, (option, begin, end) => insertCanned(option.id, begin, end));
    } else {
      show(options.filter((option) => fits(option.name, typed)).slice(0, 8),
        (option) => [node("span", option.initials, "av"), node("b", option.name), node("span", option.role, "q")],
        from, (option, begin, end) => put(`@${option.name} `, begin, end));
    }
  }

  function followTyping() {
    text.addEventListener("input", suggest);
    text.addEventListener("blur", close);
    text.addEventListener("click", close);
    text.addEventListener("keydown", (event) => {
      if (!open || event.isComposing || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowDown") mark(open.at + 1);
      else if (event.key === "ArrowUp") mark(open.at - 1);
      else if (event.key === "Enter" || event.key === "Tab") choose(open.at);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /* 3. Canned replies: search, read, insert -------------------------------------------------------------- */
  const canned = $("#canned");
  let chosen = null, typing = 0, options = [];

  async function search() {
    const words = $("#canned-search").value.trim();
    try { options = await read(form.dataset.canned + (words ? `?q=${encodeURIComponent(words)}` : "")); } catch { options = []; }
    if ($("#canned-search").value.trim() !== words) return;
    const rows = options.map((option, place) => {
      const row = document.createElement("li");
      row.id = `canned-${place}`;
      row.setAttribute("role", "option");
      row.append(node("b", option.name), ...(option.shortcut ? [node("kbd", `/${option.shortcut}`)] : []), node("span", option.for, "q"));
      row.addEventListener("click", () => look(place));
      row.addEventListener("dblclick", insert);
      return row;
    });
    const place = $("#canned-options");
    place.replaceChildren(...rows);
    if (rows.length) look(0);
    else {
      chosen = null;
      $("[data-insert]", canned).disabled = true;
      $("#canned-search").removeAttribute("aria-activedescendant");
      $(".canned-text", canned).replaceChildren(node("p", place.dataset.empty, "q"));
    }
  }

  async function look(place) {
    chosen = place;
    $$("#canned-options li").forEach((row, number) => row.setAttribute("aria-selected", String(number === place)));
    $("#canned-search").setAttribute("aria-activedescendant", `canned-${place}`);
    $(`#canned-${place}`).scrollIntoView({ block: "nearest" });
    $("[data-insert]", canned).disabled = false;
    const answer = await fetch(`${form.dataset.canned}${options[place].id}/`, { headers: JSON_ONLY });
    if (answer.ok && chosen === place) $(".canned-text", canned).replaceChildren(node("p", (await answer.json()).text));
  }

  function insert() {
    if (chosen === null) return;
    const { id } = options[chosen];
    canned.close();
    insertCanned(id);
  }

  function pickCanned() {
    $("#canned-search").addEventListener("input", () => { window.clearTimeout(typing); typing = window.setTimeout(search, 200); });
    $("#canned-search").addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const step = event.key === "ArrowDown" ? 1 : -1;
        if (options.length) look((chosen + step + options.length) % options.length);
      } else if (event.key === "Enter") insert();
      else return;
      event.preventDefault();
    });
    $("[data-insert]", canned).addEventListener("click", insert);
    const button = $("[data-open=canned]", form);
    button.hidden = false;
    button.addEventListener("click", () => {
      $(".canned-text", canned).replaceChildren(node("p", $(".canned-text", canned).dataset.hint, "q"));
      canned.showModal();
      $("#canned-search").focus();
      search();
    });
  }

  /* 4. The preview ------------------------------------------------------------------------------------------ */
  function showPreview() {
    const dialog = $("#preview");
    $("[data-open=preview]", form).addEventListener("click", async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      data.delete("files");
      const answer = await fetch(form.dataset.preview, { method: "POST", body: data, headers: JSON_ONLY });
      if (!answer.ok) return;
      $("[data-part]", dialog).innerHTML = await answer.text();  // made by the server, as the page itself
      dialog.showModal();
    });
  }

  if (form) {
    followTyping();
    pickCanned();
    showPreview();
    for (const button of $$("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
    for (const dialog of $$("#preview, #canned")) dialog.addEventListener("close", () => text.focus());
  }
}
