// What ical.js reads in a calendar, as JSON: node cal.mjs FILE
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
const calendar = new ICAL.Component(ICAL.parse(readFileSync(process.argv[2], "utf8")));
for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
const events = calendar.getAllSubcomponents("vevent").map((component) => new ICAL.Event(component));
console.log(JSON.stringify(events.map((event) => ({
  uid: event.uid, sequence: event.sequence,
  start: event.startDate.toJSDate().toISOString(), end: event.endDate.toJSDate().toISOString(), zone: event.startDate.zone.tzid,
}))));
