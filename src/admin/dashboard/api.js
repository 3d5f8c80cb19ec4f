// What is asked of Forebay. The credential lies in this tab's session storage and goes along as a header: no cookie, so no
// other page can make a browser use it.

const KEY = "forebay.credential";

export class Refused extends Error {}

function headers(more) {
  const shown = sessionStorage.getItem(KEY);
  return { "X-Forebay-Dashboard": "1", ...(shown ? { Authorization: shown } : {}), ...more };
}

async function asked(path, options) {
  const answer = await fetch(path, { cache: "no-store", credentials: "omit", ...options });
  if (answer.status === 401) throw new Refused("Not logged in");
  return answer;
}

async function said(answer) {
  const text = await answer.text();
  let body = {};
  try { body = JSON.parse(text); } catch { body = { error: text }; }
  if (!answer.ok) throw new Error(body.error || `HTTP ${answer.status}`);
  return body;
}

export const get = async (path) => said(await asked(`/api/v1/${path}`, { headers: headers() }));

/** A table's rows. */
export const rows = async (name, parameters) =>
  (await get(parameters ? `${name}?${new URLSearchParams(parameters)}` : name)).rows;

export const act = async (action, body) => said(await asked(`/api/v1/actions/${action}`, {
  method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body || {}),
}));

export function login(token, user, password) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  sessionStorage.setItem(KEY, token ? `Bearer ${token}` : `Basic ${btoa(String.fromCharCode(...bytes))}`);
}

export const logout = () => sessionStorage.removeItem(KEY);
export const isLoggedIn = () => sessionStorage.getItem(KEY) != null;

/** Server-sent events by fetch, which can show a credential where EventSource can't. Ends when the stream does. */
export async function listen(signal, tell) {
  const answer = await asked("/api/v1/stream", { headers: headers(), signal });
  if (!answer.ok) throw new Error((await answer.json()).error);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (left + value).split("\n\n");
    left = events.pop();
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) tell(JSON.parse(data.slice(6)));
    }
  }
}
