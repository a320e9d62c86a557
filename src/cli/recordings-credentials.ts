import { readFile } from 'node:fs/promises';
import type { S3Credentials } from '../recorder/s3-client.ts';

const FORM = 'lines aws_access_key_id = … and aws_secret_access_key = …';

/**
 * Where the bucket's credentials come from: a file in the form of `~/.aws/credentials` with one profile, read anew each
 * time, or the usual variables of the environment. The errors never quote a value.
 */
export function credentialsSource(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): () => Promise<S3Credentials> {
  if (file !== undefined) return async () => parseCredentials(await readFile(file, 'utf8'), file);
  return async () => {
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    } = environment;
    if (!accessKeyId || !secretAccessKey) {
      throw new Error(
        'no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --s3-credentials-file',
      );
    }
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  };
}

function parseCredentials(text: string, file: string): S3Credentials {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    if (values.has(name)) throw new Error(`${file} has ${name} twice: keep one profile in it`);
    values.set(name, value);
  }
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  const sessionToken = values.get('aws_session_token');
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error(`${file} lacks the ${FORM}`);
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}
