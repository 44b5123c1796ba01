// Measures the device clock's offset from the server's: AWS refuses signatures that are five minutes off.

const TOLERANCE = 60_000;

/** Milliseconds to add to the device's time; 0 below a minute, and if the server sends no date. */
export async function fetchClockOffset(): Promise<number> {
  const asked = Date.now();
  try {
    const answer = await fetch('/livez', { method: 'HEAD', cache: 'no-store', credentials: 'omit' });
    return computeClockOffset(answer.headers.get('Date'), asked, Date.now());
  } catch {
    return 0; // Without a connection the check itself fails, with a better message.
  }
}

export function computeClockOffset(date: string | null, asked: number, answered: number): number {
  // The header has whole seconds, and was written at some time between both.
  const difference = Date.parse(date ?? '') + 500 - (asked + answered) / 2;
  return Math.abs(difference) > TOLERANCE ? Math.round(difference) : 0;
}
