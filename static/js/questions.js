// Forms with an event's questions: shows what is asked and hides the rest. Without it all is shown, with a note of whom it is for;
// the server ignores answers to what is not asked either way.

for (const form of document.querySelectorAll('form.questions')) {
  if (form instanceof HTMLFormElement) follow(form);
}

/** @param {HTMLFormElement} form */
function follow(form) {
  const update = () => show(form);
  form.addEventListener('change', update);
  form.addEventListener('draft', update);
  // Another person of a group.
  form.addEventListener('added', (event) => {
    if (event.target instanceof HTMLElement) dress(event.target);
    update();
  });
  dress(form);
  update();
}

/** @param {HTMLElement} part A form, or what came into it. */
function dress(part) {
  for (const note of part.querySelectorAll('[data-only-if]')) if (note instanceof HTMLElement) note.hidden = true;
  for (const field of part.querySelectorAll('input[data-mailbox]')) if (field instanceof HTMLInputElement) checkMailbox(field);
}

/** In the page's order: whether one is asked may decide about those after it. @param {HTMLFormElement} form */
function show(form) {
  for (const part of form.querySelectorAll('.question')) {
    if (!(part instanceof HTMLElement)) continue;
    const tickets = part.dataset.tickets?.split(' ');
    const name = `${personOf(part)?.dataset.person ?? ''}ticket_type`;
    const ticket = values(form, name)[0];
    const fits = !tickets || !form.elements.namedItem(name) || (ticket !== undefined && tickets.includes(ticket));
    part.hidden = !(fits && isChosen(form, part));
    for (const input of part.querySelectorAll('input[data-shown-if]')) {
      const field = input.closest('.field');
      if (!(input instanceof HTMLInputElement) || !(field instanceof HTMLElement)) continue;
      field.hidden = !isChosen(form, input);
      const help = field.querySelector('.help');
      if (help instanceof HTMLElement) help.hidden = true;
    }
  }
  for (const section of form.querySelectorAll('section.form-section')) {
    if (section instanceof HTMLElement) section.hidden = [...section.querySelectorAll('.question')].every((q) => q instanceof HTMLElement && q.hidden);
  }
}

/** Whose fields these are, in the form of a group. @param {Element} part @returns {HTMLElement | null} */
function personOf(part) {
  return part.closest('[data-person]');
}

/** @param {HTMLFormElement} form @param {HTMLElement} element */
function isChosen(form, element) {
  const { shownIf, shownFor } = element.dataset;
  if (!shownIf) return true;
  const wanted = (shownFor ?? '').split('\n');
  return values(form, shownIf).some((value) => wanted.includes(value));
}

/** What is chosen in a field that is shown. @param {HTMLFormElement} form @param {string} name @returns {string[]} */
function values(form, name) {
  const found = [];
  for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
    if (field.closest('.question')?.hasAttribute('hidden')) continue;
    if (field instanceof HTMLInputElement && ['radio', 'checkbox'].includes(field.type)) {
      if (field.checked) found.push(field.value);
    } else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) {
      found.push(field.value);
    }
  }
  return found;
}

// -- Addresses --------------------------------------------------------------------------------------------------------

/** "gmial.com" is nobody's: asks, and changes nothing by itself. @param {HTMLInputElement} field */
function checkMailbox(field) {
  const known = ['gmail.com', 'outlook.com', 'hotmail.com', 'yahoo.com', 'icloud.com', 'qq.com', '163.com', '126.com', 'foxmail.com', 'sina.com', 'protonmail.com', 'yandex.ru', 'mail.ru', 'naver.com'];
  const words = (personOf(field) ?? field.form)?.querySelector('[data-mailbox-hint]');
  if (!(words instanceof HTMLElement)) return;
  const button = words.querySelector('button');
  field.closest('.field')?.append(words);
  field.addEventListener('change', () => {
    const [name, domain] = split(field.value);
    const meant = domain && !known.includes(domain) ? known.find((one) => isNear(domain, one)) : undefined;
    words.hidden = !meant;
    if (meant && button) button.textContent = `${name}@${meant}`;
  });
  button?.addEventListener('click', () => {
    field.value = button.textContent ?? '';
    words.hidden = true;
    field.dispatchEvent(new Event('change', { bubbles: true }));
    field.focus();
  });
}

/** @param {string} address */
function split(address) {
  const at = address.lastIndexOf('@');
  return at < 1 ? ['', ''] : [address.slice(0, at).trim(), address.slice(at + 1).trim().toLowerCase()];
}

/** One letter wrong, missing, too many, or two exchanged. @param {string} a @param {string} b */
function isNear(a, b) {
  if (Math.abs(a.length - b.length) > 1 || Math.min(a.length, b.length) < 6) return false;
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  return (left.length <= 1 && right.length <= 1) || (left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0]);
}

export {};
