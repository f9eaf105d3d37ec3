// Pages of the twin, in French like FranceConnect's: choice of an identity, consent, error, logout.

export function identityPage({ uid, prefix, serviceName, identities, level, levels, hint }) {
  const options = identities.map(({ id, given_name, family_name, birthdate }) =>
    `<option value="${escape(id)}">${escape(`${given_name} ${family_name}, ${birthdate}`)}</option>`);
  const higher = levels.slice(levels.indexOf(level)).map((name) => `<option>${escape(name)}</option>`);
  return page("Choisir une identité de test", `
    <p>${escape(serviceName)} vous demande de vous identifier (niveau ${escape(level)}).</p>
    ${hint ? `<p>Fournisseur d'identité demandé : ${escape(hint)}</p>` : ""}
    <form id="identite" method="post" action="${prefix}/interaction/${uid}/login">
      <label>Identité <select name="identity">${options.join("")}</select></label>
      <label>Niveau <select name="acr">${higher.join("")}</select></label>
      <button>Se connecter</button>
    </form>
    ${giveUp(prefix, uid)}`);
}

export function consentPage({ uid, prefix, serviceName, identity, claims }) {
  const lines = claims.map((name) => `<li>${escape(name)}</li>`);
  return page("Continuer vers le service", `
    <p>Vous êtes connecté en tant que ${escape(`${identity.given_name} ${identity.family_name}`)}.</p>
    <p>Données transmises à ${escape(serviceName)} :</p>
    <ul>${lines.join("")}</ul>
    <form id="consentement" method="post" action="${prefix}/interaction/${uid}/consent">
      <button>Continuer sur ${escape(serviceName)}</button>
    </form>
    ${giveUp(prefix, uid)}`);
}

export function errorPage(code, message) {
  return page("Une erreur est survenue", `
    <p>Une erreur est survenue lors de la connexion.</p>
    <p>Code d'erreur : <strong id="error-code">${escape(code)}</strong></p>
    <p id="error-message">${escape(message)}</p>`);
}

/// The answer of a proxy or of a maintenance page where JSON or a JWT was asked for.
export function garbagePage() {
  return page("Service indisponible", "<p>Le service est momentanément indisponible. {\"id_token\": null}</p>");
}

/// `form` is oidc-provider's own; without JavaScript the button does the same.
export function logoutPage(form) {
  const fields = '<input type="hidden" name="logout" value="yes"><button>Se déconnecter</button></form>';
  return page("Déconnexion", `
    ${form.replace("</form>", fields)}
    <script>document.getElementById("op.logoutForm").submit()</script>`);
}

export function loggedOutPage() {
  return page("Déconnexion", "<p>Vous êtes déconnecté.</p>");
}

function giveUp(prefix, uid) {
  return `<form id="abandon" method="post" action="${prefix}/interaction/${uid}/abort">
      <button>Abandonner</button>
    </form>`;
}

function page(title, body) {
  return `<!doctype html>
<html lang="fr">
<head><meta charset="utf-8"><title>${escape(title)} - FranceConnect (simulé)</title></head>
<body>
  <h1>${escape(title)}</h1>${body}
</body>
</html>
`;
}

function escape(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (character) => names[character]);
}
