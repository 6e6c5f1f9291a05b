// The builder of a form: shows the settings of the chosen kind, a preview while one types, and moves lines by dragging or by the two
// buttons without leaving the page. Without it there is a button to preview, and each move is a request.

// -- One question -------------------------------------------------------------------------------------------------------

const form = document.querySelector('form[data-builder]');
if (form instanceof HTMLFormElement) build(form);

/** @param {HTMLFormElement} form */
function build(form) {
  const pane = document.querySelector('[data-preview]');
  let timer = 0;
  const showKind = () => {
    const kind = new FormData(form).get('kind');
    for (const part of form.querySelectorAll('[data-kinds]')) {
      if (part instanceof HTMLElement) part.hidden = !part.dataset.kinds?.split(' ').includes(String(kind));
    }
  };
  const preview = async () => {
    try {
      const answer = await fetch(form.dataset.builder ?? '', { method: 'POST', body: new FormData(form) });
      if (!answer.ok || !pane) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      pane.replaceChildren(...page.body.childNodes);
      document.querySelector('[data-preview-empty]')?.remove();
    } catch {
      // The preview is of the last moment with a connection.
    }
  };
  form.addEventListener('input', () => {
    showKind();
    clearTimeout(timer);
    timer = window.setTimeout(preview, 300);
  });
  showKind();
}

// -- Their order --------------------------------------------------------------------------------------------------------

const lines = document.querySelector('[data-lines]');
const order = document.getElementById('order');
if (lines instanceof HTMLElement && order instanceof HTMLFormElement) arrange(lines, order);

/** @param {HTMLElement} lines @param {HTMLFormElement} order */
function arrange(lines, order) {
  const status = document.querySelector('[data-order-status]');
  /** @type {HTMLElement | null} */
  let dragged = null;
  /** @type {Element[]} */
  let before = [];

  async function save() {
    const body = new FormData(order);
    for (const line of lines.children) if (line instanceof HTMLElement) body.append('order', line.dataset.line ?? '');
    let isSaved = false;
    try {
      isSaved = (await fetch(order.action, { method: 'POST', body, headers: { 'X-Lihu-Form': '1' } })).ok;
    } catch {
      // As if it were refused: what is shown is what is stored.
    }
    if (!isSaved) lines.replaceChildren(...before);
    if (status instanceof HTMLElement) {
      status.classList.toggle('visually-hidden', isSaved);
      status.classList.toggle('danger-text', !isSaved);
      status.textContent = (isSaved ? status.dataset.saved : status.dataset.refused) ?? '';
    }
  }

  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button[data-move]') : null;
    if (!(button instanceof HTMLButtonElement) || !button.dataset.move?.startsWith('question:')) return;
    event.preventDefault();
    const line = button.closest('li');
    const other = button.value === '1' ? line?.nextElementSibling : line?.previousElementSibling;
    if (!line || !other) return;
    before = [...lines.children];
    if (button.value === '1') other.after(line);
    else other.before(line);
    button.focus();
    void save();
  });

  for (const grip of lines.querySelectorAll('[data-grip]')) {
    const line = grip.closest('li');
    if (!line) continue;
    grip.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      dragged = line;
      before = [...lines.children];
      line.classList.add('line-dragged');
      if (event instanceof PointerEvent) grip.setPointerCapture(event.pointerId);
    });
    grip.addEventListener('pointermove', (event) => {
      if (!dragged || !(event instanceof PointerEvent)) return;
      const over = document.elementFromPoint(lines.getBoundingClientRect().left + 40, event.clientY)?.closest('[data-line]');
      if (!over || over === dragged || over.parentElement !== lines) return;
      const { top, height } = over.getBoundingClientRect();
      if (event.clientY > top + height / 2) over.after(dragged);
      else over.before(dragged);
    });
    const drop = () => {
      if (!dragged) return;
      dragged.classList.remove('line-dragged');
      dragged = null;
      if (before.some((one, place) => lines.children[place] !== one)) void save();
    };
    grip.addEventListener('pointerup', drop);
    grip.addEventListener('pointercancel', drop);
  }
}

export {};
