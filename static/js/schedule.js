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
const dayIn = (zone) => new Intl.DateTimeFormat(language, { timeZone: zone, weekday: "short" });

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
  const fields = () => /** @type {HTMLInputElement[]} */ ([...tools.elements].filter((field) => field instanceof HTMLInputElement));
  /** @param {string} name */
  const box = (name) => fields().find((field) => field.name === name && field.type === "checkbox");
  const days = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".programme-day")]);
  const allDays = /** @type {HTMLAnchorElement | null} */ (root.querySelector("[data-all-days]"));
  const links = /** @type {HTMLAnchorElement[]} */ ([...root.querySelectorAll(".programme-days a:not([data-all-days])")]);
  const isWide = matchMedia("(min-width: 60rem)");
  const found = root.querySelector("[data-found]");
  const nothing = /** @type {HTMLElement | null} */ (root.querySelector("[data-nothing]"));
  const noStars = /** @type {HTMLElement | null} */ (root.querySelector("[data-no-stars]"));
  const reset = /** @type {HTMLButtonElement | null} */ (tools.querySelector("[type=reset]"));
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

  // -- Stars come to the slots that are shown when the browser has nothing else to do: a thousand would hold the page up

  /** A session's code is the last part of its address. @param {Element | null} link */
  const codeOf = (link) => (link instanceof HTMLAnchorElement ? (link.pathname.split("/").at(-2) ?? "") : "");
  /** @param {HTMLElement} slot */
  const giveStar = (slot) => {
    const link = slot.querySelector("h4 a");
    if (!link || slot.lastElementChild?.classList.contains("star")) return;
    slot.append(starButton(codeOf(link), link.textContent?.trim() ?? "", words, false));
  };
  /** @type {HTMLElement[]} */
  let waiting = [];
  const whenIdle = "requestIdleCallback" in globalThis ? requestIdleCallback : (/** @type {() => void} */ work) => setTimeout(work);
  const giveStars = () => {
    for (const slot of waiting.splice(0, 20)) giveStar(slot);
    if (waiting.length) whenIdle(giveStars);
  };
  /** @param {HTMLElement[]} shown */
  const wantStars = (shown) => {
    const idle = waiting.length === 0;
    waiting = shown;
    if (idle) whenIdle(giveStars);
  };

  // -- One day at a time; of what was found, all days or one

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
  const linked = () => days.find((day) => `#${day.id}` === location.hash)?.id ?? "";
  let day = linked() || (today() ?? days[0])?.id || "";
  /** Whether the reader chose it: then it stands in the address. */
  let isChosen = Boolean(linked());
  /** Of what was found: the one day that is shown, or all of them. */
  let only = linked();
  /** Whether the page lists what was found, rather than a day. */
  let isList = false;
  let isFiltered = false;
  let isStarted = false;
  root.toggleAttribute("data-one-day", true);

  const showDays = () => {
    const isStars = box("starred")?.checked || box("now")?.checked;
    for (const section of days) section.toggleAttribute("data-shown", isList ? !only || only === section.id : section.id === day);
    for (const link of links) {
      const here = link.hash.slice(1) === (isList ? only : day);
      if (here && !isStars) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (!allDays) return;
    allDays.hidden = !isList || Boolean(isStars) || days.length < 2;
    if (only) allDays.removeAttribute("aria-current");
    else allDays.setAttribute("aria-current", "true");
  };
  /** @param {string} id  empty: all days */
  const goTo = (id) => {
    only = id;
    day = id || day;
    isChosen ||= Boolean(id);
    for (const name of ["starred", "now"]) {
      const view = box(name);
      if (view) view.checked = false;
    }
    filter();
    remember();
  };
  for (const link of [...links, ...(allDays ? [allDays] : [])]) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(link === allDays ? "" : link.hash.slice(1));
    });
  }
  addEventListener("hashchange", () => {
    if (linked()) goTo(linked());
  });

  // -- Filters and search, kept in the address

  /** Under way, or about to begin. @param {HTMLElement} slot @param {number} now */
  const isOn = (slot, now) => {
    const [start, end] = spanOf(slot);
    return start < now + HOUR && now < end;
  };

  let hasRooms = false;
  /** Choose the columns of the grid; with no rooms, all of them. @param {Set<string>} rooms */
  const showRooms = (rooms) => {
    if (!rooms.size && !hasRooms) return;
    hasRooms = rooms.size > 0;
    for (const plan of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".plan"))) {
      const widths = [];
      for (const heading of /** @type {NodeListOf<HTMLElement>} */ (plan.querySelectorAll(".plan-room"))) {
        heading.hidden = rooms.size > 0 && !rooms.has(heading.dataset.room ?? "");
        const lanes = Number(/ w(\d+)/.exec(heading.className)?.[1] ?? 1);
        widths.push(`repeat(${lanes}, ${heading.hidden ? "0" : "minmax(9.25rem, 1fr)"})`);
      }
      plan.style.gridTemplateColumns = rooms.size ? `3.5rem ${widths.join(" ")}` : "";
    }
  };

  const filter = () => {
    const data = new FormData(tools);
    const needles = fold(String(data.get("q") ?? "")).split(/\s+/).filter(Boolean);
    const wanted = ["track", "room", "kind", "language"].map((name) => /** @type {[string, Set<string>]} */ ([name, new Set(data.getAll(name).map(String))])).filter(([, values]) => values.size);
    const starred = data.get("starred") !== null;
    const onlyNow = data.get("now") !== null;
    const active = needles.length > 0 || wanted.length > 0 || starred || onlyNow;
    // Rooms alone are columns of the grid.
    const rooms = !needles.length && !starred && !onlyNow && wanted.length === 1 && wanted[0]?.[0] === "room" && isWide.matches ? wanted[0][1] : new Set();
    showRooms(rooms);
    const wasList = isList;
    isList = active && !rooms.size;
    if (isList && ((!wasList && isStarted) || starred || onlyNow)) only = "";
    if (!isList && wasList && only) day = only;
    const now = Date.now();
    /** @type {HTMLElement[]} */
    const shownSlots = [];
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const slot of active || isFiltered ? slots : []) {
      // A block is found by any of its talks; they are where it is.
      const sessions = /** @type {HTMLElement[]} */ ([slot, ...slot.querySelectorAll(".slot-talks li")]);
      const fits =
        needles.every((needle) => textOf(slot).includes(needle)) &&
        (!onlyNow || isOn(slot, now)) &&
        ((rooms.size > 0 && slot.classList.contains("all")) ||
          sessions.some((session) => wanted.every(([name, values]) => values.has((name === "room" ? slot : session).dataset[name] ?? "")))) &&
        (!starred || [...slot.querySelectorAll("h4 a, .slot-talks a")].some((link) => stars.has(codeOf(link))));
      slot.classList.toggle("is-filtered-out", !fits);
      if (!fits) continue;
      const where = slot.closest(".programme-day")?.id ?? "";
      counts.set(where, (counts.get(where) ?? 0) + 1);
      if (isList ? !only || only === where : where === day) shownSlots.push(slot);
    }
    const count = only && isList ? (counts.get(only) ?? 0) : [...counts.values()].reduce((sum, one) => sum + one, 0);
    for (const link of links) {
      if (isList && !starred && !onlyNow) link.dataset.hits = String(counts.get(link.hash.slice(1)) ?? 0);
      else delete link.dataset.hits;
    }
    showDays();
    wantStars(active ? shownSlots : [.../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".programme-day[data-shown] .slot"))]);
    for (const time of active || isFiltered ? times : []) {
      let next = time.closest(".plan-time")?.nextElementSibling;
      let shown = false;
      for (; next && next.classList.contains("slot"); next = next.nextElementSibling) shown ||= !next.classList.contains("is-filtered-out");
      time.closest(".plan-time")?.classList.toggle("is-filtered-out", isList && !shown);
    }
    isFiltered = active;
    root.classList.toggle("is-list", isList);
    const hasNoStars = starred && stars.size === 0;
    if (nothing) nothing.hidden = !isList || count > 0 || hasNoStars;
    if (noStars) noStars.hidden = !hasNoStars;
    if (found) found.textContent = isList && !hasNoStars ? `${words.some ?? ""} ${count}` : "";
    if (reset) reset.hidden = !active;
    markNow();
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
    const place = isList ? only : isChosen ? day : "";
    history.replaceState(null, "", location.pathname + (text ? `?${text}` : "") + (place ? `#${place}` : ""));
  };

  const asked = new URLSearchParams(location.search);
  for (const field of fields()) {
    if (field.type === "checkbox") field.checked = asked.getAll(field.name).includes(field.value);
    else field.value = asked.get(field.name) ?? "";
  }
  const countStars = () => {
    const node = root.querySelector("[data-star-count]");
    if (node) node.textContent = stars.size ? `(${stars.size})` : "";
  };

  tools.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    // Stars and what is on now are views of their own.
    const other = field.name === "starred" ? box("now") : field.name === "now" ? box("starred") : undefined;
    if (other && field.checked) other.checked = false;
    if (field.name === "zone") showZone(field.checked);
    else filter();
    remember();
  });
  tools.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const field of fields()) {
      if (field.type !== "checkbox") field.value = "";
      else if (field.name !== "zone") field.checked = false;
    }
    filter();
    remember();
  });
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
  const nowTab = /** @type {HTMLElement | null} */ (root.querySelector("[data-now-tab]"));
  if (nowTab) nowTab.hidden = !today();
  if (first && differs(first)) root.querySelector("[data-my-zone]")?.toggleAttribute("data-useful", true);

  // -- Now

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

  countStars();
  filter();
  isStarted = true;
  if (box("zone")?.checked) showZone(true);
  setInterval(() => (box("now")?.checked ? filter() : markNow()), 60_000);
  isWide.addEventListener("change", filter);
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
