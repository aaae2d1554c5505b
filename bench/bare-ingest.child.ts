// The baseline of ingest: what Node and Bull cost without a framework, checks or metrics.
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Bull from 'bull';

const publicKey = createPublicKey({
  key: Buffer.from(process.env['PUBLIC_KEY'] ?? '', 'base64'),
  format: 'der',
  type: 'spki',
});
const queue = new Bull('notifications', process.env['REDIS_URL'] ?? '', { prefix: '{fluent-connector}' });
await queue.isReady();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const signature = Buffer.from(String(request.headers['fluent-signature']), 'base64');
    if (!verify('sha512', body, publicKey, signature)) {
      response.writeHead(401).end();
      return;
    }
    const notification = JSON.parse(body.toString()) as { id: string };
    queue.add(notification, { jobId: notification.id, removeOnComplete: true }).then(
      () => {
        const answer = JSON.stringify({ status: 'accepted', id: notification.id });
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(answer),
        });
        response.end(answer);
      },
      () => response.writeHead(503).end(),
    );
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
});
