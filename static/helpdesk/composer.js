/* The reply box: keeps the draft, counts down what is on its way, takes files. Everything works without it, too. */
"use strict";
{
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const form = $("form.composer[data-draft]");
  const stamp = $("meta[name=server-now]");
  const drift = stamp ? Date.parse(stamp.content) - Date.now() : 0;
  const JSON_ONLY = { Accept: "application/json" };

  /* 1. The draft ----------------------------------------------------------------------------------- */
  const PAUSE = 1200, AGAIN = 5000;  // milliseconds of no typing; until the next try without a connection
  const text = form && $("#reply-text", form);
  const saved = form && $("[data-saved]", form);
  let timer = 0, saving = false, sending = false, held = false;

  const stands = () => `${$("#kind-note").checked ? "note" : "reply"}\n${text.value}`;
  let kept = form ? stands() : "";

  function later(pause = PAUSE) {
    window.clearTimeout(timer);
    timer = window.setTimeout(save, pause);
  }

  function values() {
    const data = new FormData(form);
    data.delete("files");
    return data;
  }

  async function save() {
    if (saving || sending || held || stands() === kept) return;
    saving = true;
    const now = stands(), typed = text.value;
    try {
      const answer = await fetch(form.dataset.draft, { method: "POST", body: values(), headers: JSON_ONLY });
      const said = await answer.json();
      if (answer.ok) {
        kept = now;
        text.defaultValue = typed;
        form.elements.saved_at.value = said.saved_at;
        saved.textContent = said.words;
        discardable();
      } else if (said.stale) {
        held = true;
        form.elements.saved_at.value = said.saved_at;
        $(".composer-stale", form).innerHTML = said.stale;  // made by the server, as the page itself
      } else {
        saved.textContent = said.words || "";
        if (said.again) later(AGAIN);
      }
    } catch {
      saved.textContent = saved.dataset.lost;
      later(AGAIN);
    } finally {
      saving = false;
      if (stands() !== kept && stands() !== now) later();
    }
  }

  function discardable() {
    $("[data-discard]", form).hidden = !form.elements.saved_at.value && !$(".files--waiting li", form);
  }

  function keepDraft() {
    form.classList.add("has-script");
    form.addEventListener("input", () => later());
    form.addEventListener("change", () => later());
    document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
    form.addEventListener("submit", (event) => {
      const ask = event.submitter && event.submitter.dataset.discard;
      if (ask && !window.confirm(ask)) event.preventDefault();
      else if (event.submitter && event.submitter.formTarget === "_blank") return;
      else sending = true;
    });
    window.addEventListener("pageshow", () => { sending = false; });
    $(".composer-stale", form).addEventListener("click", (event) => {
      const keep = event.target.closest("[data-keep]"), take = event.target.closest("[data-take]");
      if (!keep && !take) return;
      event.preventDefault();
      held = false;
      kept = "";
      const other = $("[data-other]", form);
      if (take) {
        text.value = other.textContent;
        $(`#kind-${other.dataset.kind}`).checked = true;
      }
      $(".composer-stale", form).replaceChildren();
      text.focus();
      later(0);
    });
  }

  /* 2. What is on its way ----------------------------------------------------------------------------- */
  const PARTS = [".tk-meta", ".talk", ".rail"];

  function countDown(bar) {
    const left = Math.ceil((Date.parse(bar.dataset.leaves) - (Date.now() + drift)) / 1000), words = $("b", bar);
    words.textContent = left > 0 ? words.dataset.words.replace("#", left) : words.dataset.now;
    if (left > 0) window.setTimeout(countDown, 250, bar);
    else if (bar.dataset.elsewhere) window.setTimeout(goneElsewhere, 1200, bar);
    else window.setTimeout(look, 1200, bar, 0);
  }

  // Of another ticket nothing else is on this page; where it could not leave, a notice says so.
  function goneElsewhere(bar) {
    bar.remove();
    $("#announce").textContent = bar.dataset.gone;
  }

  // It has left when the page says so: then the conversation is exchanged, and the box stays as it is.
  async function look(bar, times) {
    if (!bar.isConnected) return;
    try {
      const answer = await fetch(window.location.pathname + window.location.search, { redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!$(".leaving:not([data-elsewhere])", page)) return arrive(bar, page);
    } catch { /* without a connection: it leaves all the same, this only looks later */ }
    window.setTimeout(look, Math.min(1500 * 2 ** times, 30000), bar, times + 1);
  }

  function arrive(bar, page) {
    const refused = $("form.composer", page) && $(".note-line--stop", page);
    if (refused && form && !text.value) { window.location.reload(); return; }
    const menu = $("details[open]", $(".rail"));
    for (const part of PARTS) {
      const before = $(part), after = $(part, page);
      if (before && after && !(menu && part === ".rail")) before.replaceWith(document.importNode(after, true));
    }
    if (refused) bar.replaceWith(document.importNode(refused, true));
    else bar.remove();
    $(".talk").scrollTop = $(".talk").scrollHeight;
    const fresh = $("form.composer[data-draft]", page);
    if (form && fresh) {
      form.elements.seen_message.value = fresh.elements.seen_message.value;
      $(".effect.only-reply", form).replaceWith(document.importNode($(".effect.only-reply", fresh), true));
    }
    $("#announce").textContent = bar.dataset.gone;
    if (form) save();
  }

  /* 3. Files ------------------------------------------------------------------------------------------- */
  function upload(file) {
    const row = document.createElement("li"), meter = document.createElement("progress"), name = document.createElement("span");
    meter.max = 100;
    meter.setAttribute("aria-label", file.name);
    name.textContent = file.name;
    row.className = "is-coming";
    row.append(name, meter);
    $(".files--waiting", form).append(row);
    const data = new FormData(), request = new XMLHttpRequest();
    data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    data.append("files", file, file.name || "image.png");
    request.upload.addEventListener("progress", (event) => { meter.value = (100 * event.loaded) / event.total; });
    const failed = (words) => {
      meter.remove();
      row.className = "is-refused";
      row.setAttribute("role", "alert");
      name.textContent = words || `${file.name}: ${saved.dataset.lost}`;
      row.append(dismiss(row));
    };
    request.addEventListener("load", () => {
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* not ours: an error page */ }
      if (request.status === 200 && said.files) row.outerHTML = said.files.join("");
      else failed((said.errors || []).join(" "));
      discardable();
      holdBack(-1);
    });
    request.addEventListener("error", () => { failed(""); holdBack(-1); });
    request.open("POST", form.dataset.files);
    request.setRequestHeader("Accept", "application/json");
    holdBack(1);
    request.send(data);
  }

  function dismiss(row) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn--s btn--icon btn--flat";
    button.append($("#toast").content.querySelector("button svg").cloneNode(true));
    button.setAttribute("aria-label", $("#toast").content.querySelector("button").getAttribute("aria-label"));
    button.addEventListener("click", () => row.remove());
    return button;
  }

  // Nothing is sent without a file that is still coming in.
  let coming = 0;
  function holdBack(change) {
    coming += change;
    for (const button of $$(".composer-foot .split .btn[type=submit], .composer-foot .split .menu-list button, .btn--note", form)) button.disabled = coming > 0;
  }

  function takeFiles() {
    const picker = $("input[type=file]", form);
    picker.addEventListener("change", () => { Array.from(picker.files).forEach(upload); picker.value = ""; });
    form.addEventListener("paste", (event) => {
      const files = Array.from(event.clipboardData.files);
      if (files.length) { event.preventDefault(); files.forEach(upload); }
    });
    const thread = form.closest(".thread"), carries = (event) => Array.from(event.dataTransfer.types).includes("Files");
    let depth = 0;
    const over = (change) => { depth = Math.max(0, depth + change); form.classList.toggle("is-over", depth > 0); };
    thread.addEventListener("dragenter", (event) => { if (carries(event)) { event.preventDefault(); over(1); } });
    thread.addEventListener("dragleave", (event) => { if (carries(event)) over(-1); });
    thread.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
    thread.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      over(0);
      Array.from(event.dataTransfer.files).forEach(upload);
    });
    form.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-remove]");
      if (!button) return;
      event.preventDefault();
      const row = button.closest("li"), data = new FormData();
      data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      const answer = await fetch(button.formAction, { method: "POST", body: data, headers: JSON_ONLY });
      if (answer.ok || answer.status === 404) { row.remove(); discardable(); text.focus(); }
    });
  }

  if (form) { keepDraft(); takeFiles(); }
  $$("[data-leaves]").forEach(countDown);
}
