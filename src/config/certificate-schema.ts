import { z } from 'zod';
import { file, secretFile } from './fields.ts';
import { tailscaleCertificateSchema } from './identity-schema.ts';

/** Where the certificate of a listener comes from. */
export const certificateSchema = z
  .strictObject({
    cert: file.optional().describe('Certificate chain, PEM; read again as it is replaced, as is its key.'),
    key: secretFile.optional().describe('Private key, PEM; env:NAME reads a variable.'),
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
