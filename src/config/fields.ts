import { z } from 'zod';

/** How a secret is named that stands in the environment of the process, and in no file: `env:NAME`. */
export const FROM_ENVIRONMENT = 'env:';

export const text = z.string().min(1, 'must not be empty');

export const file = text
  .refine(name => !name.startsWith(FROM_ENVIRONMENT), 'is a file: only secrets are read from the environment')
  .describe('Path of a file; relative ones start at the folder of this configuration.');

/** A file, or a variable of the environment. */
export const secretFile = text
  .refine(
    name => !name.startsWith(FROM_ENVIRONMENT) || /^env:[A-Za-z_][A-Za-z0-9_]*$/.test(name),
    'is no name of a variable: write env:NAME',
  )
  .describe('Path of a file, or env:NAME for a variable of the environment.');
