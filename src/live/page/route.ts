export const FILTERS = ['user', 'namespace', 'pod', 'state', 'outcome', 'text'] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filter = Readonly<Partial<Record<FilterName, string>>>;

/** What recordings are searched for, by the recorder. `from` and `to` are days here, both included: 2026-01-31. */
export const SOUGHT = ['user', 'namespace', 'pod', 'command', 'from', 'to'] as const;
export type SoughtName = (typeof SOUGHT)[number];
export type Sought = Readonly<Partial<Record<SoughtName, string>>>;

/** How far the view of failures looks back: since midnight here, a day, or all that the server looks back on. */
export const SPANS = ['today', '24h', '7d'] as const;
export type Span = (typeof SPANS)[number];
export const DIMENSIONS = ['phase', 'kind', 'recorder'] as const;
export type Dimension = (typeof DIMENSIONS)[number];
export const FAILURES_TODAY = { view: 'failures', span: 'today', by: 'phase' } as const;

/** What the page shows. The whole of it is in the URL's fragment, so that a link shows the same; nothing secret is. */
export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'sessions'; readonly filter: Filter }
  | { readonly view: 'session'; readonly id: string }
  | { readonly view: 'failures'; readonly span: Span; readonly by: Dimension; readonly chosen?: string }
  | { readonly view: 'recordings'; readonly sought: Sought }
  | { readonly view: 'recording'; readonly id: string };

/** Reads a fragment; what is none of ours shows the overview. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const params = new URLSearchParams(query);
  const [, view, rest] = path.split('/');
  const id = rest === undefined || rest === '' ? undefined : decoded(rest);
  if (view === 'sessions') {
    return id === undefined ? { view, filter: given(params, FILTERS) } : { view: 'session', id };
  }
  if (view === 'failures') {
    const chosen = params.get('only');
    return {
      view,
      span: SPANS.find(span => span === params.get('span')) ?? 'today',
      by: DIMENSIONS.find(by => by === params.get('by')) ?? 'phase',
      ...(chosen === null ? {} : { chosen }),
    };
  }
  if (view === 'recordings') {
    return id === undefined ? { view, sought: given(params, SOUGHT) } : { view: 'recording', id };
  }
  return { view: 'overview' };
}

export function hrefOf(route: Route): string {
  switch (route.view) {
    case 'overview':
      return '#/';
    case 'sessions':
      return `#/sessions${queryOf(route.filter, FILTERS)}`;
    case 'session':
      return `#/sessions/${encodeURIComponent(route.id)}`;
    case 'failures':
      return `#/failures${failuresQuery(route)}`;
    case 'recordings':
      return `#/recordings${queryOf(route.sought, SOUGHT)}`;
    case 'recording':
      return `#/recordings/${encodeURIComponent(route.id)}`;
  }
}

function given<Name extends string>(
  params: URLSearchParams,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = params.get(name);
    if (value !== null && value !== '') found[name] = value;
  }
  return found;
}

/** The defaults are left away. */
function failuresQuery({ span, by, chosen }: Extract<Route, { view: 'failures' }>): string {
  const params = new URLSearchParams();
  if (span !== FAILURES_TODAY.span) params.set('span', span);
  if (by !== FAILURES_TODAY.by) params.set('by', by);
  if (chosen !== undefined) params.set('only', chosen);
  const query = params.toString();
  return query === '' ? '' : `?${query}`;
}

function queryOf<Name extends string>(
  values: Readonly<Partial<Record<Name, string>>>,
  names: readonly Name[],
): string {
  const params = new URLSearchParams();
  for (const name of names) {
    const value = values[name];
    if (value !== undefined && value !== '') params.set(name, value);
  }
  const query = params.toString();
  return query === '' ? '' : `?${query}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not something that this page wrote; it will match nothing.
    return text;
  }
}
