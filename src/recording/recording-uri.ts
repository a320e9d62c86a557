/** Path of a recording at our own recorder (docs/recorder.md). Nothing else is believed: it is shown to people. */
const PATH = /^\/api\/v1\/recordings\/[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/;

/** Where a recording can be read: `content-location` of a recorder's answer (RFC 9110 section 8.7), made absolute. */
export function recordingUri(
  scheme: 'http' | 'https',
  recorder: string,
  location: string | undefined,
): string | undefined {
  return location !== undefined && PATH.test(location) ? `${scheme}://${recorder}${location}` : undefined;
}
