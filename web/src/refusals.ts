// What the coordinator refuses, in the words of the page's language. Where it says more than the page
// can, as why a stay ended, its own words stand.

import { t, type Key } from "./texts";

/** By code; and by the words that a sign-in in a browser comes back with (docs/spec/http-api.md#auth-codes). */
const WORDS: Record<string, Key> = {
  "Login::UnknownInvite": "refused.unknownInvite",
  "Login::ProviderUnreachable": "refused.provider",
  "Login::ProviderMisbehaved": "refused.provider",
  "Login::InvalidState": "refused.began",
  "Login::Busy": "refused.busy",
  "Request::RateLimited": "refused.busy",
  "Session::Full": "refused.full",
  "Queue::Draining": "watch.draining",
  "user created after deadline": "refused.tooNew",
  "invalid authorization code": "refused.declined",
  "could not fetch user data from auth server": "refused.provider",
  "could not extract user data from auth server": "refused.provider",
  "lobby is full": "refused.full",
};

/** A sentence, where there was a piece of one. */
function sentence(text: string): string {
  const capital = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

export function inWords(code: string, text: string): string {
  const key = WORDS[code];
  return key === undefined ? sentence(text) : t(key);
}
