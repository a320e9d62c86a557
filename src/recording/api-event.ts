import type { RequestInfo } from '../kube/request-info.ts';

/** Who made the request, with the names of the reference's event document. */
export interface EventSource {
  readonly node: string;
  readonly nodeID: string;
  readonly nodeTags?: readonly string[];
  readonly nodeUserID?: number;
  readonly nodeUser?: string;
}

export interface ApiRequest {
  /** Seconds since the Unix epoch. */
  readonly timestampSeconds: number;
  readonly userAgent: string;
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly info: RequestInfo;
  readonly source: EventSource;
  /** Ties the event to the audit and, for a session, to its recording. */
  readonly auditId: string;
  /** What is kept of the body; `whole` says whether that is all of it. */
  readonly body: { readonly bytes: Buffer; readonly whole: boolean };
}

/** Kinds whose bodies hold credentials: those never leave, whoever asks for events. */
const SECRET_RESOURCES: ReadonlySet<string> = new Set([
  '/secrets',
  'authentication.k8s.io/tokenreviews',
  'authentication.k8s.io/tokenrequests',
  'certificates.k8s.io/certificatesigningrequests',
]);
/** `serviceaccounts/{name}/token` asks for a token. */
const SECRET_SUBRESOURCES: ReadonlySet<string> = new Set(['token']);

/** Whether a request's body is kept out of events. */
export function isSecret({ apiGroup, resource, subresource }: RequestInfo): boolean {
  return SECRET_RESOURCES.has(`${apiGroup}/${resource}`) || SECRET_SUBRESOURCES.has(subresource);
}

/**
 * The event document of Tailscale's recorders (type `kubernetes-api-request`), one line. `kubewitness` says what the
 * reference cannot: the audit id, and what was done to the body.
 */
export function eventDocument(request: ApiRequest): Buffer {
  const { info, source, body } = request;
  const secret = isSecret(info);
  const document = {
    type: 'kubernetes-api-request',
    id: '',
    timestamp: Math.floor(request.timestampSeconds),
    userAgent: request.userAgent,
    request: {
      method: request.method,
      path: request.query === '' ? request.path : `${request.path}?${request.query}`,
      body: secret ? '' : body.bytes.toString('base64'),
      queryParameters: queryParameters(request.query),
    },
    kubernetes: {
      IsResourceRequest: info.isResourceRequest,
      Path: info.path,
      Verb: info.verb,
      APIPrefix: info.apiPrefix,
      APIGroup: info.apiGroup,
      APIVersion: info.apiVersion,
      Namespace: info.namespace,
      Resource: info.resource,
      Subresource: info.subresource,
      Name: info.name,
      Parts: info.parts,
      FieldSelector: '',
      LabelSelector: '',
    },
    source,
    destination: { node: '', nodeID: '' },
    kubewitness: {
      auditId: request.auditId,
      body: secret ? 'redacted' : body.whole ? 'whole' : 'cut',
    },
  };
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** As Go's `url.Values`: a map of lists. What cannot be decoded is left out, as Go leaves it out. */
function queryParameters(query: string): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const piece of query.split('&')) {
    if (piece === '' || piece.includes(';')) continue;
    const at = piece.indexOf('=');
    const name = decode(at < 0 ? piece : piece.slice(0, at));
    const value = decode(at < 0 ? '' : piece.slice(at + 1));
    if (name === undefined || value === undefined) continue;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return Object.fromEntries(values);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
