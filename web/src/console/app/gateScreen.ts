// Which screen the gate shows before the console.
import type { ConsoleState } from '../api/models';
import type { EntryToken } from './entryToken';

export type GateScreen = 'setup' | 'invitation' | 'setup_needed' | 'codes' | 'enrol_factor' | 'factor' | 'sign_in' | 'console';

export function chooseGateScreen(state: ConsoleState, entry: EntryToken | null, hasCodesToStore: boolean): GateScreen {
  // Recovery codes are shown once: nothing takes the screen before the user has stored them.
  if (hasCodesToStore) return 'codes';
  if (entry?.kind === 'invitation') return 'invitation';
  if (entry?.kind === 'setup' && state.setup_needed) return 'setup';
  if (state.signed_in || state.stage) {
    if (state.stage === 'enrol_factor') return 'enrol_factor';
    if (state.stage === 'factor') return 'factor';
    return 'console';
  }
  return state.setup_needed ? 'setup_needed' : 'sign_in';
}
