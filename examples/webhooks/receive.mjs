// Verifies webhooks with the library `standardwebhooks` and prints them, one JSON object a line.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts).toString("utf8");
  try {
    const event = webhook.verify(body, request.headers);
    console.log(JSON.stringify({ id: request.headers["webhook-id"], type: event.type }));
    response.writeHead(204).end();
  } catch (error) {
    console.error(`refused: ${error.message}`);
    response.writeHead(400).end();
  }
}).listen(Number(process.argv[2]), "127.0.0.1");
