// @ts-check
// What only the reader knows is added here, to pages that are the same for everybody: one day at a time, filters, search, the
// reader's own time zone, stars, and the line that says now. Without this script every session is shown, and links to days work.

const programme = /** @type {HTMLElement | null} */ (document.querySelector("[data-programme]"));
const words = /** @type {HTMLElement | null} */ (document.querySelector("[data-words]"))?.dataset ?? {};
const language = document.documentElement.lang || "en";

/** Without case and accents, so that “Muller” finds “Müller”. @param {string} text */
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// -- Stars: kept in this browser ----------------------------------------------------------------------------------------

const starsKey = `lihu:stars:${programme?.dataset.programme ?? ""}`;

/** @returns {Set<string>} */
function readStars() {
  try {
    const kept = JSON.parse(localStorage.getItem(starsKey) ?? "[]");
    return new Set(Array.isArray(kept) ? kept : []);
  } catch {
    return new Set();
  }
}

const stars = readStars();
const HOUR = 3_600_000;

/** @param {string} code @param {boolean} on */
function keepStar(code, on) {
  if (on) stars.add(code);
  else stars.delete(code);
  try {
    localStorage.setItem(starsKey, JSON.stringify([...stars]));
  } catch {
    // A browser that keeps nothing still shows the star until the page is left.
  }
}

// -- The reader's agenda: the stars, sent to an address of one's own that a calendar follows ------------------------------

const agendaKey = `lihu:agenda:${programme?.dataset.programme ?? ""}`;
const agendaPath = `/${programme?.dataset.programme ?? ""}/agenda/`;

/** `sent`: the stars that it held last, so that those set on another page or while offline are sent as well.
 * @typedef {{token: string, address: string, subscribe: string, sent: string}} Agenda */

/** @returns {Agenda | null} */
function readAgenda() {
  try {
    return JSON.parse(localStorage.getItem(agendaKey) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Agenda | null} agenda */
function keepAgenda(agenda) {
  try {
    if (agenda) localStorage.setItem(agendaKey, JSON.stringify(agenda));
    else localStorage.removeItem(agendaKey);
  } catch {
    // Then the address is shown this once, and later stars do not reach it.
  }
}

const listOfStars = () => [...stars].sort().join(" ");

/** @param {"POST" | "PUT" | "DELETE"} method @param {string} path */
const sendAgenda = (method, path) =>
  fetch(path, {
    method,
    credentials: "omit",
    ...(method === "DELETE" ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sessions: [...stars] }) }),
  });

/** What the browser could not send goes with the next star, or the next page. */
async function syncAgenda() {
  const agenda = readAgenda();
  const list = listOfStars();
  if (!agenda || agenda.sent === list) return;
  const answer = await sendAgenda("PUT", `${agendaPath}${agenda.token}/`).catch(() => null);
  if (answer?.ok) keepAgenda({ ...agenda, sent: list });
  else if (answer?.status === 404) keepAgenda(null);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let syncing;
document.addEventListener("stars", () => {
  clearTimeout(syncing);
  syncing = setTimeout(syncAgenda, 800);
});
// Leaving right after a star: the request outlives the page.
addEventListener("pagehide", () => {
  const agenda = readAgenda();
  if (agenda && agenda.sent !== listOfStars()) {
    fetch(`${agendaPath}${agenda.token}/`, { method: "PUT", credentials: "omit", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sessions: [...stars] }) });
  }
});

/** @param {HTMLElement} dialog @param {HTMLElement} opener */
function startAgenda(dialog, opener) {
  /** @param {string} name */
  const part = (name) => /** @type {HTMLElement | null} */ (dialog.querySelector(`[data-agenda-${name}]`));
  const show = () => {
    const agenda = readAgenda();
    opener.hidden = !stars.size && !agenda;
    for (const [name, on] of /** @type {[string, boolean][]} */ ([["start", !agenda], ["ready", Boolean(agenda)]])) {
      const node = part(name);
      if (node) node.hidden = !on;
    }
    if (!agenda) return;
    part("subscribe")?.setAttribute("href", agenda.subscribe);
    const field = /** @type {HTMLInputElement | null} */ (dialog.querySelector(".copy input"));
    const copy = /** @type {HTMLElement | null} */ (dialog.querySelector("[data-copy]"));
    if (field) field.value = agenda.address;
    if (copy) copy.dataset.copy = agenda.address;
  };
  /** @param {boolean} failed */
  const say = (failed) => {
    const error = part("error");
    if (error) error.hidden = !failed;
  };
  part("make")?.addEventListener("click", async () => {
    const answer = await sendAgenda("POST", agendaPath).catch(() => null);
    say(!answer?.ok);
    if (!answer?.ok) return;
    const { token, address, subscribe } = await answer.json();
    keepAgenda({ token, address, subscribe, sent: listOfStars() });
    show();
    part("subscribe")?.focus();
  });
  part("end")?.addEventListener("click", async () => {
    const answer = await sendAgenda("DELETE", `${agendaPath}${readAgenda()?.token ?? ""}/`).catch(() => null);
    const ended = Boolean(answer?.ok || answer?.status === 404);
    say(!ended);
    if (!ended) return;
    keepAgenda(null);
    show();
    part("make")?.focus();
  });
  document.addEventListener("stars", show);
  show();
}

const agendaDialog = document.getElementById("agenda");
const agendaOpener = /** @type {HTMLElement | null} */ (document.querySelector("[data-dialog=agenda]"));
if (agendaDialog && agendaOpener) startAgenda(agendaDialog, agendaOpener);
syncAgenda();

/** @param {string} code @param {string} title @param {{star?: string, starred?: string}} labels @param {boolean} withText */
function starButton(code, title, labels, withText) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "star";
  const show = () => {
    const on = stars.has(code);
    button.setAttribute("aria-pressed", String(on));
    if (withText) button.textContent = (on ? labels.starred : labels.star) ?? "";
  };
  if (!withText) button.setAttribute("aria-label", `${labels.star}: ${title}`);
  button.addEventListener("click", () => {
    keepStar(code, !stars.has(code));
    show();
    document.dispatchEvent(new CustomEvent("stars"));
  });
  show();
  return button;
}

// -- Times in the reader's zone -------------------------------------------------------------------------------------------

const eventZone = programme?.dataset.zone ?? "UTC";
const myZone = Intl.DateTimeFormat().resolvedOptions().timeZone || eventZone;

/** @param {string} zone */
const clockIn = (zone) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
/** @param {string} zone */
const dayIn = (zone) => new Intl.DateTimeFormat(language, { timeZone: zone, weekday: "short", day: "numeric", month: "short" });

/** Whether both zones show other clocks at that instant. @param {Date} at */
const differs = (at) => clockIn(eventZone).format(at) !== clockIn(myZone).format(at) || dayIn(eventZone).format(at) !== dayIn(myZone).format(at);

/** @param {boolean} mine */
function showZone(mine) {
  const clock = clockIn(myZone);
  const days = [dayIn(eventZone), dayIn(myZone)];
  for (const time of document.querySelectorAll("[data-programme] time[datetime]")) {
    const node = /** @type {HTMLTimeElement} */ (time);
    node.dataset.there ??= node.textContent ?? "";
    const at = new Date(node.dateTime);
    const [there, here] = days.map((day) => day.format(at));
    node.textContent = mine ? (there === here ? "" : `${here} `) + clock.format(at) : node.dataset.there;
  }
  for (const name of document.querySelectorAll("[data-zone-name]")) {
    const node = /** @type {HTMLElement} */ (name);
    node.dataset.there ??= node.textContent ?? "";
    node.textContent = mine ? `${words.mine ?? ""} ${myZone}` : node.dataset.there;
  }
}

// -- The schedule -----------------------------------------------------------------------------------------------------------

/** @param {HTMLElement} root @param {HTMLFormElement} tools */
function startSchedule(root, tools) {
  const slots = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".slot")]);
  /** @type {Map<HTMLElement, string>} */
  const texts = new Map();
  const days = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".programme-day")]);
  const links = /** @type {HTMLAnchorElement[]} */ ([...root.querySelectorAll(".programme-days a")]);
  const found = root.querySelector("[data-found]");
  const reset = /** @type {HTMLButtonElement | null} */ (tools.querySelector("[type=reset]"));
  const zone = /** @type {HTMLElement | null} */ (tools.querySelector("[data-my-zone]"));
  const times = /** @type {HTMLTimeElement[]} */ ([...root.querySelectorAll(".plan-time time")]);

  /** What a reader may look for: its words, and how Chinese ones are read. @param {HTMLElement} slot */
  const textOf = (slot) => {
    let text = texts.get(slot);
    if (text === undefined) {
      text = fold(`${slot.textContent} ${slot.dataset.reading ?? ""}`);
      texts.set(slot, text);
    }
    return text;
  };

  /** @param {HTMLElement} slot @returns {[number, number]} */
  const spanOf = (slot) => {
    const [start, end] = [...slot.querySelectorAll(".slot-facts time")].map((time) => new Date(/** @type {HTMLTimeElement} */ (time).dateTime).getTime());
    return [start ?? 0, end ?? 0];
  };

  // -- Stars come to the slots that are shown, a few at a time: a thousand at once would hold the page up

  /** @param {HTMLElement} slot */
  const giveStar = (slot) => {
    if (!slot.dataset.code || slot.lastElementChild?.classList.contains("star")) return;
    slot.append(starButton(slot.dataset.code, slot.querySelector("h4")?.textContent?.trim() ?? "", words, false));
  };
  /** @type {HTMLElement[]} */
  let waiting = [];
  const giveStars = () => {
    for (const slot of waiting.splice(0, 40)) giveStar(slot);
    if (waiting.length) setTimeout(giveStars);
  };
  /** @param {HTMLElement[]} shown */
  const wantStars = (shown) => {
    const idle = waiting.length === 0;
    waiting = shown;
    if (idle) setTimeout(giveStars);
  };

  // -- One day at a time

  /** @param {string} id */
  const showDay = (id) => {
    for (const day of days) {
      day.toggleAttribute("data-shown", day.id === id);
      if (day.id === id) wantStars([.../** @type {NodeListOf<HTMLElement>} */ (day.querySelectorAll(".slot"))]);
    }
    for (const link of links) {
      if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  /** From its first beginning to its last. @param {HTMLElement} day @returns {[number, number]} */
  const boundsOf = (day) => {
    const marks = /** @type {NodeListOf<HTMLTimeElement>} */ (day.querySelectorAll(".plan-time time"));
    return [new Date(marks[0]?.dateTime ?? "").getTime(), new Date(marks[marks.length - 1]?.dateTime ?? "").getTime()];
  };
  const bounds = new Map(days.map((day) => [day, boundsOf(day)]));
  /** A little before the first and until the last may have ended. */
  const today = () => {
    const now = Date.now();
    return days.find((day) => {
      const [first, last] = bounds.get(day) ?? [NaN, NaN];
      return first - 2 * HOUR < now && now < last + 2 * HOUR;
    });
  };
  const chosen = () => days.find((day) => `#${day.id}` === location.hash) ?? today() ?? days[0];
  if (days.length > 1) {
    root.toggleAttribute("data-one-day", true);
    for (const link of links) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        history.replaceState(null, "", link.href);
        showDay(link.hash.slice(1));
      });
    }
    addEventListener("hashchange", () => showDay(chosen()?.id ?? ""));
  }
  if (days[0]) showDay(chosen()?.id ?? "");

  // -- Filters and search, kept in the address

  /** Under way, or about to begin. @param {HTMLElement} slot @param {number} now */
  const isOn = (slot, now) => {
    const [start, end] = spanOf(slot);
    return start < now + HOUR && now < end;
  };

  const filter = () => {
    const data = new FormData(tools);
    const needles = fold(String(data.get("q") ?? "")).split(/\s+/).filter(Boolean);
    const wanted = ["track", "room", "kind", "language"].map((name) => /** @type {[string, Set<string>]} */ ([name, new Set(data.getAll(name).map(String))])).filter(([, values]) => values.size);
    const starred = data.get("starred") !== null;
    const onlyNow = data.get("now") !== null;
    const active = needles.length > 0 || wanted.length > 0 || starred || onlyNow;
    const now = Date.now();
    /** @type {HTMLElement[]} */
    const shownSlots = [];
    let count = 0;
    for (const slot of slots) {
      const codes = [slot, ...slot.querySelectorAll(".slot-talks [data-code]")].map((node) => /** @type {HTMLElement} */ (node).dataset.code ?? "");
      const fits =
        needles.every((needle) => textOf(slot).includes(needle)) &&
        (!onlyNow || isOn(slot, now)) &&
        wanted.every(([name, values]) => values.has(slot.dataset[name] ?? "")) &&
        (!starred || codes.some((code) => stars.has(code)));
      slot.classList.toggle("is-filtered-out", !fits);
      count += Number(fits);
      if (fits) shownSlots.push(slot);
    }
    if (active) wantStars(shownSlots);
    for (const time of times) {
      let next = time.closest(".plan-time")?.nextElementSibling;
      let shown = false;
      for (; next && next.classList.contains("slot"); next = next.nextElementSibling) shown ||= !next.classList.contains("is-filtered-out");
      time.closest(".plan-time")?.classList.toggle("is-filtered-out", active && !shown);
    }
    root.classList.toggle("is-list", active);
    if (found) found.textContent = active ? (count ? `${words.some ?? ""} ${count}` : (words.none ?? "")) : "";
    if (reset) reset.hidden = !active;
    for (const details of tools.querySelectorAll("[data-filter]")) {
      const node = /** @type {HTMLElement} */ (details);
      const number = data.getAll(node.dataset.filter ?? "").length;
      node.classList.toggle("is-on", number > 0);
      const badge = node.querySelector("[data-count]");
      if (badge) badge.textContent = number ? `(${number})` : "";
    }
  };

  const remember = () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(tools)) if (String(value)) query.append(name, String(value));
    const text = query.toString();
    history.replaceState(null, "", location.pathname + (text ? `?${text}` : "") + location.hash);
  };

  const asked = new URLSearchParams(location.search);
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (tools.querySelectorAll("input"))) {
    if (field.type === "checkbox") field.checked = asked.getAll(field.name).includes(field.value);
    else field.value = asked.get(field.name) ?? "";
  }
  const countStars = () => {
    const node = tools.querySelector("[data-star-count]");
    if (node) node.textContent = stars.size ? `(${stars.size})` : "";
  };

  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", () => {
    filter();
    remember();
    showZone(zone?.querySelector("input")?.checked ?? false);
  });
  tools.addEventListener("reset", () =>
    queueMicrotask(() => {
      for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (tools.querySelectorAll("input"))) {
        if (field.type === "checkbox") field.checked = false;
        else field.value = "";
      }
      filter();
      remember();
      showZone(false);
    }),
  );
  document.addEventListener("stars", () => {
    countStars();
    filter();
  });
  // One menu at a time; a click elsewhere or Escape closes it.
  document.addEventListener("click", (event) => {
    for (const menu of tools.querySelectorAll("details[open]")) if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  });
  tools.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = /** @type {HTMLElement} */ (event.target).closest("details[open]");
    menu?.removeAttribute("open");
    menu?.querySelector("summary")?.focus();
  });

  const first = times[0] ? new Date(times[0].dateTime) : null;
  const nowChip = /** @type {HTMLElement | null} */ (tools.querySelector("[data-now-chip]"));
  if (nowChip) nowChip.hidden = !today();
  if (zone && first && differs(first)) zone.hidden = false;
  countStars();
  if (asked.size) {
    filter();
    showZone(zone?.querySelector("input")?.checked ?? false);
  }

  // -- Now

  const isWide = matchMedia("(min-width: 60rem)");
  const markNow = () => {
    for (const line of root.querySelectorAll(".now-line")) line.remove();
    const now = Date.now();
    const plan = today()?.querySelector(".plan");
    // Only the grid has a place for it, and measuring a list of a thousand takes its time.
    if (plan && isWide.matches) {
      const marks = [...plan.querySelectorAll(".plan-time")].map((mark) => ({ at: new Date(mark.querySelector("time")?.dateTime ?? "").getTime(), top: /** @type {HTMLElement} */ (mark).offsetTop }));
      const later = marks.findIndex((mark) => mark.at > now);
      const before = marks[later - 1];
      const after = marks[later];
      if (!before || !after) return;
      const line = document.createElement("div");
      line.className = "now-line";
      line.setAttribute("aria-hidden", "true");
      line.append(Object.assign(document.createElement("span"), { textContent: words.now ?? "" }));
      line.style.insetBlockStart = `${before.top + ((now - before.at) / (after.at - before.at)) * (after.top - before.top)}px`;
      plan.append(line);
    }
  };
  markNow();
  setInterval(() => {
    markNow();
    if (new FormData(tools).get("now") !== null) filter();
  }, 60_000);
  isWide.addEventListener("change", markNow);
}

// -- The list of speakers -----------------------------------------------------------------------------------------------

/** @param {HTMLElement} root @param {HTMLFormElement} tools */
function startSpeakers(root, tools) {
  const people = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".speaker-list li")]);
  const texts = new Map(people.map((person) => [person, fold(`${person.textContent} ${person.dataset.reading ?? ""}`)]));
  const found = root.querySelector("[data-found]");
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", () => {
    const needles = fold(String(new FormData(tools).get("q") ?? "")).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const person of people) {
      const fits = needles.every((needle) => texts.get(person)?.includes(needle));
      person.classList.toggle("is-filtered-out", !fits);
      count += Number(fits);
    }
    if (found) found.textContent = needles.length ? (count ? `${words.some ?? ""} ${count}` : (words.none ?? "")) : "";
  });
}

const tools = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-tools]"));
const speakers = /** @type {HTMLElement | null} */ (document.querySelector("[data-speakers]"));
if (programme && tools) startSchedule(programme, tools);
if (speakers && tools) startSpeakers(speakers, tools);
for (const place of document.querySelectorAll("[data-star-for]")) {
  const node = /** @type {HTMLElement} */ (place);
  node.append(starButton(node.dataset.starFor ?? "", "", node.dataset, true));
}
