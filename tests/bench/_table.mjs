// A table: aligned for a terminal, or in Markdown.
export class Table {
  constructor(title, columns, notes = []) {
    Object.assign(this, { title, columns, notes, rows: [] });
  }

  add(...cells) {
    this.rows.push(cells.map((cell) => String(cell ?? "–")));
    return this;
  }

  toText() {
    const all = [this.columns, ...this.rows];
    const widths = this.columns.map((_, at) => Math.max(...all.map((row) => row[at].length)));
    const line = (row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join("  ");
    return [`\n${this.title}`, ...all.map(line), ...this.notes].join("\n");
  }

  toMarkdown() {
    const line = (row) => `| ${row.join(" | ")} |`;
    const rule = `|${this.columns.map((_, at) => (at === 0 ? "---" : "--:")).join("|")}|`;
    return [`### ${this.title}`, "", line(this.columns), rule, ...this.rows.map(line), "", ...this.notes, ""].join("\n");
  }
}

export const median = (values) => {
  const sorted = values.filter(Number.isFinite).toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

export const show = (value, digits = 0) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
/// Microseconds: a decimal where it says something.
export const us = (value) => show(value, value < 100 ? 1 : 0);
export const times = (value) => (Number.isFinite(value) ? `${value.toFixed(value < 10 ? 2 : 1)}×` : "–");
export const range = (values) => `${times(Math.min(...values))}..${times(Math.max(...values))}`;
