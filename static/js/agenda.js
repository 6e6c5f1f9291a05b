// @ts-check
// On the page of one's registration: what was starred in this browser needs no address to be typed.

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-agenda]"))) {
  const slug = form.dataset.agenda ?? "";
  const field = form.querySelector("input[name=address]");
  const asked = form.querySelector("[data-agenda-address]");
  if (!(field instanceof HTMLInputElement) || !(asked instanceof HTMLElement)) continue;

  /** What schedule.js keeps. @param {string} name */
  const kept = (name) => {
    try {
      return JSON.parse(localStorage.getItem(`lihu:${name}:${slug}`) ?? "null");
    } catch {
      return null;
    }
  };

  const agenda = kept("agenda");
  const stars = kept("stars");
  if (agenda?.address) {
    field.value = agenda.address;
    asked.hidden = true;
  } else if (Array.isArray(stars) && stars.length) {
    field.required = false;
    asked.hidden = true;
    form.addEventListener("submit", async (event) => {
      if (field.value) return;
      event.preventDefault();
      const answer = await fetch(`/${slug}/agenda/`, { method: "POST", credentials: "omit", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sessions: stars }) }).catch(() => null);
      if (!answer?.ok) {
        // Then by hand, as without this script.
        asked.hidden = false;
        field.required = true;
        field.focus();
        return;
      }
      const { token, address, subscribe } = await answer.json();
      try {
        localStorage.setItem(`lihu:agenda:${slug}`, JSON.stringify({ token, address, subscribe, sent: "" }));
      } catch {
        // A browser that keeps nothing has no stars either.
      }
      field.value = address;
      form.submit();
    });
  }
}
