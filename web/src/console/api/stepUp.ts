// Confirmation of the user's identity: an operation that needs it waits here until a dialog has asked for a code.

type Asker = () => Promise<boolean>;

let asker: Asker | null = null;
let pending: Promise<boolean> | null = null;

/** Registers the dialog that asks. The returned function takes it back. */
export function setIdentityAsker(next: Asker): () => void {
  asker = next;
  return () => {
    if (asker === next) asker = null;
  };
}

/** Asks once, however many operations wait; false if the user declines. */
export async function confirmIdentity(): Promise<boolean> {
  if (!asker) return false;
  pending ??= asker().finally(() => {
    pending = null;
  });
  return pending;
}
