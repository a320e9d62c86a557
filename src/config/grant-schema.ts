import { z } from 'zod';
import { nameFlaw } from '../policy/caller.ts';
import { parseRecorderAddress } from '../recording/recorder-address.ts';
import { subjectSchema } from './subject-schema.ts';

const text = z.string().min(1, 'must not be empty');

/** What stands in a header towards the API server. */
export const name = z.string().superRefine((value, context) => {
  const flaw = nameFlaw(value);
  if (flaw !== undefined) context.addIssue({ code: 'custom', message: flaw });
});

const recorderAddress = z.string().superRefine((value, context) => {
  try {
    parseRecorderAddress(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** A pattern that no name of Kubernetes could match would be a rule that never holds. */
const namePattern = z
  .string()
  .regex(/^[a-z0-9*](?:[a-z0-9.*-]*[a-z0-9*])?$/, 'is no name of Kubernetes, nor a pattern of one');

const impersonateAs = z.strictObject({
  users: z
    .array(text)
    .min(1, 'must name somebody')
    .describe('Users; * stands for any run of characters, but not for what begins with system:.'),
  groups: z.array(text).default([]).describe('Groups, in the same way.'),
});

const failOpenBudget = z
  .strictObject({
    secondsPerDay: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Unrecorded seconds of all its sessions together, in one UTC day.'),
    concurrent: z.int().min(1).max(1_000_000).optional().describe('Unrecorded sessions at one moment.'),
  })
  .refine(
    value => value.secondsPerDay !== undefined || value.concurrent !== undefined,
    'needs secondsPerDay or concurrent',
  );

/** One of `grants:` of the configuration. */
export const grantSchema = z
  .strictObject({
    subjects: z
      .array(subjectSchema)
      .min(1, 'must name somebody')
      .describe('Whom this grant is for; one match is enough.'),
    impersonate: z
      .strictObject({ groups: z.array(name).default([]).describe('Groups added to the own ones.') })
      .optional()
      .describe('What is added to the identity towards the API server.'),
    impersonateAs: impersonateAs.optional().describe('Whom they may act as with --as.'),
    namespaces: z
      .array(namePattern)
      .min(1, 'must name a namespace')
      .optional()
      .describe(
        'In which namespaces the fields below hold; * stands for any run of characters. Without this: in all.',
      ),
    pods: z
      .array(namePattern)
      .min(1, 'must name a pod')
      .optional()
      .describe('For which pods they hold, in the same way.'),
    recorderAddrs: z
      .array(recorderAddress)
      .default([])
      .describe('Recorders as host:port, in the order to be tried; IPv6 in brackets.'),
    enableEvents: z
      .boolean()
      .default(false)
      .describe('Every request is told to a recorder as an event before it is forwarded.'),
    enforceRecorder: z
      .boolean()
      .default(false)
      .describe('Fail closed: no session without a recorder, and no road around it.'),
    unrecordable: z
      .enum(['deny', 'audit'])
      .optional()
      .describe(
        'What becomes of roads around an enforced recorder: deny (so without this), or audit. One deny outweighs every audit.',
      ),
    failOpenBudget: failOpenBudget
      .optional()
      .describe(
        'How much may go on unrecorded under this grant; past it, it fails closed. Without this: all.',
      ),
  })
  .refine(({ enforceRecorder, failOpenBudget }) => !enforceRecorder || failOpenBudget === undefined, {
    message: 'has no place beside enforceRecorder, which lets nothing go on unrecorded',
    path: ['failOpenBudget'],
  });
