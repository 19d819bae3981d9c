// The editor of a policy works without this file; it asks before typed words are lost.
"use strict";
{
  const form = document.querySelector("form[data-guard]");
  let changed = form?.hasAttribute("data-changed"), leaving = false;
  form?.addEventListener("input", () => { changed = true; form.classList.add("is-changed"); });
  form?.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("pageshow", () => { leaving = false; });
  window.addEventListener("beforeunload", (event) => { if (changed && !leaving) event.preventDefault(); });
  // What is wrong comes first, for the keyboard and for a screen reader.
  document.getElementById("errors")?.focus();
}
