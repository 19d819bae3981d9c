/* The call list, and the line that says how a call goes, keep themselves fresh: one request at a time. What has the
   focus, and what is open, stays so; a page that nobody looks at rests, one that can't reach the server says so. */
"use strict";
{
  const parts = document.querySelector("[data-calls]");
  const every = Number(parts?.dataset.calls) * 1000;
  // A refused form stands at an address that takes forms only: then the part says where to ask.
  const place = new URL(parts?.dataset.place || "", window.location.href);
  place.searchParams.set("part", "1");

  function show(text) {
    const open = Array.from(parts.querySelectorAll("details"), (details) => details.open);
    const focused = parts.contains(document.activeElement) ? document.activeElement.id : "";
    const fragment = new DOMParser().parseFromString(text, "text/html").body;
    parts.replaceChildren(...Array.from(fragment.childNodes, (node) => document.importNode(node, true)));
    parts.querySelectorAll("details").forEach((details, number) => { details.open = Boolean(open[number]); });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  async function look() {
    if (!document.hidden) {
      try {
        const answer = await fetch(place, { redirect: "error", signal: AbortSignal.timeout(10000) });
        if (!answer.ok) throw new Error(answer.status);
        show(await answer.text());
        parts.classList.remove("is-off");
        parts.removeAttribute("title");
      } catch {
        parts.classList.add("is-off");
        parts.title = parts.dataset.away || "";
      }
    }
    window.setTimeout(look, every * (0.9 + Math.random() * 0.2));
  }
  if (parts) window.setTimeout(look, every);
}
