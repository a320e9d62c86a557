/** What to do about a check that failed, by the first word of its name. docs/operate.md says more. */
const ADVICE: Readonly<Record<string, string>> = {
  config: 'mend what is named; docs/config.md has every field',
  upstream:
    'look at upstream: in the configuration, at the way to the API server (network policies name its own port), and whether its credential still holds',
  clock: 'set the clocks of this machine and of the API server by NTP',
  impersonation:
    'bind the ClusterRole of docs/deploy to the account of the proxy, and list extra keys in rbac.extraKeys (docs/install.md)',
  identity: 'mend the file that is named under identity:',
  'identity-tailscale':
    'look at the log of tailscaled beside the proxy; when it is logged out, give it a new auth key',
  'identity-tokenReview':
    'let the account of the proxy create tokenreviews in the group authentication.k8s.io',
  certificate:
    'replace the files of listen.tls, or switch on HTTPS certificates in the tailnet; the first one can take minutes',
  'recorder-access': 'mend the files that are named under recording.tls',
  recorder:
    'start the recorder, or correct its address in the grants; then the way to it: network policy, TLS on both sides or on neither, its tokens',
  audit:
    'make room on the volume, let the proxy write to its folder, or mend the database and the rights in it (docs/audit.md)',
};

export function adviceFor(check: string): string | undefined {
  return ADVICE[check] ?? ADVICE[check.split(' ')[0] ?? ''];
}
