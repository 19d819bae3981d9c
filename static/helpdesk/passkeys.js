// Shows what needs passkeys where the browser has them, and says it when one wasn't used. Loads before allauth's.
"use strict";

for (const part of document.querySelectorAll("[data-passkeys]")) part.hidden = !window.PublicKeyCredential;

// Turned down, timed out, no key here: the browser tells them apart no further, and neither is an error of the page.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const words = document.querySelector("[data-passkey-error]");
  if (words) words.hidden = false;
});
