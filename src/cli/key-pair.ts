import { createPrivateKey, X509Certificate } from 'node:crypto';

export interface KeyPair {
  /** Chain, PEM, the server's own certificate first. */
  readonly cert: string;
  /** Private key, PEM. */
  readonly key: string;
}

/** The same pair. Throws unless the key is that of the first certificate. */
export function checkedPair(pair: KeyPair): KeyPair {
  let matches: boolean;
  try {
    matches = new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key));
  } catch (error) {
    throw new Error("the listener's certificate or its key is not PEM that can be read", { cause: error });
  }
  if (!matches) throw new Error("the listener's key is not that of its certificate");
  return pair;
}
