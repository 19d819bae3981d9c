/* The live board keeps itself fresh: what changes is asked for again every few seconds, one request at a time.
   A page that nobody looks at rests; one that cannot reach the server says so, and goes on trying. */
"use strict";
{
  const parts = document.getElementById("board-parts");
  const every = Number(parts.dataset.fresh) * 1000;
  const place = new URL(window.location.href);
  place.searchParams.set("part", "1");

  function inUse() {
    const focused = document.activeElement;
    return parts.contains(focused) && focused.matches("a, summary, [tabindex]");
  }

  function show(text) {
    const open = Array.from(parts.querySelectorAll("details"), (details) => details.open);
    const fragment = new DOMParser().parseFromString(text, "text/html").body;
    parts.replaceChildren(...Array.from(fragment.childNodes, (node) => document.importNode(node, true)));
    parts.querySelectorAll("details").forEach((details, number) => { details.open = Boolean(open[number]); });
  }

  async function look() {
    if (!document.hidden && !inUse()) {
      try {
        const answer = await fetch(place, { redirect: "error", signal: AbortSignal.timeout(10000) });
        if (!answer.ok) throw new Error(answer.status);
        show(await answer.text());
        parts.classList.remove("is-off");
      } catch {
        parts.classList.add("is-off");
        const clock = document.getElementById("board-clock");
        if (clock && !clock.title) { clock.title = parts.dataset.away; clock.append(` ${parts.dataset.away}`); }
      }
    }
    window.setTimeout(look, every * (0.9 + Math.random() * 0.2));
  }
  window.setTimeout(look, every);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) parts.classList.remove("is-off"); });
  const team = document.getElementById("board-team");
  if (team) team.addEventListener("change", () => team.form.requestSubmit());
}
