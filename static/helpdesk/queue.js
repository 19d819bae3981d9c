/* The queue's own script: the bar says how many rows its act is for, a filter that was picked is used at once.
   The page works without it. */
"use strict";
{
  document.documentElement.classList.add("has-script");

  const bar = document.querySelector("[data-bulk]");
  if (bar) {
    const apply = bar.querySelector("[data-words]:not(.action-counter)");
    const say = () => {
      const chosen = document.querySelectorAll("#result_list .action-select:checked").length;
      apply.textContent = chosen ? apply.dataset.words.replace("%(chosen)s", chosen) : "";
    };
    // After the workspace's script has done its own counting, which it does on the click.
    document.addEventListener("click", () => window.setTimeout(say));
    document.addEventListener("change", say);
    const does = bar.querySelector("#bulk-do");
    does.addEventListener("change", () => {
      const shown = Array.from(bar.querySelectorAll(".bulk-f")).find((one) => one.offsetParent);
      if (shown) shown.querySelector("select, input").focus();
    });
    say();
  }

  // A form that was refused stands at its own address; what is loaded again, kept or shared is the list.
  const results = document.querySelector(".results[data-here]");
  if (results && !window.location.pathname.endsWith("/ticket/")) window.history.replaceState(null, "", results.dataset.here);

  for (const form of document.querySelectorAll("[data-autosubmit]")) {
    form.addEventListener("change", () => form.requestSubmit());
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.tagName === "SELECT" && !field.value) field.disabled = true;
    });
  }

  // A menu of the rail stays open while one is in it; Escape closes it, and the focus is where it was.
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest("details.keep[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
