// Who gets the reminder follows what is chosen: a moment after the last change the form's own preview is asked for.
const PAUSE_MS = 400;

for (const form of document.querySelectorAll("form[data-rule-form]")) {
  const shown = document.getElementById("rule-preview");
  if (!(form instanceof HTMLFormElement) || !shown) continue;
  /** @type {number | undefined} */
  let waiting;
  /** @type {AbortController | undefined} */
  let asking;
  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const values = new FormData(form);
    values.set("preview", "1");
    try {
      const answer = await fetch(location.href, { method: "POST", body: values, signal: asking.signal });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("#rule-preview #next");
      const old = shown.querySelector("#next");
      if (fresh && old) old.replaceWith(fresh);
    } catch {
      // Away, or overtaken by the next change: the button still asks.
    }
  };
  const follow = () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(ask, PAUSE_MS);
  };
  form.addEventListener("input", follow);
  form.addEventListener("change", follow);
}

export {};
