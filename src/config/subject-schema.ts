import { z } from 'zod';

const text = z.string().min(1, 'must not be empty');

const tagPattern = z
  .string()
  .regex(/^(?:\*|tag:[A-Za-z0-9*-]+)$/, 'is no tag of Tailscale: write tag:NAME, or * for any');

const serviceAccountPattern = z
  .string()
  .regex(
    /^[a-z0-9*][a-z0-9.*-]*[:/][a-z0-9*][a-z0-9.*-]*$/,
    'is no service account: write NAMESPACE:NAME or NAMESPACE/NAME',
  );

const SUBJECTS = ['user', 'group', 'tag', 'serviceaccount'] as const;

/** Whom something is for: one of `grants[].subjects` and of `admin.roles`. */
export const subjectSchema = z
  .strictObject({
    user: text.optional().describe('Name of a user; * stands for any run of characters.'),
    group: text.optional().describe('Name of a group; * stands for any run of characters.'),
    tag: tagPattern
      .optional()
      .describe("Tag of the caller's device in the tailnet, as tag:ci; * stands for any run of characters."),
    serviceaccount: serviceAccountPattern
      .optional()
      .describe('Service account as NAMESPACE:NAME; * stands for any run of characters in either.'),
  })
  .refine(
    value => SUBJECTS.filter(kind => value[kind] !== undefined).length === 1,
    'needs exactly one of user, group, tag and serviceaccount',
  );
