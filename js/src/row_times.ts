/** What a number is the days of: since 1970-01-01, or since midnight. */
export type Time = "date" | "datetime" | "time";

const DAY = 86_400_000; // ms
const KINDS = { date: "date", datetime: "datetime-local", time: "time" } as const;

/** The type of the input that a time is written in. */
export function inputType(time: Time): string {
  return KINDS[time];
}

/** A number of days as such an input writes it: 2024-01-31, 2024-01-31T06:05, 06:05:30. */
export function timeText(value: number, time: Time): string {
  const moment = new Date(Math.round(value * DAY));
  if (Number.isNaN(moment.getTime())) return "";
  const text = moment.toISOString().replace("Z", "").replace(/\.000$/, "").replace(/:00$/, "");
  const [day, clock] = text.split("T") as [string, string];
  return time === "date" ? day : time === "time" ? clock : text;
}

/** The number of days of what is written, NaN where it is no time yet. */
export function timeValue(text: string, time: Time): number {
  if (!text) return NaN;
  const whole = time === "date" ? `${text}T00:00Z` : time === "time" ? `1970-01-01T${text}Z` : `${text}Z`;
  return Date.parse(whole) / DAY;
}
