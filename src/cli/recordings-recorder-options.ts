import { type Command, InvalidArgumentError } from 'commander';

/** The options of `kubewitness recorder` beyond where it listens and writes. */
export function addRecorderOptions(command: Command): Command {
  return command
    .option(
      '--max-recording-bytes <size>',
      'one recording; beyond it the upload is cut, default 1Gi',
      byteCount,
    )
    .option('--max-uploads <count>', 'uploads at one time, default 1000', count)
    .option(
      '--min-free-bytes <size>',
      'disk left free for recordings that have begun, default 16Mi',
      byteCount,
    )
    .option('--keep-days <days>', 'delete recordings older than this, unless on hold', days)
    .option('--keep-bytes <size>', 'delete the oldest recordings beyond this sum, unless on hold', byteCount)
    .option('--tls-cert <file>', 'PEM certificate chain: serve TLS only')
    .option('--tls-key <file>', 'PEM private key')
    .option('--client-ca <file>', 'PEM authority of client certificates (docs/recorder.md)')
    .option('--upload-token-file <file>', 'bearer tokens that may upload, one a line')
    .option('--read-token-file <file>', 'bearer tokens that may list and read, one a line')
    .option('--s3-bucket <name>', 'keep recordings in this bucket; --dir is then the spool')
    .option('--s3-endpoint <url>', 'S3 server, default that of AWS in the region')
    .option('--s3-region <region>', 'default us-east-1')
    .option('--s3-prefix <prefix>', 'before the name of every object')
    .option(
      '--s3-credentials-file <file>',
      'else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN',
    )
    .option('--max-spool-bytes <size>', 'recordings that wait for the bucket, default 10Gi', byteCount);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A count of bytes as Kubernetes writes quantities: 1048576, 512Ki, 10Gi. */
export function byteCount(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})(Ki|Mi|Gi|Ti)?$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[unit] ?? 1);
  if (digits === '' || bytes === 0 || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('it must be a number of bytes such as 1048576, 512Ki or 10Gi.');
  }
  return bytes;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('it must be a number from 1 to 999999.');
  return Number(text);
}

function days(text: string): number {
  const number = /^\d{1,5}(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (number <= 0) throw new InvalidArgumentError('it must be a number of days above 0.');
  return number;
}
