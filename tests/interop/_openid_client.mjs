// The one place from which suites outside this folder reach the package.
export * from "openid-client";
