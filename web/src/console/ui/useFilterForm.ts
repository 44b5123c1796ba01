// Filters of a list that are in its address: the draft that is typed, and what applies.
import { useEffect, useState } from 'react';

export type Filters = Record<string, string>;

/** Reads the known filters of an address. */
export function readFilters<K extends string>(names: readonly K[], search: Record<string, unknown>): { [N in K]?: string } {
  const read: { [N in K]?: string } = {};
  for (const name of names) {
    const value = search[name];
    const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
    if (text !== '') read[name] = text.slice(0, 255);
  }
  return read;
}

/** A draft of the filters that follows the address. */
export function useFilterForm<K extends string>(applied: { [N in K]?: string }) {
  const [draft, setDraft] = useState<{ [N in K]?: string }>(applied);
  const key = JSON.stringify(applied);
  useEffect(() => setDraft(JSON.parse(key) as { [N in K]?: string }), [key]);
  const set = (name: K) => (value: string) => setDraft((before) => ({ ...before, [name]: value }));
  return { draft, set, complete: () => dropEmpty(draft) };
}

export function dropEmpty<T extends Record<string, string | undefined>>(filters: T): T {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value)) as T;
}

/** A day of a date field as a time of the API: its first moment in the reader's zone, or the next day's for an end. */
export function dayToTime(day: string | undefined, isEnd = false): string | undefined {
  if (!day || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const [year, month, date] = day.split('-').map(Number) as [number, number, number];
  return new Date(year, month - 1, date + (isEnd ? 1 : 0)).toISOString().replace('T', ' ');
}
