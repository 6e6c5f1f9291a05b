// Which sessions pretalx's public widget shows of a schedule in its shape, as JSON: node pretalx_widget.mjs FILE
import { readFileSync } from "node:fs";
import { createSSRApp } from "vue";
import { renderToString } from "vue/server-renderer";
import moment from "moment-timezone";

// What the widget asks a browser for while it is loaded and rendered.
globalThis.Element = class {};
globalThis.document = { querySelector: () => ({ lang: "en" }) };
const { LinearSchedule } = await import("@pretalx/schedule");

const schedule = JSON.parse(readFileSync(process.argv[2], "utf8"));
const by = (rows, key) => Object.fromEntries(rows.map((row) => [row[key], row]));
const rooms = by(schedule.rooms, "id");
const tracks = by(schedule.tracks, "id");
const speakers = by(schedule.speakers, "code");
// As the widget's own application prepares them.
const sessions = schedule.talks.map((talk) => ({
  id: talk.code,
  title: talk.title,
  abstract: talk.abstract,
  start: moment.tz(talk.start, schedule.timezone),
  end: moment.tz(talk.end, schedule.timezone),
  speakers: talk.speakers.map((code) => speakers[code]),
  track: tracks[talk.track],
  room: rooms[talk.room],
}));
sessions.sort((a, b) => a.start.diff(b.start));
const props = { sessions, rooms: schedule.rooms, favs: [], now: moment(), timezone: schedule.timezone, locale: "en", currentDay: sessions[0].start };
const app = createSSRApp(LinearSchedule, props);
app.directive("scrollbar", { getSSRProps: () => ({}) });
app.component("BuntIconButton", { render: () => null });
const html = await renderToString(app);
console.log(JSON.stringify([...html.matchAll(/c-linear-schedule-session"[^>]*href="[^"]*talk\/([^"/]+)\//g)].map((found) => found[1])));
