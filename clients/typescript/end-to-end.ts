// The generated client against a running server: what an application does first with an identity server, and how it fails.
//
// LASTRO_URL is the server; LASTRO_EMAIL and LASTRO_PASSWORD are those of its operator. All names are new in each run.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./generated/lastro.js";

type Schemas = components["schemas"];
type Api = Client<paths>;
type Credentials = { organizationSlug: string; email: string; password: string };

const url = setting("LASTRO_URL");
const password = setting("LASTRO_PASSWORD");
const run = randomBytes(4).toString("hex");
const slug = `padaria-${run}`;

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** What a call answered, where it must have succeeded. */
function told<T>(outcome: { data?: T; error?: unknown; response: Response }): T {
  if (outcome.data === undefined) {
    throw new Error(`${outcome.response.status}: ${JSON.stringify(outcome.error)}`);
  }
  return outcome.data;
}

/** The refusal that a call answered, where it must have been refused. */
function refused(outcome: { error?: Schemas["ErrorAnswer"]; response: Response }, status: number): Schemas["Error"] {
  assert.equal(outcome.response.status, status);
  assert.ok(outcome.error, "a refusal says why");
  assert.equal(outcome.error.error.requestId, outcome.response.headers.get("x-request-id"));
  return outcome.error.error;
}

async function logIn(credentials: Credentials): Promise<Api> {
  const api = createClient<paths>({ baseUrl: url });
  const { data } = told(await api.POST("/api/v1/auth/login", { body: credentials }));
  // The types tell a session from a login that still needs a second factor.
  assert.ok("accessToken" in data, "no second factor was asked for");
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${data.accessToken}` } });
}

const steps: [string, () => Promise<void>][] = [];
function step(what: string, run: () => Promise<void>): void {
  steps.push([what, run]);
}

let operator: Api;
let administrator: Api;
let clerk: Api;
let clerkId: string;
let roleId: string;

step("a wrong password is told without a hint", async () => {
  const api = createClient<paths>({ baseUrl: url });
  const body = { organizationSlug: "platform", email: setting("LASTRO_EMAIL"), password: "not the password 1" };
  const error = refused(await api.POST("/api/v1/auth/login", { body }), 401);
  assert.equal(error.code, "AUTH_INVALID_CREDENTIALS");
});

step("the operator makes an organization, once however often it is asked for", async () => {
  operator = await logIn({ organizationSlug: "platform", email: setting("LASTRO_EMAIL"), password });
  const ask = (name: string) =>
    operator.POST("/api/v1/organizations", {
      params: { header: { "Idempotency-Key": `typescript-${run}` } },
      body: { name, slug: `cafe-${run}` },
    });
  const first = await ask("Café do Largo");
  const again = await ask("Café do Largo");
  assert.equal(told(first).data.document, null);
  assert.equal(first.response.headers.get("location"), `/api/v1/organizations/${told(first).data.id}`);
  assert.deepEqual(told(again), told(first));
  assert.equal(again.response.headers.get("idempotency-replayed"), "true");
  assert.equal(refused(await ask("Another"), 422).code, "VALIDATION_IDEMPOTENCY_MISMATCH");
});

step("a customer is onboarded and its administrator logs in", async () => {
  const code = `starter-${run}`;
  told(await operator.POST("/api/v1/packages", { body: { code, name: "Starter", modules: ["FINANCE"] } }));
  const email = "ana@example.com";
  const { data: tenant } = told(
    await operator.POST("/api/v1/tenants", {
      body: { organization: { name: "Padaria Central", slug }, packageCode: code, admin: { name: "Ana Souza", email, password } },
    }),
  );
  assert.equal(tenant.organization.slug, slug);
  assert.deepEqual(tenant.modules, ["FINANCE"]);
  administrator = await logIn({ organizationSlug: slug, email, password });
});

step("all problems of a body are told at once, in the language asked for", async () => {
  const body = { name: "B", email: "nobody", password: "short" };
  const params = { header: { "Accept-Language": "pt-BR" } };
  const error = refused(await administrator.POST("/api/v1/users", { body, params }), 400);
  assert.equal(error.code, "VALIDATION_FAILED");
  assert.ok(Array.isArray(error.details));
  const problems: Schemas["Problem"][] = error.details;
  assert.ok(problems.some(({ field, code }) => field === "name" && code === "TOO_SHORT"));
  assert.ok(problems.some(({ field, code }) => field === "email" && code === "INVALID_FORMAT"));
  assert.ok(problems.some(({ field }) => field === "password"));
  assert.match(error.message, /requisição/);
});

step("a new user is kept out", async () => {
  const email = "bruno@example.com";
  const made = await administrator.POST("/api/v1/users", { body: { name: "Bruno Lima", email, password } });
  clerkId = told(made).data.id;
  assert.equal(told(made).data.lastLoginAt, null);
  clerk = await logIn({ organizationSlug: slug, email, password });
  const error = refused(await clerk.GET("/api/v1/users"), 403);
  assert.equal(error.code, "RBAC_FORBIDDEN");
  assert.deepEqual(error.details, { permission: "IDENTITY_USER_READ", step: "grant" });
});

step("and let in by a role that grants the permission", async () => {
  const body = { name: "Directory reader", code: `READER_${run.toUpperCase()}`, description: "Looks people up" };
  roleId = told(await administrator.POST("/api/v1/roles", { body })).data.id;
  const grant = { permissionCode: "IDENTITY_USER_READ" };
  told(await administrator.POST("/api/v1/roles/{id}/permissions", { params: { path: { id: roleId } }, body: grant }));
  told(await administrator.POST("/api/v1/users/{userId}/roles", { params: { path: { userId: clerkId } }, body: { roleId } }));
  const { data: users, meta } = told(await clerk.GET("/api/v1/users", { params: { query: { sort: "name" } } }));
  assert.deepEqual(users.map(({ name }) => name), ["Ana Souza", "Bruno Lima"]);
  assert.equal(meta.total, 2);
  const question = { permission: "IDENTITY_USER_READ" };
  const { data: decision } = told(await clerk.POST("/api/v1/access/check", { body: question }));
  assert.ok("allowed" in decision && decision.allowed);
  assert.deepEqual(decision.path?.steps.map(({ type }) => type), ["role"]);
});

step("a change names the version it is about, and clears what is null", async () => {
  const path = { id: roleId };
  const read = await administrator.GET("/api/v1/roles/{id}", { params: { path } });
  const version = read.response.headers.get("etag");
  assert.ok(version);
  const params = { path, header: { "If-Match": version } };
  const changed = told(await administrator.PATCH("/api/v1/roles/{id}", { params, body: { description: null } }));
  assert.equal(changed.data.description, null);
  const stale = await administrator.PATCH("/api/v1/roles/{id}", { params, body: { name: "Too late" } });
  assert.equal(refused(stale, 412).code, "CONFLICT_VERSION");
});

step("a list is read to its end by its cursor", async () => {
  const codes: string[] = [];
  let cursor: string | null | undefined;
  let total = 0;
  do {
    const query = { limit: 7, sort: "code" as const, ...(cursor ? { cursor } : {}) };
    const { data, meta } = told(await administrator.GET("/api/v1/permissions", { params: { query } }));
    codes.push(...data.map(({ code }) => code));
    total = meta.total;
    cursor = meta.nextCursor;
  } while (cursor !== null);
  assert.ok(total > 14, "there are several pages");
  assert.deepEqual(codes, [...new Set(codes)].sort());
  assert.equal(codes.length, total);
});

step("a parameter has several values", async () => {
  const query = { types: ["user.created", "role.*"] };
  const { data: events } = told(await administrator.GET("/api/v1/events", { params: { query } }));
  assert.ok(events.some(({ type }) => type === "role.created"));
  assert.ok(events.every(({ type }) => type === "user.created" || type.startsWith("role.")));
});

step("what was withdrawn is refused at once, and nothing is left to read", async () => {
  const path = { userId: clerkId, roleId };
  const withdrawn = await administrator.DELETE("/api/v1/users/{userId}/roles/{roleId}", { params: { path } });
  assert.equal(withdrawn.response.status, 204);
  assert.equal(refused(await clerk.GET("/api/v1/users"), 403).code, "RBAC_FORBIDDEN");
  const other = await clerk.GET("/api/v1/auth/me");
  assert.equal(told(other).data.id, clerkId);
});

for (const [what, run] of steps) {
  await run();
  console.log(`ok - ${what}`);
}
