/* The editor of calendars: rows come and go without a way to the server. Without this script each button sends the form. */
"use strict";
{
  const form = document.getElementById("calendar_form");
  const copy = (id) => document.getElementById(id).content.cloneNode(true);
  const changed = () => form.dispatchEvent(new Event("removed"));

  for (const button of document.querySelectorAll(".no-script")) button.hidden = true;

  function addHours(button) {
    const row = button.closest("tr");
    const pair = copy("pair-row").firstElementChild;
    for (const field of pair.querySelectorAll("input")) {
      field.name = field.name.replace("-KEY-", row.dataset.day);
      field.setAttribute("aria-label", field.getAttribute("aria-label").replace("-DAY-", row.dataset.label));
    }
    const closed = row.querySelector(".closed");
    if (closed) closed.remove();
    button.before(pair, " ");
    pair.querySelector("input").focus();
  }

  function addDay() {
    const row = copy("day-row").querySelector("tr");
    document.querySelector("#more-days tbody").append(row);
    row.querySelector("input").focus();
  }

  function remove(button) {
    const row = button.closest("tr"), list = row.parentElement;
    const next = row.nextElementSibling;
    if (next && next.querySelector("td[colspan]")) next.remove();
    const focus = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    if (focus) focus.querySelector("button, input").focus();
    else if (list.closest(".year")) list.closest(".year").remove();
    changed();
  }

  // The rows are sent without their numbers, so that any may be taken out.
  let dirty = false;
  form.addEventListener("input", () => { dirty = true; });
  form.addEventListener("removed", () => { dirty = true; });
  form.addEventListener("submit", () => { dirty = false; });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=_add], button[name=_remove]");
    if (!button) return;
    event.preventDefault();
    if (button.name === "_remove") remove(button);
    else if (button.value === "day") addDay();
    else addHours(button);
  });
}
