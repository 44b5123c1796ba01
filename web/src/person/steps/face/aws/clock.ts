// How far the device's clock is from the server's: AWS takes no signature that is five minutes off.

const TOLERANCE = 60_000;

/** Milliseconds to add to the device's time; nothing up to a minute, and nothing if the server does not tell. */
export async function fetchClockOffset(): Promise<number> {
  const asked = Date.now();
  try {
    const answer = await fetch('/livez', { method: 'HEAD', cache: 'no-store', credentials: 'omit' });
    return computeClockOffset(answer.headers.get('Date'), asked, Date.now());
  } catch {
    return 0; // Without a connection the check will not get far, and it says so in better words.
  }
}

export function computeClockOffset(date: string | null, asked: number, answered: number): number {
  // It was cut to a second on its way, some time between both.
  const difference = Date.parse(date ?? '') + 500 - (asked + answered) / 2;
  return Math.abs(difference) > TOLERANCE ? Math.round(difference) : 0;
}
