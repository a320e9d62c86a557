import { z } from 'zod';
import { ROLES } from '../live/role.ts';
import { certificateSchema } from './certificate-schema.ts';
import { subjectSchema } from './subject-schema.ts';

const text = z.string().min(1, 'must not be empty');
const subjects = z.array(subjectSchema).default([]);
/** As it stands in Host: no port, no scheme. */
const hostName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'must be a host name in lower case',
  );

/** `admin:` of the configuration. */
export const adminSchema = z
  .strictObject({
    address: text.default('127.0.0.1').describe('Address of the page, the API, probes and metrics.'),
    port: z.int().min(0).max(65_535).default(9090).describe('TCP port; 0 takes a free one.'),
    tls: certificateSchema.optional().describe('Its certificate; without this it speaks plain HTTP.'),
    hosts: z
      .array(hostName)
      .default([])
      .describe('Names under which the page may be asked for, beside addresses and localhost.'),
    roles: z
      .strictObject({
        viewer: subjects.describe('Who sees sessions, and what became of them.'),
        auditor: subjects.describe('Who sees what was written in sessions too, live and recorded.'),
        operator: subjects.describe('Who sees sessions, and may end them.'),
      })
      .optional()
      .describe('Who may do what, of the callers that the sources under identity know.'),
    local: z
      .array(z.enum(ROLES))
      .optional()
      .describe(
        'Roles of whoever reaches a loopback address without a credential: viewer alone without this.',
      ),
  })
  .superRefine(({ address, tls, roles, local }, context) => {
    if (isLoopbackName(address)) return;
    if (local !== undefined) {
      context.addIssue({ code: 'custom', path: ['local'], message: 'goes with a loopback address only' });
    }
    if (roles !== undefined && tls === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'is needed beside roles: tokens and cookies would travel in the clear',
      });
    }
  });

function isLoopbackName(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === 'localhost';
}
