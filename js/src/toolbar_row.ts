import { currentMethod, type Field, type Session } from "./controls";

/** A row of the toolbar. */
export interface Row {
  element: HTMLElement;
  refresh(): void;
}

/** Dims a row that the chosen method does not use; hides it if no method does. */
export function need(row: HTMLElement, name: Field, session: Session): void {
  const methods = session.show.includes("method") ? session.facts.get("methods") : [];
  const method = currentMethod(session);
  const watched = session.needs.includes(name);
  row.hidden = !watched && methods.length > 0 && !methods.some((each) => each.needs.includes(name));
  const unused = !watched && method !== undefined && !method.needs.includes(name);
  row.classList.toggle("nbx-unused", unused);
  row.title = unused ? `${method.label} does not use the ${name}` : "";
  for (const input of row.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) input.disabled = unused;
}

/** A name in any script, kept from reordering what stands beside it. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}
