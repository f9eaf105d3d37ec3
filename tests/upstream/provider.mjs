// oidc-provider with the published settings of FranceConnect (`france-connect/sources`, `back/libs/oidc-provider` and
// `back/instances/core-fcp-low`, `core-fcp-high`): names, lifetimes, levels, algorithms, refusals.
import { createHash, randomBytes } from "node:crypto";
import { Provider, errors, interactionPolicy } from "../interop/_packages.mjs";
import { errorPage, loggedOutPage, logoutPage } from "./pages.mjs";

export const PREFIX = "/api/v2";
export const IDENTITY_PROVIDERS = ["fournisseur-de-test", "autre-fournisseur"];
const IN_FRANCE = "99100";
const PIVOT = ["given_name", "given_name_array", "family_name", "birthdate", "gender", "birthplace", "birthcountry"];
const PROFILE = ["given_name", "given_name_array", "family_name", "birthdate", "gender", "preferred_username"];
const SINGLE = [...new Set([...PIVOT, ...PROFILE]), "email", "idp_id", "idp_birthdate"];
const RNIPP = PIVOT.map((name) => `rnipp_${name}`);
const KEY_WRAPPING = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES"];
const LEVELS_IN_ORDER = ["eidas1", "eidas2", "eidas3"];

/// What differs between FranceConnect ("low") and FranceConnect+ ("plus").
export const FLAVOURS = {
  low: {
    levels: ["eidas1"], signing: ["ES256", "RS256"], encryption: false, session: 1800, interaction: 1800, rnipp: false,
  },
  plus: {
    levels: ["eidas2", "eidas3"], signing: ["ES256"], encryption: true, session: 600, interaction: 600, rnipp: true,
  },
};

export function newProvider({ issuer, flavour, keys, memory, identities, secret }) {
  const settings = FLAVOURS[flavour];
  const subject = (identity, clientId) => subjectOf(identities.get(identity), clientId, secret);
  const provider = new Provider(issuer, {
    adapter: memory.adapter(),
    jwks: keys.jwks(),
    routes: {
      authorization: "/authorize", token: "/token", userinfo: "/userinfo", jwks: "/jwks", end_session: "/session/end",
      revocation: "/token/revocation", introspection: "/token/introspection",
    },
    responseTypes: ["code"],
    acrValues: settings.levels,
    subjectTypes: ["pairwise"],
    pairwiseIdentifier: (_context, account, client) => subject(account, client.clientId),
    clientAuthMethods: ["client_secret_post", "private_key_jwt"],
    clientDefaults: { grant_types: ["authorization_code"], response_types: ["code"] },
    extraClientMetadata: { properties: ["amr_allowed"] },
    extraParams: { idp_hint: knownIdentityProvider },
    pkce: { required: () => false },
    scopes: ["openid"],
    claims: claimsByScope(settings),
    conformIdTokenClaims: true,
    enabledJWA: algorithms(settings),
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      claimsParameter: { enabled: true, assertClaimsParameter: amrIsAllowed },
      requestObjects: { enabled: true },
      jwtUserinfo: { enabled: true },
      encryption: { enabled: settings.encryption },
      revocation: { enabled: true },
      introspection: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => { context.body = logoutPage(form); },
        postLogoutSuccessSource: (context) => { context.body = loggedOutPage(); },
      },
    },
    ttl: {
      AccessToken: 60, AuthorizationCode: 30, Grant: 60, IdToken: 60, Interaction: settings.interaction,
      Session: (_context, session) => sessionSeconds(flavour, settings, session),
    },
    cookies: { names: { session: "fc_session_id" }, keys: [randomBytes(32).toString("hex")] },
    interactions: { url: (_context, { uid }) => `${PREFIX}/interaction/${uid}`, policy: policy(flavour, settings) },
    // Consent is asked for each time: no grant outlives its authorization request.
    loadExistingGrant: (context) => {
      const id = context.oidc.result?.consent?.grantId;
      return id ? context.oidc.provider.Grant.find(id) : undefined;
    },
    findAccount: (_context, id) => identities.has(id) && {
      accountId: id,
      claims: (use) => ({ sub: id, ...(use === "userinfo" ? claimsOf(identities.get(id), settings) : {}) }),
    },
    renderError: (context, out, error) => {
      context.type = "html";
      context.body = errorPage(errorCode(error, out), out.error_description ?? out.error);
    },
    // The services of tests are on the loopback, which oidc-provider's own fetch refuses.
    fetch: (url, { dispatcher: _dispatcher, ...options }) => fetch(url, options),
  });
  return { provider, subject };
}

/// Metadata of a client as FranceConnect registers it. Those of `plus` are encrypted to unless they say otherwise.
export function clientMetadata(flavour, given) {
  const { encryption } = FLAVOURS[flavour];
  const signing = given.id_token_signed_response_alg ?? "ES256";
  const wrapping = given.id_token_encrypted_response_alg ?? "ECDH-ES";
  const metadata = {
    token_endpoint_auth_method: "client_secret_post",
    ...(given.token_endpoint_auth_method === "private_key_jwt" ? { token_endpoint_auth_signing_alg: "ES256" } : {}),
    subject_type: "pairwise",
    id_token_signed_response_alg: signing,
    userinfo_signed_response_alg: signing,
    ...(encryption ? {
      id_token_encrypted_response_alg: wrapping, id_token_encrypted_response_enc: "A256GCM",
      userinfo_encrypted_response_alg: wrapping, userinfo_encrypted_response_enc: "A256GCM",
    } : {}),
    ...given,
  };
  const asked = Object.keys(given).find((name) => name.includes("_encrypted_response_"));
  if (asked && !encryption) throw new Error(`${given.client_id}: ${asked}, but FranceConnect (low) does not encrypt`);
  const hasKeys = metadata.jwks || metadata.jwks_uri;
  if (encryption && !hasKeys) throw new Error(`${given.client_id}: jwks or jwks_uri is needed`);
  return metadata;
}

/// Hex SHA-256 and "v1", of service, civil status and a secret: it changes when the civil status does.
export function subjectOf(identity, clientId, secret) {
  const { given_name, family_name, birthdate, gender, birthplace, birthcountry } = identity;
  const place = birthcountry === IN_FRANCE ? birthplace : "";
  const status = hex([given_name, family_name, birthdate, gender, place, birthcountry].join(""));
  return `${hex(`${clientId}${status}${secret}`)}v1`;
}

const hex = (text) => createHash("sha256").update(text).digest("hex");

// --- claims ------------------------------------------------------------------------------------------------------

function claimsByScope({ rnipp }) {
  const single = rnipp ? [...SINGLE, ...RNIPP] : SINGLE;
  return {
    openid: ["sub", "acr", "auth_time"],
    amr: null,
    profile: PROFILE,
    birth: ["birthplace", "birthcountry"],
    identite_pivot: PIVOT,
    ...Object.fromEntries(single.map((name) => [name, [name]])),
  };
}

function claimsOf(identity, { rnipp }) {
  const { id: _id, ...claims } = identity;
  const registry = rnipp ? Object.fromEntries(PIVOT.map((name) => [`rnipp_${name}`, identity[name]])) : {};
  return { ...claims, ...registry, idp_id: IDENTITY_PROVIDERS[0], idp_birthdate: identity.birthdate };
}

function algorithms({ signing, encryption }) {
  const signatures = { idTokenSigningAlgValues: signing, userinfoSigningAlgValues: signing };
  const others = { clientAuthSigningAlgValues: ["ES256"], requestObjectSigningAlgValues: ["ES256"] };
  if (!encryption) return { ...signatures, ...others };
  return {
    ...signatures, ...others,
    idTokenEncryptionAlgValues: KEY_WRAPPING, idTokenEncryptionEncValues: ["A256GCM"],
    userinfoEncryptionAlgValues: KEY_WRAPPING, userinfoEncryptionEncValues: ["A256GCM"],
  };
}

// --- what is asked of the person ---------------------------------------------------------------------------------

/// The lowest known level is the floor.
export function requestedLevel(settings, acrValues) {
  const asked = acrValues.split(" ").filter((value) => settings.levels.includes(value));
  return LEVELS_IN_ORDER.find((level) => asked.includes(level));
}

function policy(flavour, settings) {
  const prompts = interactionPolicy.base();
  const { Check } = interactionPolicy;
  const login = prompts.get("login");
  login.checks.add(new Check("level_is_served", "acr_values", ({ oidc }) => {
    const scopes = oidc.params.scope.split(" ");
    if (!scopes.includes("openid")) throw new errors.InvalidRequest("openid scope must be requested");
    if (requestedLevel(settings, oidc.params.acr_values)) return Check.NO_NEED_TO_PROMPT;
    const expected = settings.levels.join(",");
    const said = `expected ${expected}, got ${oidc.params.acr_values}`;
    throw new errors.CustomOIDCProviderError("invalid_acr",
      `acr_value is not valid, should be equal one of these values, ${said}`);
  }, () => {}), 0);
  login.checks.add(new Check("level_is_reached", "authentication at the level asked for", ({ oidc }) => {
    if (oidc.result?.login) return Check.NO_NEED_TO_PROMPT;
    const asked = requestedLevel(settings, oidc.params.acr_values);
    // eidas3 always authenticates anew.
    const enough = LEVELS_IN_ORDER.indexOf(oidc.session.acr) >= LEVELS_IN_ORDER.indexOf(asked) && asked !== "eidas3";
    return enough ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
  }));
  return prompts;
}

/// Low: sliding. Plus: fixed from the login.
function sessionSeconds(flavour, { session: seconds }, session) {
  if (flavour === "low" || !session.loginTs) return seconds;
  return Math.max(1, session.loginTs + seconds - Math.floor(Date.now() / 1000));
}

function knownIdentityProvider(_context, hint) {
  if (hint === undefined || IDENTITY_PROVIDERS.includes(hint)) return;
  throw new errors.CustomOIDCProviderError("invalid_idp_hint", "An idp_hint was provided but is not allowed");
}

function amrIsAllowed(_context, claims, client) {
  if (claims.id_token?.amr === undefined || client.amr_allowed) return;
  const refusal = new errors.InvalidRequest("amr is not allowed for this service");
  refusal.allow_redirect = false;
  refusal.code = "Y100009";
  throw refusal;
}

function errorCode(error, out) {
  if (error.code) return error.code;
  if (error instanceof errors.InvalidClient) return "Y04EA6EF";
  if (error instanceof errors.InvalidRedirectUri) return "Y04C013C";
  if (error instanceof errors.SessionNotFound) return "Y190001";
  return out.error === "server_error" ? "Y000000" : "Y030007";
}
