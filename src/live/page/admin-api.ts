import type { Who } from '../role.ts';
import { SIGN_IN_PATH, SIGN_OUT_PATH, WHO_PATH, WRITE_HEADER } from '../role.ts';

const WRITES = { [WRITE_HEADER.name]: WRITE_HEADER.value };

/** All of these reject with an Error whose message is for people. */
export async function fetchWho(): Promise<Who> {
  // Same origin, same build: the shape is that of role.ts.
  return (await (await checked(fetch(WHO_PATH))).json()) as Who;
}

/** The token goes into a header of this one request, and is kept nowhere. */
export async function signIn(token: string): Promise<void> {
  const headers = { ...WRITES, authorization: `Bearer ${token}` };
  await checked(fetch(SIGN_IN_PATH, { method: 'POST', headers }));
}

export async function signOut(): Promise<void> {
  await checked(fetch(SIGN_OUT_PATH, { method: 'POST', headers: WRITES }));
}

export async function stopSession(id: string, reason: string): Promise<void> {
  await checked(
    fetch(`/api/v1/sessions/${encodeURIComponent(id)}/stop`, {
      method: 'POST',
      headers: { ...WRITES, 'content-type': 'application/json' },
      body: JSON.stringify(reason === '' ? {} : { reason }),
    }),
  );
}

/** An answer that is no refusal; refusals are Statuses. */
async function checked(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (response.ok) return response;
  const said: unknown = await response.json().catch(() => undefined);
  const message = typeof said === 'object' && said !== null && 'message' in said ? said.message : undefined;
  throw new Error(typeof message === 'string' ? message : `the server answered ${response.status}`);
}
