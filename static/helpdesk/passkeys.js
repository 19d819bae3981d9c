// Shows what needs passkeys where the browser has them, and says it when one wasn't used. Loads before allauth's.
"use strict";

for (const part of document.querySelectorAll("[data-passkeys]")) part.hidden = !window.PublicKeyCredential;

// Turned down, timed out, no key here: the browser tells them apart no further, and neither is an error of the page.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  // The one that it does tell apart: a device that made a key here before makes no second one.
  const is_known = event.detail.exception.name === "InvalidStateError";
  for (const words of document.querySelectorAll("[data-passkey-error]")) words.hidden = is_known;
  for (const words of document.querySelectorAll("[data-passkey-known]")) words.hidden = !is_known;
});
