// The preview follows what is typed: the form's own preview button is pressed a moment after the last key.
const PAUSE_MS = 500;

for (const form of document.querySelectorAll("form[data-mail-words]")) {
  const button = form.querySelector("[data-preview]");
  if (!(form instanceof HTMLFormElement) || !(button instanceof HTMLButtonElement)) continue;
  /** @type {number | undefined} */
  let waiting;
  const follow = () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => form.requestSubmit(button), PAUSE_MS);
  };
  form.addEventListener("input", follow);
  form.addEventListener("change", follow);
}

export {};
