// The customer's forms: keeps the draft on the server as one types, puts files up at once. Both work without this, too.
"use strict";
{
  const PAUSE = 1200, AGAIN = 5000;  // milliseconds of no typing; until the next try without a connection
  const $ = (selector, root = document) => root.querySelector(selector);
  const JSON_ONLY = { Accept: "application/json" };
  const desk = $("[data-desk]"), form = desk?.closest("form");
  const put = (words, values) => Object.entries(values).reduce((text, [name, value]) => text.replace(`%(${name})s`, value), words);

  /* 1. The draft ------------------------------------------------------------------------------------- */
  const others = new BroadcastChannel("helpdesk-drafts");  // this browser's other windows; the server knows of the rest
  let timer = 0, saving = false, sending = false, kept = "";

  function typed() {
    const data = new FormData(form);
    for (const name of ["files", "csrfmiddlewaretoken", "by", "key", "tab", "seen", "warned"]) data.delete(name);
    return new URLSearchParams(data).toString();
  }

  function say(words, { alert = false, link = null } = {}) {
    const line = $("[data-saved]", form);
    line.textContent = words;
    line.parentElement.classList.toggle("is-alert", alert);
    if (!link) return;
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.words;
    line.append(" ", anchor);
  }

  function later(pause = PAUSE) {
    window.clearTimeout(timer);
    timer = window.setTimeout(save, pause);
  }

  async function save() {
    if (saving || sending || typed() === kept) return;
    saving = true;
    const now = typed(), data = new FormData(form);
    data.delete("files");
    try {
      const answer = await fetch(desk.dataset.draftUrl, { method: "POST", body: data, headers: JSON_ONLY });
      const said = await answer.json();
      if (answer.ok) {
        if (said.sent) return goOn(said.key);
        kept = now;
        if (said.key) crossed(said);
        say(said.words);
        others.postMessage({ key: form.elements.key.value, tab: form.elements.tab.value });
        $("[data-discard]:not([data-desk])", form).hidden = !said.kept;
      } else if (said.login) {
        kept = now;  // it lies in the next session until the login
        say(said.words, { alert: true, link: { href: said.login, words: said.sign_in } });
      } else {
        kept = now;
        say(said.words || "", { alert: true });
      }
    } catch {
      say(desk.dataset.lost, { alert: true });
      later(AGAIN);
    } finally {
      saving = false;
      if (typed() !== kept && typed() !== now) later();
    }
  }

  /* Another window sent this form: what is typed on here is another one. The window that sent it is leaving. */
  function goOn(key) {
    if (sending) return;
    form.elements.key.value = key;
    later(0);
  }

  /* Another window changed this draft: what is typed here is a draft of its own from now on. */
  function crossed(said) {
    form.elements.key.value = said.key;
    $("[data-crossed]", form).innerHTML = said.notice;  // made by the server, as the files
    list.querySelectorAll("[data-file]").forEach((row) => row.remove());
    said.files.forEach((file) => list.insertAdjacentHTML("beforeend", file));
  }

  function hear({ data }) {
    if (data.key !== form.elements.key.value || data.tab === form.elements.tab.value) return;
    say(desk.dataset.elsewhere, { alert: true, link: { href: `?draft=${data.key}#reply`, words: desk.dataset.show } });
  }

  function keepDraft() {
    others.addEventListener("message", hear);
    form.classList.add("has-script");
    kept = typed();
    form.addEventListener("input", () => later());
    form.addEventListener("change", () => later());
    document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
    form.addEventListener("submit", (event) => {
      if (event.submitter?.matches("[name=discard]") && !window.confirm(desk.dataset.discard)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      if (coming > 0) {
        event.preventDefault();
        event.stopImmediatePropagation();
        say(desk.dataset.wait, { alert: true });
        return;
      }
      sending = true;
      window.clearTimeout(timer);
    }, true);
    window.addEventListener("pageshow", () => { sending = false; });
  }

  /* 2. Files ----------------------------------------------------------------------------------------- */
  let coming = 0;
  const list = form && $(".files", form);
  const megabytes = (bytes) => (bytes / 1048576).toFixed(1);

  function sign(name) {
    const space = "http://www.w3.org/2000/svg", made = document.createElementNS(space, "svg"), use = document.createElementNS(space, "use");
    use.setAttribute("href", `#i-${name}`);
    made.setAttribute("class", "i");
    made.setAttribute("aria-hidden", "true");
    made.append(use);
    return made;
  }

  function rowOf(file) {
    const row = document.createElement("li"), name = document.createElement("span"), size = document.createElement("span");
    size.className = "quiet small";
    name.append(file.name || "image.png", " ", size);
    row.append(sign("file"), name, button(desk.dataset.cancel, file.name));
    list.append(row);
    return row;
  }

  function button(words, name) {
    const made = document.createElement("button"), hidden = document.createElement("span");
    made.type = "button";
    made.className = "link";
    hidden.className = "vh";
    hidden.textContent = ` ${name}`;
    made.append(words, hidden);
    return made;
  }

  function refuse(row, name, words) {
    row.className = "is-refused";
    $("progress", row)?.remove();
    $(".quiet", row).textContent = "";
    const error = document.createElement("div"), text = document.createElement("div"), again = button(desk.dataset.removeWords, name);
    error.className = "err";
    error.setAttribute("role", "alert");
    text.textContent = words;
    error.append(sign("late"), text);
    again.addEventListener("click", () => { row.remove(); $("#id_files").focus(); });
    $("button", row).replaceWith(again);
    row.append(error);
  }

  function upload(file) {
    const row = rowOf(file), name = file.name || "image.png";
    if (file.size > Number(desk.dataset.mostBytes)) return refuse(row, name, put(desk.dataset.tooLarge, { name }));
    const meter = document.createElement("progress"), data = new FormData(), request = new XMLHttpRequest();
    meter.max = file.size || 1;
    meter.value = 0;
    meter.setAttribute("aria-label", name);
    row.append(meter);
    for (const field of ["csrfmiddlewaretoken", "key", "by", "acts_for"]) data.append(field, form.elements[field].value);
    data.append("files", file, name);
    request.upload.addEventListener("progress", (event) => {
      meter.value = Math.min(event.loaded, file.size);
      $(".quiet", row).textContent = `${put(desk.dataset.coming, { done: megabytes(meter.value), all: megabytes(file.size) })} MB`;
    });
    request.addEventListener("load", () => {
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* an error page */ }
      if (request.status === 200 && said.files) return arrive(row, said.files);
      refuse(row, name, (said.errors || []).join(" ") || said.words || put(desk.dataset.failed, { name }));
      if (said.login) save();
    });
    request.addEventListener("error", () => refuse(row, name, put(desk.dataset.failed, { name })));
    request.addEventListener("loadend", () => { coming -= 1; });
    $("button", row).addEventListener("click", () => { request.abort(); row.remove(); });
    request.open("POST", desk.dataset.filesUrl);
    request.setRequestHeader("Accept", "application/json");
    coming += 1;
    request.send(data);
  }

  function arrive(row, files) {
    for (const file of files) {
      if (!list.querySelector(`[data-file="${file.id}"]`)) row.insertAdjacentHTML("beforebegin", file.html);  // made by the server
    }
    row.remove();
    kept = "";  // a draft with files only is one, too
    later(0);
  }

  function takeFiles() {
    const picker = $("#id_files"), zone = $(".drop", form);
    const carries = (event) => Array.from(event.dataTransfer?.types ?? []).includes("Files");
    picker.addEventListener("change", () => { Array.from(picker.files).forEach(upload); picker.value = ""; });
    form.addEventListener("paste", (event) => {
      const files = Array.from(event.clipboardData.files);
      if (files.length) { event.preventDefault(); files.forEach(upload); }
    });
    let depth = 0;
    const over = (change) => { depth = Math.max(0, depth + change); zone.classList.toggle("is-over", depth > 0); };
    form.addEventListener("dragenter", (event) => { if (carries(event)) { event.preventDefault(); over(1); } });
    form.addEventListener("dragleave", (event) => { if (carries(event)) over(-1); });
    form.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
    form.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      over(0);
      Array.from(event.dataTransfer.files).forEach(upload);
    });
    list.addEventListener("click", async (event) => {
      const remove = event.target.closest("[data-remove]");
      if (!remove) return;
      event.preventDefault();
      const data = new FormData();
      data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      try {
        const answer = await fetch(remove.dataset.remove, { method: "POST", body: data, headers: JSON_ONLY });
        if (answer.ok || answer.status === 404) { remove.closest("li").remove(); picker.focus(); kept = ""; later(0); }
      } catch {
        say(desk.dataset.lost, { alert: true });
      }
    });
  }

  if (form) { keepDraft(); takeFiles(); }
}
