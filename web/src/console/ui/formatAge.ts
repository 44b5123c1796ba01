// A difference of times in its largest sensible unit: "3 hours ago", "in 5 minutes".

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** `difference` in milliseconds, negative for the past. */
export function formatAge(language: string, difference: number): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'always', style: 'short' });
  const seconds = Math.round(difference / 1_000);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, 'second');
}
