// npm packages for the suites outside this folder: Node looks for them beside the importing file only.
export * as jose from "jose";
export * as oidc from "openid-client";
export { Provider, errors, interactionPolicy } from "oidc-provider";
