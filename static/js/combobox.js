// <input data-suggest="/institutions/" data-suggest-id="institution" data-suggest-domain="email">: suggests while one types, after the
// combobox pattern of the ARIA Authoring Practices (list, no automatic selection). Whatever is typed may stay as it is.

let lists = 0;

dress(document);
// Another person of a group.
document.addEventListener('added', (event) => {
  if (event.target instanceof Element) dress(event.target);
});

/** @param {ParentNode} part */
function dress(part) {
  for (const field of part.querySelectorAll('input[data-suggest]')) {
    if (field instanceof HTMLInputElement && !field.hasAttribute('role')) suggest(field);
  }
}

/**
 * @typedef {{ id: number, name: string, other: string, country: string, ror_id: string }} Suggestion
 */

/** @param {HTMLInputElement} field */
function suggest(field) {
  lists += 1;
  const list = document.createElement('ul');
  const id = `suggestions-${lists}`;
  list.id = id;
  list.className = 'suggestions';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', field.labels?.[0]?.firstChild?.textContent?.trim() ?? '');
  list.hidden = true;
  const status = document.createElement('p');
  status.className = 'visually-hidden';
  status.setAttribute('role', 'status');
  const box = document.createElement('div');
  box.className = 'combobox';
  field.replaceWith(box);
  box.append(field, list, status);
  for (const [name, value] of Object.entries({ role: 'combobox', autocomplete: 'off', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': id })) {
    field.setAttribute(name, value);
  }
  const chosen = field.form?.elements.namedItem(field.dataset.suggestId ?? '');
  const address = field.form?.elements.namedItem(field.dataset.suggestDomain ?? '');
  /** @type {Suggestion[]} */
  let shown = [];
  let active = -1;
  let timer = 0;
  /** @type {AbortController | null} */
  let asking = null;

  async function look() {
    const typed = field.value.trim();
    const url = new URL(field.dataset.suggest ?? '', location.href);
    if (typed.length > 1 || /[^\x00-\x7f]/.test(typed)) url.searchParams.set('q', typed);
    else if (!typed && address instanceof HTMLInputElement && address.value.includes('@')) {
      // Only what stands behind the @ leaves the page.
      url.searchParams.set('domain', address.value.slice(address.value.lastIndexOf('@') + 1).trim());
    } else return close();
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(url, { signal: asking.signal });
      if (answer.ok) open((await answer.json()).results);
    } catch {
      // Without suggestions it is a field like others.
    }
  }

  /** @param {Suggestion[]} found */
  function open(found) {
    if (document.activeElement !== field) return;
    shown = found;
    active = -1;
    list.replaceChildren(
      ...shown.map((one, place) => {
        const item = document.createElement('li');
        item.id = `${id}-${place}`;
        item.setAttribute('role', 'option');
        item.setAttribute('aria-selected', 'false');
        const name = document.createElement('bdi');
        name.textContent = one.name;
        const more = document.createElement('span');
        more.className = 'muted small';
        more.textContent = [one.other, one.country].filter(Boolean).join(' · ');
        item.append(name, more);
        return item;
      }),
    );
    list.hidden = !shown.length;
    field.setAttribute('aria-expanded', String(shown.length > 0));
    field.removeAttribute('aria-activedescendant');
    status.textContent = shown.length ? String(shown.length) : '';
  }

  function close() {
    list.hidden = true;
    active = -1;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
  }

  /** @param {number} place */
  function point(place) {
    active = place;
    [...list.children].forEach((item, n) => item.setAttribute('aria-selected', String(n === place)));
    if (place < 0) field.removeAttribute('aria-activedescendant');
    else {
      field.setAttribute('aria-activedescendant', `${id}-${place}`);
      list.children[place]?.scrollIntoView({ block: 'nearest' });
    }
  }

  /** @param {number} place */
  function choose(place) {
    const one = shown[place];
    if (!one) return;
    field.value = one.name;
    if (chosen instanceof HTMLInputElement) chosen.value = String(one.id);
    close();
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }

  field.addEventListener('input', () => {
    if (chosen instanceof HTMLInputElement) chosen.value = '';
    clearTimeout(timer);
    timer = window.setTimeout(look, 150);
  });
  field.addEventListener('focus', () => {
    if (!field.value) void look();
  });
  field.addEventListener('blur', close);
  field.addEventListener('keydown', (event) => {
    const isOpen = !list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!isOpen) return void look();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      point(active < 0 && step < 0 ? shown.length - 1 : (active + step + shown.length) % shown.length);
    } else if (event.key === 'Enter' && isOpen && active >= 0) {
      event.preventDefault();
      choose(active);
    } else if (event.key === 'Escape' && isOpen) {
      event.stopPropagation();
      close();
    }
  });
  // Before the field loses the focus.
  list.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    const item = event.target instanceof Element ? event.target.closest('li') : null;
    if (item) choose([...list.children].indexOf(item));
  });
}

export {};
