import type { X509Certificate } from 'node:crypto';
import { z } from 'zod';

export interface CertificateSubject {
  /** Undefined when there is none, or more than one: readers differ in which they take. */
  readonly commonName: string | undefined;
  readonly organizations: readonly string[];
}

/** Node writes one value as it is and several as a list. */
const values = z.union([z.string().transform(value => [value]), z.array(z.string())]).default([]);
const subjectSchema = z.object({ CN: values, O: values });

/** The parts of a subject that Kubernetes reads. The values are unescaped, unlike those of `subject`. */
export function subjectOf(certificate: X509Certificate): CertificateSubject {
  const { CN, O } = subjectSchema.parse({ ...certificate.toLegacyObject().subject });
  return { commonName: CN.length === 1 ? CN[0] : undefined, organizations: O };
}
