// What somebody types into the public form stays in their browser until it is sent: over an error, another language, a closed page, a
// lost connection. Files and answers marked `data-draft="no"` are never kept, nor is anything for longer than a week.

const WEEK = 7 * 24 * 60 * 60 * 1000;

/**
 * @typedef {{ at: number, sent?: boolean, values: [string, string][] }} Draft
 */

/** @param {string} slug */
const key = (slug) => `lihu-draft-${slug}`;

/** @param {string} slug @returns {Draft | null} */
function stored(slug) {
  try {
    const draft = JSON.parse(localStorage.getItem(key(slug)) ?? 'null');
    return draft && Array.isArray(draft.values) && Date.now() - draft.at < WEEK ? draft : null;
  } catch {
    return null;
  }
}

/** @param {string} slug @param {Draft | null} draft */
function store(slug, draft) {
  try {
    if (draft) localStorage.setItem(key(slug), JSON.stringify(draft));
    else localStorage.removeItem(key(slug));
  } catch {
    // A browser that keeps nothing: the page alone does.
  }
}

// -- Where it was sent to -----------------------------------------------------------------------------------------------

const sent = document.body.dataset.draftSent;
if (sent && stored(sent)?.sent) store(sent, null);

// -- The form -----------------------------------------------------------------------------------------------------------

const found = document.querySelector('form[data-draft]');
if (found instanceof HTMLFormElement) keep(found, found.dataset.draft ?? '');

/** @param {HTMLFormElement} form @param {string} slug */
function keep(form, slug) {
  const note = document.querySelector('[data-draft-note]');
  const draft = stored(slug);
  // A form that comes back with errors or in another language has what was typed already.
  const isBlank = draft && !form.hasAttribute('data-bound');
  // A form of several people makes room for them.
  if (isBlank) form.dispatchEvent(new CustomEvent('filling', { detail: draft.values }));
  if (isBlank && fill(form, draft.values)) {
    if (note instanceof HTMLElement) note.hidden = false;
    form.dispatchEvent(new Event('draft'));
  }
  let isDropped = false;
  const save = () => {
    if (!isDropped) store(slug, { at: Date.now(), values: read(form) });
  };
  form.addEventListener('input', save);
  form.addEventListener('change', save);
  document.querySelector('[data-draft-drop]')?.addEventListener('click', () => {
    isDropped = true;
    store(slug, null);
    location.assign(location.pathname);
  });
  form.addEventListener('submit', (event) => {
    const button = event.submitter;
    const values = read(form);
    // Another language, one person more: a button with a name asks for the page anew.
    if (button instanceof HTMLButtonElement && button.name) {
      store(slug, { at: Date.now(), values });
      return;
    }
    store(slug, { at: Date.now(), values, sent: true });
    event.preventDefault();
    event.stopPropagation();
    void send(form, button);
  });
}

/** What may be kept. The token goes along: a form that is sent again after a lost connection is the same one.
 * @param {HTMLFormElement} form @returns {[string, string][]} */
function read(form) {
  /** @type {[string, string][]} */
  const values = [];
  for (const field of form.elements) {
    if (!isKept(field)) continue;
    if (field instanceof HTMLInputElement && ['radio', 'checkbox'].includes(field.type) && !field.checked) continue;
    values.push([field.name, field.value]);
  }
  return values;
}

/** @param {Element} field @returns {field is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */
function isKept(field) {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)) return false;
  // Somebody who is taken out of a group is disabled, too.
  if (!field.name || field.matches('fieldset:disabled *') || field.dataset.draft === 'no' || field.name === 'csrfmiddlewaretoken' || field.name === 'website') return false;
  // Whoever reads a draft could take files that were sent for it.
  return field.type !== 'file' && !field.name.startsWith('kept_');
}

/** Whether that changed anything that one can see. @param {HTMLFormElement} form @param {[string, string][]} values */
function fill(form, values) {
  let isChanged = false;
  for (const field of form.elements) {
    if (!isKept(field)) continue;
    const mine = values.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field instanceof HTMLInputElement && ['radio', 'checkbox'].includes(field.type)) {
      const checked = mine.includes(field.value) && !field.disabled;
      isChanged ||= field.checked !== checked && mine.length > 0;
      if (mine.length || field.type === 'checkbox') field.checked = checked;
    } else if (mine.length && field.value !== mine[0]) {
      isChanged ||= field.type !== 'hidden';
      field.value = mine[0] ?? '';
    }
  }
  return isChanged;
}

// -- Sending ------------------------------------------------------------------------------------------------------------

let isUnderWay = false;

/** @param {HTMLFormElement} form @param {HTMLElement | null} button */
async function send(form, button) {
  if (isUnderWay) return;
  isUnderWay = true;
  const offline = form.querySelector('[data-offline]');
  if (offline instanceof HTMLElement) offline.hidden = true;
  button?.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(form.action || location.href, {
      method: 'POST',
      body: new FormData(form),
      headers: { 'X-Lihu-Form': '1' },
    });
    if (answer.headers.get('Content-Type')?.includes('json')) {
      location.assign((await answer.json()).location);
      return;
    }
    await show(answer);
  } catch {
    if (offline instanceof HTMLElement) {
      offline.hidden = false;
      offline.scrollIntoView({ block: 'center' });
    }
  }
  isUnderWay = false;
  button?.removeAttribute('aria-busy');
}

/** A page of the server: the form with what is wrong in it, or one that says why there is none. @param {Response} answer */
async function show(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const [main, now] = [page.querySelector('main'), document.querySelector('main')];
  if (!main || !now) throw new Error('no page');
  now.replaceWith(document.adoptNode(main));
  document.title = page.title;
  // Scripts of the page look for their form when they are loaded: let them look again.
  for (const script of document.querySelectorAll('script[type="module"][src]')) {
    const source = script.getAttribute('src') ?? '';
    if (!/(questions|combobox|group|drafts)[^/]*\.js/.test(source)) continue;
    await import(`${new URL(source, location.href).pathname}?again=${Date.now()}`);
  }
  const summary = document.querySelector('[data-focus]');
  if (summary instanceof HTMLElement) summary.focus({ preventScroll: false });
  else scrollTo(0, 0);
}

export {};
