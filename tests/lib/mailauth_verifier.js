// Verifies DKIM signatures with mailauth for as long as its standard input is open. Each request is a line of JSON,
// {"length": octets, "keys": {name: text}}, and the message behind it, whole; the answer to each is a line of JSON: the
// result of every signature in the message, from its top, or {"error": text}.
'use strict';

const { dkimVerify } = require('mailauth/lib/dkim/verify');

async function results(message, keys) {
  const resolver = async (name, type) => {
    const text = type === 'TXT' ? keys[name.toLowerCase()] : undefined;
    if (text === undefined) {
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    }
    return [[text]];
  };
  const found = await dkimVerify(message, { resolver });
  return found.results.map((one) => ({
    domain: one.signingDomain,
    algorithm: one.algo,
    result: one.status.result,
    comment: one.status.comment || '',
  }));
}

let waiting = Buffer.alloc(0);
let parts = []; // of a message that is not whole yet
let request = null;
let missing = 0;
let busy = Promise.resolve();

function answer(message, keys) {
  busy = busy
    .then(() => results(message, keys))
    .catch((error) => ({ error: String(error && error.stack) }))
    .then((text) => process.stdout.write(JSON.stringify(text) + '\n'));
}

function take(data) {
  waiting = waiting.length ? Buffer.concat([waiting, data]) : data;
  for (;;) {
    if (!request) {
      const end = waiting.indexOf(10);
      if (end < 0) return;
      request = JSON.parse(waiting.subarray(0, end).toString());
      missing = request.length;
      waiting = waiting.subarray(end + 1);
    }
    const part = waiting.subarray(0, missing);
    parts.push(part);
    missing -= part.length;
    waiting = waiting.subarray(part.length);
    if (missing) return;
    answer(Buffer.concat(parts), request.keys);
    request = null;
    parts = [];
  }
}

process.stdin.on('data', take);
process.stdin.on('end', () => busy.then(() => process.exit(0)));
