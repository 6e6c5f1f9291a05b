// Writing to many: how many fit while they are being chosen, and how far it is while it is sent. Pages work without it.

const PAUSE_MS = 400;
const LOOK_EVERY_MS = 2000;

// -- The count --------------------------------------------------------------------------------------------------------

for (const form of document.querySelectorAll('form[data-campaign]')) {
  const shown = form.querySelector('[data-reach]');
  if (!(form instanceof HTMLFormElement) || !(shown instanceof HTMLElement)) continue;
  /** @type {number | undefined} */
  let waiting;
  let asked = 0;

  const count = async () => {
    asked += 1;
    const mine = asked;
    const answer = await fetch(shown.dataset.reach ?? '', { method: 'POST', body: new FormData(form) });
    if (!answer.ok || mine !== asked) return;
    shown.textContent = (await answer.json()).text;
  };
  form.querySelector('#id_whom')?.addEventListener('input', () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(count, PAUSE_MS);
  });
  count();
}

// -- The progress -----------------------------------------------------------------------------------------------------

for (const place of document.querySelectorAll('[data-progress]')) {
  if (!(place instanceof HTMLElement)) continue;

  const look = async () => {
    // A page that nobody looks at asks nothing.
    if (document.hidden || place.contains(document.activeElement)) return again();
    try {
      const answer = await fetch(place.dataset.progress ?? '');
      if (answer.ok) place.innerHTML = await answer.text();
    } catch {
      // Away for a moment: it is asked again.
    }
    return again();
  };
  const again = () => {
    if (!place.querySelector('[data-at-rest]')) window.setTimeout(look, LOOK_EVERY_MS);
  };
  again();
}

export {};
