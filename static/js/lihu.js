// What every page has, driven by data attributes (docs/reference/components.md). Pages work without it.

const root = document.documentElement;

/**
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
function target(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

// -- Light and dark ---------------------------------------------------------------------------------------------------

const system = matchMedia('(prefers-color-scheme: dark)');

function isDark() {
  return root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
}

function showTheme() {
  for (const button of document.querySelectorAll('[data-theme-switch]')) button.setAttribute('aria-pressed', String(isDark()));
}

function switchTheme() {
  const next = isDark() ? 'light' : 'dark';
  // The same as the system's: no choice of one's own, so that the page follows the system again.
  const own = (next === 'dark') !== system.matches;
  if (own) root.dataset.theme = next;
  else delete root.dataset.theme;
  try {
    if (own) localStorage.setItem('lihu-theme', next);
    else localStorage.removeItem('lihu-theme');
  } catch {
    // Kept for this page only.
  }
  showTheme();
}

system.addEventListener('change', showTheme);
showTheme();

// -- Clicks -----------------------------------------------------------------------------------------------------------

document.addEventListener('click', async (event) => {
  if (target(event, '[data-theme-switch]')) switchTheme();

  target(event, '[data-dismiss]')?.closest('[data-notice]')?.remove();

  const language = target(event, 'a[data-language]');
  if (language instanceof HTMLAnchorElement) {
    // Pages rendered once for all know neither the query nor the place on the page.
    const url = new URL(location.href);
    url.searchParams.set('lang', language.dataset.language ?? '');
    language.href = url.href;
  }

  const opener = target(event, '[data-dialog]');
  const dialog = opener && document.getElementById(opener.dataset.dialog ?? '');
  if (dialog instanceof HTMLDialogElement) {
    event.preventDefault();
    dialog.showModal();
  }
  // A click beside the dialog lands on the dialog itself.
  if (event.target instanceof HTMLDialogElement) event.target.close();
  const closing = target(event, '[data-close]')?.closest('dialog');
  if (closing instanceof HTMLDialogElement) closing.close();

  const copy = target(event, '[data-copy]');
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy ?? '');
    const word = copy.querySelector('[data-copy-word]');
    if (word) word.textContent = copy.dataset.copied ?? '';
    copy.setAttribute('aria-live', 'polite');
  }

  for (const menu of document.querySelectorAll('details[data-menu][open]')) {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.removeAttribute('open');
  }
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details[data-menu][open]')) {
    menu.removeAttribute('open');
    if (menu.contains(document.activeElement)) menu.querySelector('summary')?.focus();
  }
});

// -- Filters ----------------------------------------------------------------------------------------------------------

// <input data-filter="#list">: hides the children of #list that lack a word of what was typed. The form still searches all.
document.addEventListener('input', (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || !field.dataset.filter) return;
  const words = fold(field.value).split(/\s+/);
  for (const item of document.querySelectorAll(`${field.dataset.filter} > *`)) {
    if (item instanceof HTMLElement) {
      const text = fold(item.dataset.text ?? item.textContent ?? '');
      item.hidden = !words.every((word) => text.includes(word));
    }
  }
});

/** @param {string} text */
function fold(text) {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

// <form data-submit-on-change>: choosing is enough.
document.addEventListener('change', (event) => {
  const field = event.target;
  if (!(field instanceof HTMLSelectElement || field instanceof HTMLInputElement)) return;
  if (field instanceof HTMLInputElement && !['checkbox', 'radio'].includes(field.type)) return;
  if (field.form?.hasAttribute('data-submit-on-change')) field.form.requestSubmit();
});

// -- Forms ------------------------------------------------------------------------------------------------------------

// What went wrong is read out and shown first.
const summary = document.querySelector('[data-focus]');
if (summary instanceof HTMLElement) summary.focus({ preventScroll: false });

// A form that is on its way is not sent twice by an impatient thumb.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== 'post') return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = '1';
  const label = event.submitter?.dataset.working ?? form.dataset.working;
  if (label) showWork(form, label);
});

const LOOK_EVERY_MS = 300;

/** What takes seconds says that it is under way. @param {HTMLFormElement} form @param {string} label */
function showWork(form, label) {
  const work = document.createElement('div');
  work.className = 'work';
  const line = document.createElement('p');
  line.setAttribute('role', 'status');
  line.textContent = label;
  const bar = document.createElement('progress');
  bar.setAttribute('aria-label', label);
  work.append(line, bar);
  form.querySelector('.actions')?.before(work);
  if (form.dataset.workingAt) followWork(form.dataset.workingAt, bar);
}

/**
 * Shows how far it is, until the next page comes. Where nobody can say, the bar says that it is under way and no more.
 * @param {string} address
 * @param {HTMLProgressElement} bar
 */
async function followWork(address, bar) {
  // Beside what is read out: steps that follow each other fast are to be seen, not heard.
  const step = document.createElement('p');
  step.className = 'work-step';
  bar.after(step);
  try {
    for (;;) {
      await new Promise((resolve) => window.setTimeout(resolve, LOOK_EVERY_MS));
      if (!bar.isConnected) return;
      const { label, value, max } = await (await fetch(address)).json();
      if (!label) continue;
      step.textContent = label;
      bar.max = max;
      // Before anything is done, a bar that moves says more than an empty one.
      if (value) bar.value = value;
      else bar.removeAttribute('value');
    }
  } catch {
    step.textContent = '';
    bar.removeAttribute('value');
  }
}

// Coming back with the browser's button shows the page as it was left: let it be sent again.
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) form.removeAttribute('data-sent');
  for (const line of document.querySelectorAll('form .work')) line.remove();
});

export {};
