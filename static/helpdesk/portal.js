// The portal works without this file; it keeps times counting, and forms from being sent twice.
"use strict";

const words = JSON.parse(document.getElementById("countdown-words")?.textContent ?? "{}");
const fill = (pattern, value) => pattern.replace(/%\((?:time|count)\)[sd]/, value);

// As `core.durations.spoken`: never less than a minute, without a sign.
function spoken(seconds) {
  const total = Math.max(1, Math.floor(Math.abs(seconds) / 60));
  const days = Math.floor(total / 1440), hours = Math.floor((total % 1440) / 60), minutes = total % 60;
  const part = (pattern, count) => (count ? [fill(pattern, count)] : []);
  if (days) return [fill(days === 1 ? words.day : words.days, days), ...part(words.hours, hours)].join(" ");
  if (hours) return [fill(words.hours, hours), ...part(words.minutes, minutes)].join(" ");
  return fill(words.minutes, minutes);
}

// How far this device's clock is off, from the page's time stamp; a page brought back from the history has an old one.
const stamp = document.querySelector("meta[name=server-now]");
const isFresh = performance.getEntriesByType("navigation")[0]?.type !== "back_forward";
const drift = stamp && isFresh ? Date.parse(stamp.content) - Date.now() : 0;

function count() {
  for (const node of document.querySelectorAll("[data-until]")) {
    const seconds = (Date.parse(node.dataset.until) - Date.now() - drift) / 1000;
    const text = fill(seconds >= 0 ? words.ahead : words.late, spoken(seconds));
    if (node.textContent !== text) node.textContent = text;
  }
}
if (words.ahead) setInterval(count, 5000);

// One press of Send is one submission. Coming back to the page makes the button usable again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) delete form.dataset.sent;
});

// Nobody looks: nothing is asked. A change of hub is announced, the passing of a minute is not.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) return event.preventDefault();
  const panel = event.target.closest("[aria-live]");
  if (panel) panel.setAttribute("aria-live", event.detail.requestConfig.triggeringEvent?.type === "change" ? "polite" : "off");
});

// The summary of what is wrong comes first, for the keyboard and for a screen reader.
document.getElementById("errors")?.focus();

// The menu closes as menus do.
const menu = document.querySelector("details.menu");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});

// The help button opens a dialog; without this, or when it cannot be fetched, the page of its own.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  const dialog = link && document.getElementById(link.dataset.dialog);
  if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (!dialog.firstElementChild) {
    try {
      const answer = await fetch(`${link.href}?part=dialog`, { redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      dialog.innerHTML = await answer.text();
      window.htmx?.process(dialog);
    } catch {
      window.location = link.href;
      return;
    }
  }
  dialog.showModal();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
