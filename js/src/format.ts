/** A number in at most `digits` significant digits, with a true minus sign. */
export function rounded(value: number, digits = 3): string {
  if (Number.isNaN(value)) return "no value";
  const size = Math.abs(value);
  const tiny = size > 0 && (size < 1e-3 || size >= 1e5);
  const text = tiny ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return text.replace(/\.?0+e/, "e").replace("e+", "e").replace(/-/g, "−");
}

/** `1 row`, `2 rows`. */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}
