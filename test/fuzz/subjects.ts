import type { Subject } from './subject.ts';
import { AUDIT_SUBJECTS } from './subjects/audit.ts';
import { CAST_SUBJECTS } from './subjects/casts.ts';
import { CONFIG_SUBJECTS } from './subjects/config.ts';
import { HEADER_SUBJECTS } from './subjects/headers.ts';
import { PROXY_PROTOCOL_SUBJECTS } from './subjects/proxy-protocol.ts';
import { RECORDER_SUBJECTS } from './subjects/recorder-answers.ts';
import { RECORDER_PORT_SUBJECTS } from './subjects/recorder-port.ts';
import { REQUEST_SUBJECTS } from './subjects/requests.ts';
import { RULE_SUBJECTS } from './subjects/rules.ts';
import { TAILSCALED_SUBJECTS } from './subjects/tailscaled.ts';
import { UPSTREAM_SUBJECTS } from './subjects/upstream-answers.ts';
import { WIRE_SUBJECTS } from './subjects/wire.ts';

export const SUBJECTS: readonly Subject[] = [
  ...WIRE_SUBJECTS,
  ...REQUEST_SUBJECTS,
  ...HEADER_SUBJECTS,
  ...RULE_SUBJECTS,
  ...TAILSCALED_SUBJECTS,
  ...PROXY_PROTOCOL_SUBJECTS,
  ...RECORDER_SUBJECTS,
  ...RECORDER_PORT_SUBJECTS,
  ...UPSTREAM_SUBJECTS,
  ...CONFIG_SUBJECTS,
  ...AUDIT_SUBJECTS,
  ...CAST_SUBJECTS,
];
