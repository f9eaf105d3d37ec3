// node-oidc-provider with the settings that a comparison needs, fixed here so that it can be repeated.
//   NODE_ENV=production PORT=3000 ADAPTER=memory|redis REDIS=unix-socket-path-or-url JWKS=file SECRET=text node server.mjs
// JWKS holds the public key of the client that authenticates with one. Loopback only. The interaction (login) is
// approved at once: no credential, no page.
import { readFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';
import { MapAdapter, makeRedisAdapter } from './adapters.mjs';

const PORT = Number(process.env.PORT ?? 3000);
const ISSUER = process.env.ISSUER ?? `http://127.0.0.1:${PORT}`;
const ADAPTER = process.env.ADAPTER ?? 'memory';
const SIGNING = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const common = {
  redirect_uris: ['https://client.example/cb'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  scope: 'openid offline_access email profile',
};
const configuration = {
  adapter: ADAPTER === 'redis' ? await makeRedisAdapter(process.env.REDIS ?? 'redis://127.0.0.1:6379') : MapAdapter,
  jwks: { keys: [{ ...SIGNING, use: 'sig', alg: 'ES256', kid: 'srv1' }] },
  clients: [
    { client_id: 'bench-basic', client_secret: process.env.SECRET, token_endpoint_auth_method: 'client_secret_basic', ...common },
    { client_id: 'bench-jwt', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', jwks: JSON.parse(readFileSync(process.env.JWKS)), ...common },
    { client_id: 'bench-native', token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true, ...common, grant_types: ['authorization_code', 'refresh_token'] },
  ],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: {
    clientAuthSigningAlgValues: ['ES256'],
    idTokenSigningAlgValues: ['ES256'],
    userinfoSigningAlgValues: ['ES256'],
    introspectionSigningAlgValues: ['ES256'],
    authorizationSigningAlgValues: ['ES256'],
  },
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'none'],
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'updated_at'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32) },
    resourceIndicators: {
      enabled: true,
      // no resource parameter: opaque token. resource=https://api.example/jwt: RFC 9068 JWT signed ES256
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'api', audience: resource, accessTokenTTL: 600,
        accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  pkce: { required: () => true },
  // as this project: those of public clients rotate, those of clients that authenticate do not
  rotateRefreshToken: (ctx) => ctx.oidc.client.clientAuthMethod === 'none',
  issueRefreshToken: async (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access') || client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 1209600, IdToken: 600, Interaction: 600, RefreshToken: 1209600, Session: 1209600 },
  interactions: { url: (ctx, i) => `/interaction/${i.uid}` },
  findAccount: async (ctx, sub) => ({
    accountId: sub,
    claims: async () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: `User ${sub}`, preferred_username: sub, updated_at: 1700000000 }),
  }),
  // consent is pre-granted (first-party client): the login prompt is the only interaction
  loadExistingGrant: async (ctx) => {
    const id = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    if (id) { const g = await ctx.oidc.provider.Grant.find(id); if (g) return g; }
    const g = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    g.addOIDCScope('openid offline_access email profile');
    await g.save();
    return g;
  },
};

const provider = new Provider(ISSUER, configuration);
provider.on('server_error', (ctx, err) => { console.error('server_error', err); });
if (process.env.DEBUG_ERRORS) for (const e of ['grant.error', 'authorization.error', 'introspection.error', 'userinfo.error']) provider.on(e, (ctx, err) => console.error(e, err.message, err.error_description, err.error_detail));
const cb = provider.callback();
let n = 0;
const server = http.createServer(async (req, res) => {
  if (req.url.startsWith('/interaction/')) {
    try {
      await provider.interactionDetails(req, res);
      await provider.interactionFinished(req, res, { login: { accountId: `user${n++ % 10000}`, amr: ['hwk'] } }, { mergeWithLastSubmission: false });
    } catch (e) { console.error(e); res.statusCode = 500; res.end(String(e)); }
    return;
  }
  cb(req, res);
});
server.keepAliveTimeout = 60000;
server.listen(PORT, '127.0.0.1', () => console.log(`listening ${ISSUER} adapter=${ADAPTER} node=${process.version} NODE_ENV=${process.env.NODE_ENV}`));
