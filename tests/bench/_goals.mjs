// The goals for one core with everything on, and how each endpoint is driven on both providers.
//
// `us`: processor time of the server's process for one operation; `ratio`: times less than node-oidc-provider on the
// same Redis; `floor`: share of it that a bare server which does the unavoidable work alone takes, measured in the same
// run; `p99`: microseconds at saturation. `tokens`: which distinct tokens the operation reads.
export const ENDPOINTS = [
  { id: "discovery", name: "discovery", us: 8, ratio: 5.5, floor: 0.6, p99: 1000, op: "discovery" },
  { id: "jwks", name: "JWKS", us: 8, ratio: 3.3, floor: 0.6, p99: 1000, op: "jwks" },
  {
    id: "cc", name: "client credentials, secret, JWT", us: 28, ratio: 4.5, floor: 0.65, p99: 3000, op: "cc",
    noScope: true, resource: true,
  },
  {
    id: "cc-jwt", name: "client credentials, private_key_jwt, JWT", us: 70, ratio: 3.7, floor: 0.8, p99: 6000, op: "cc",
    client: "jwt", noScope: true, resource: true,
  },
  {
    id: "introspect", name: "introspection, token of a client", us: 12, ratio: 6.5, floor: 0.5, p99: 1000,
    op: "introspect", tokens: "client",
  },
  {
    id: "introspect-person", name: "introspection, token of a person", us: 12, ratio: 6.5, floor: 0.5, p99: 1000,
    op: "introspect", tokens: "person",
  },
  { id: "userinfo", name: "userinfo", us: 14, ratio: 6.5, floor: 0.46, p99: 1000, op: "userinfo", tokens: "person" },
  // No goal: those are for bearers. One verification more.
  {
    id: "userinfo-bound", name: "userinfo, DPoP", op: "userinfo-bound", client: "native", phones: true,
  },
  {
    id: "refresh", name: "refresh, confidential client, no rotation, AT + ID", us: 45, ratio: 5.5, floor: 0.7, p99: 4000,
    op: "refresh", phones: true,
  },
  {
    id: "refresh-public", name: "refresh, public client, rotating, DPoP", us: 120, ratio: 2, p99: 8000, op: "refresh",
    client: "native", phones: true,
  },
  { id: "code", name: "code + PKCE with session", us: 85, ratio: 6, op: "code", phones: true, more: ["--sso"] },
  { id: "poll", name: "pending poll of the login page", us: 12, p99: 1000, op: "poll", phones: true, alone: true },
];

export const LOGIN = {
  id: "login", name: "full phone login (PostgreSQL)", us: 480, ratio: 1.8, op: "login", phones: true, peerOp: "code",
};

/// Memory in MiB, milliseconds, bytes.
export const PROCESS = { idle: 25, loaded: 64, start: 60, session: 700 };

/// As their makers or the issue that set the goals measured them.
export const PUBLISHED = {
  idle: { "node-oidc-provider": 102, "Rauthy 0.36": 62, Keycloak: 1250 },
  loaded: { "node-oidc-provider": 300, "Rauthy 0.36": 78 },
  start: { "node-oidc-provider": 145, "Rauthy 0.36": 85, Keycloak: 2900 },
};
