import { z } from 'zod';
import { tailscaleCertificateSchema } from './identity-schema.ts';

const file = z
  .string()
  .min(1, 'must not be empty')
  .describe('Path of a file; relative ones start at the folder of this configuration.');

/** Where the certificate of a listener comes from. */
export const certificateSchema = z
  .strictObject({
    cert: file.optional().describe('Certificate chain, PEM; read again as it is replaced, as is its key.'),
    key: file.optional().describe('Private key, PEM.'),
    tailscale: tailscaleCertificateSchema
      .optional()
      .describe('Take the certificate from tailscaled instead, and keep it fresh.'),
  })
  .refine(
    ({ cert, key, tailscale }) =>
      tailscale === undefined
        ? cert !== undefined && key !== undefined
        : cert === undefined && key === undefined,
    'needs cert and key, or tailscale',
  );
