// The form of a group: people come and go without asking the server. Without this its buttons ask it.

for (const form of document.querySelectorAll('form[data-most]')) {
  if (form instanceof HTMLFormElement) follow(form);
}

/** @param {HTMLFormElement} form */
function follow(form) {
  const note = form.querySelector('[data-removed]');
  /** @type {HTMLFieldSetElement | null} Whoever was taken out last, and can be put back. */
  let removed = null;

  form.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const person = button?.closest('fieldset[data-person]');
    if (button?.name === 'add') {
      event.preventDefault();
      show(add(form));
    } else if (button?.name === 'remove' && person instanceof HTMLFieldSetElement) {
      event.preventDefault();
      forget();
      removed = person;
      takeOut(person, true);
      if (note instanceof HTMLElement) {
        note.hidden = false;
        person.after(note);
        const words = note.querySelector('bdi');
        if (words) words.textContent = named(person);
        note.querySelector('button')?.focus();
      }
    } else if (button && note?.contains(button) && removed) {
      const back = removed;
      removed = null;
      takeOut(back, false);
      forget();
      show(back);
    }
    update(form);
  });
  // As many people as a draft has, by the numbers that their fields have there.
  form.addEventListener('filling', (event) => {
    if (!(event instanceof CustomEvent)) return;
    const numbers = new Set();
    for (const [name] of event.detail) numbers.add(/^person-(\d+)-name$/.exec(name)?.[1]);
    numbers.delete(undefined);
    for (const number of numbers) if (!form.querySelector(`[data-person="person-${number}-"]`)) add(form, number);
    for (const person of people(form)) {
      if (numbers.size && !numbers.has(numberOf(person))) person.remove();
    }
    update(form);
  });
  update(form);

  /** What was taken out is gone for good. */
  function forget() {
    removed?.remove();
    removed = null;
    if (note instanceof HTMLElement) note.hidden = true;
  }
}

/** @param {HTMLFormElement} form @returns {HTMLFieldSetElement[]} */
function people(form) {
  return [...form.querySelectorAll('fieldset[data-person]:not(:disabled)')].filter((one) => one instanceof HTMLFieldSetElement);
}

/** @param {HTMLFieldSetElement} person */
function numberOf(person) {
  return person.id.replace('person-', '');
}

/** The field of somebody with this name. @param {HTMLFieldSetElement} person @param {string} name */
function fieldOf(person, name) {
  const field = person.querySelector(`[name="${person.dataset.person}${name}"]`);
  return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field : null;
}

/** @param {HTMLFieldSetElement} person */
function named(person) {
  return fieldOf(person, 'name')?.value || fieldOf(person, 'email')?.value || '–';
}

/** One that nobody has, whoever was taken out included. @param {HTMLFormElement} form */
function newNumber(form) {
  const taken = [...form.querySelectorAll('fieldset[data-person]')].map((one) => (one instanceof HTMLFieldSetElement ? Number(numberOf(one)) : 0));
  return String(Math.max(...taken) + 1);
}

/** One more person, after the others, with what people of a group mostly share. @param {HTMLFormElement} form */
function add(form, number = newNumber(form)) {
  const blank = document.querySelector('template[data-blank]');
  const made = document.createElement('template');
  made.innerHTML = blank?.innerHTML.replaceAll('__n__', number) ?? '';
  const person = made.content.querySelector('fieldset');
  const last = people(form).at(-1);
  if (!person || !last) throw new Error('no form of one more person');
  form.querySelector('fieldset[data-person]:last-of-type')?.after(person);
  for (const name of ['ticket_type', 'affiliation', 'institution']) {
    const [from, to] = [fieldOf(last, name), fieldOf(person, name)];
    if (from && to) to.value = from.value;
  }
  person.dispatchEvent(new Event('added', { bubbles: true }));
  return person;
}

/** @param {HTMLFieldSetElement} person @param {boolean} isOut */
function takeOut(person, isOut) {
  person.disabled = isOut;
  person.hidden = isOut;
  // Drafts and questions follow what is asked.
  person.form?.dispatchEvent(new Event('change'));
}

/** @param {HTMLFieldSetElement} person */
function show(person) {
  fieldOf(person, 'name')?.focus();
}

/** Numbers, and what can still be done. @param {HTMLFormElement} form */
function update(form) {
  const shown = people(form);
  const isFull = shown.length >= Number(form.dataset.most);
  shown.forEach((person, place) => {
    for (const number of person.querySelectorAll('[data-number]')) number.textContent = String(place + 1);
    const remove = person.querySelector('button[name="remove"]');
    if (remove instanceof HTMLElement) remove.hidden = shown.length === 1;
  });
  const more = form.querySelector('button[name="add"]');
  if (more instanceof HTMLElement) more.hidden = isFull;
  const full = form.querySelector('[data-full]');
  if (full instanceof HTMLElement) full.hidden = !isFull;
}

export {};
