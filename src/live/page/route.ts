export const FILTERS = ['user', 'namespace', 'pod', 'state', 'outcome', 'text'] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filter = Readonly<Partial<Record<FilterName, string>>>;

/** What the page shows. The whole of it is in the URL's fragment, so that a link shows the same; nothing secret is. */
export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'sessions'; readonly filter: Filter }
  | { readonly view: 'session'; readonly id: string }
  | { readonly view: 'failures' }
  | { readonly view: 'recordings'; readonly text: string }
  | { readonly view: 'recording'; readonly id: string };

/** Reads a fragment; what is none of ours shows the overview. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const params = new URLSearchParams(query);
  const [, view, rest] = path.split('/');
  const id = rest === undefined || rest === '' ? undefined : decoded(rest);
  if (view === 'sessions') {
    return id === undefined ? { view, filter: filterOf(params) } : { view: 'session', id };
  }
  if (view === 'failures') return { view };
  if (view === 'recordings') {
    return id === undefined ? { view, text: params.get('text') ?? '' } : { view: 'recording', id };
  }
  return { view: 'overview' };
}

export function hrefOf(route: Route): string {
  switch (route.view) {
    case 'overview':
      return '#/';
    case 'sessions':
      return `#/sessions${queryOf(route.filter)}`;
    case 'session':
      return `#/sessions/${encodeURIComponent(route.id)}`;
    case 'failures':
      return '#/failures';
    case 'recordings':
      return `#/recordings${queryOf({ text: route.text })}`;
    case 'recording':
      return `#/recordings/${encodeURIComponent(route.id)}`;
  }
}

function filterOf(params: URLSearchParams): Filter {
  const filter: Partial<Record<FilterName, string>> = {};
  for (const name of FILTERS) {
    const value = params.get(name);
    if (value !== null && value !== '') filter[name] = value;
  }
  return filter;
}

function queryOf(filter: Filter): string {
  const params = new URLSearchParams();
  for (const name of FILTERS) {
    const value = filter[name];
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
