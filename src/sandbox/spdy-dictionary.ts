/** Words that SPDY/3 puts first, each with its length before it (SPDY/3.1 draft, section 2.6.10.1). */
const WORDS = [
  ...'options head post put delete trace accept accept-charset accept-encoding accept-language'.split(' '),
  ...'accept-ranges age allow authorization cache-control connection content-base content-encoding'.split(
    ' ',
  ),
  ...'content-language content-length content-location content-md5 content-range content-type date'.split(
    ' ',
  ),
  ...'etag expect expires from host if-match if-modified-since if-none-match if-range'.split(' '),
  ...'if-unmodified-since last-modified location max-forwards pragma proxy-authenticate'.split(' '),
  ...'proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade'.split(' '),
  ...'user-agent vary via warning www-authenticate method get status'.split(' '),
  '200 OK',
  'version',
  'HTTP/1.1',
  ...'url public set-cookie keep-alive origin'.split(' '),
];

/** Then plain text: the rest of the status lines, parts of dates, and common values. */
const STATUS_CODES =
  '100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410 411 412 413 414 415 416 417 502 504 505';
const STATUS_LINES = [
  '203 Non-Authoritative Information',
  '204 No Content',
  '301 Moved Permanently',
  '400 Bad Request',
  '401 Unauthorized',
  '403 Forbidden',
  '404 Not Found',
  '500 Internal Server Error',
  '501 Not Implemented',
  '503 Service Unavailable',
];
const DATES =
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT';
const VALUES = [
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,',
  'text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.',
];

function word(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text, 'latin1')]);
}

/** The preset zlib dictionary of SPDY/3 header blocks, 1,423 bytes. */
export const SPDY_DICTIONARY: Buffer = Buffer.concat([
  ...WORDS.map(word),
  Buffer.from([STATUS_CODES.replaceAll(' ', ''), ...STATUS_LINES, DATES, ...VALUES].join(''), 'latin1'),
]);
