# Textes des pages, en français. Chaque identifiant existe aussi dans ../en/pages.ftl.

brand-line = Identification des professionnels et des patients
skip = Aller au contenu
other-language = English
footer-line = Une page sceau ne demande jamais de mot de passe.
cancel = Annuler
back-to-service = Annuler et revenir au service

identify-heading = Qui êtes-vous ?
identify-service = Connexion à { $service }
identify-label = Identifiant national
identify-hint = 12 chiffres : un 8, suivi des 11 chiffres de votre numéro RPPS.
identify-submit = Continuer sur mon téléphone
identify-next = À l’étape suivante, un nombre s’affichera ici : vous le taperez dans l’application sceau de votre téléphone.
notice-eleven-digits = Vous avez saisi 11 chiffres : ajoutez un 8 devant votre numéro RPPS pour en avoir 12.
notice-malformed = Cet identifiant n’a pas la bonne forme. Il a 12 chiffres et commence par un 8.
notice-expired = Le délai est passé sans confirmation sur le téléphone. Saisissez votre identifiant pour recommencer.
notice-too-many = Trop de demandes viennent d’être faites. Patientez une minute, puis recommencez.

number-heading = Confirmez sur votre téléphone
number-service = Connexion à { $service }
number-label = Votre nombre
number-step-open = Ouvrez l’application sceau sur votre téléphone.
number-step-check = Vérifiez que la demande vient bien de { $service }.
number-step-type = Tapez-y le nombre affiché sur cette page.
number-step-confirm = Confirmez avec votre empreinte, votre visage ou votre code.
number-step-confirm-only = Confirmez la demande avec votre empreinte, votre visage ou votre code.
number-warning-title = Ce nombre reste entre cet écran et vous.
number-warning = Ne le donnez à personne, ni au téléphone, ni par message. Ni le support ni votre établissement ne vous le demandera.
approval-warning-title = Vous n’avez rien demandé ?
approval-warning = Refusez sur le téléphone. Ni le support ni votre établissement ne vous demandera d’accepter.
number-waiting = En attente de votre téléphone…
number-done = Confirmé. Retour au service…
number-offline = La connexion est interrompue. Nouvel essai…
number-nearly = Plus que 20 secondes.
number-left = Temps restant
number-refresh = Cette page se met à jour toutes les 3 secondes.
number-continue = J’ai confirmé sur mon téléphone

consent-heading = Partager ces informations ?
consent-service = { $service } demande à connaître :
consent-identity = Vous êtes
consent-lifetime = Votre accord est retenu pour ce service jusqu’à ce que vous le retiriez. Une demande plus large vous sera présentée de nouveau.
consent-allow = Autoriser
consent-deny = Refuser

scope-openid = Un identifiant propre à ce service
scope-profile = Vos nom et prénom, et votre identifiant national
scope-scope_all = Votre identité professionnelle : nom, prénom, numéro RPPS, professions et exercices
scope-email = Votre adresse électronique
scope-phone = Votre numéro de téléphone
scope-address = Votre adresse postale
scope-offline_access = L’accès à ces informations quand vous n’êtes pas là
scope-rpps = Votre identifiant national (RPPS)
scope-identity = Votre identifiant national (RPPS)
scope-identite_pivot = Votre identité pivot : nom, prénoms, sexe, date et lieu de naissance
scope-given_name = Vos prénoms
scope-family_name = Votre nom de naissance
scope-preferred_username = Votre identifiant national
scope-gender = Votre sexe
scope-birth = Votre date et votre lieu de naissance
scope-birthdate = Votre date de naissance
scope-birthplace = Votre commune de naissance
scope-birthcountry = Votre pays de naissance

error-invalid-request = Cette demande n’est pas valable
error-invalid-request-text = Le service vous a envoyé ici avec une demande que nous ne pouvons pas suivre. Retournez sur le service et recommencez.
error-expired = Cette demande a expiré
error-expired-text = Pour votre sécurité, une demande ne vit que quelques minutes. Retournez sur le service et recommencez.
error-other-browser = Cette demande appartient à un autre navigateur
error-other-browser-text = Terminez dans le navigateur où vous avez commencé. Si quelqu’un vous a envoyé ce lien, fermez cette page : on cherche peut-être à se connecter à votre place.
error-unavailable = Service momentanément indisponible
error-unavailable-text = Nous n’avons pas pu traiter votre demande. Réessayez dans quelques instants.
error-again = Réessayer
error-not-found = Cette page n’existe pas
error-not-found-text = L’adresse est incomplète, ou la demande est terminée. Retournez sur le service et recommencez.
error-reference = Référence à donner au support

form-post-heading = Retour au service
form-post-text = Vous êtes identifié. Le service s’ouvre…
form-post-submit = Continuer vers le service

logout-heading = Voulez-vous vous déconnecter ?
logout-service = { $service } demande votre déconnexion.
logout-text = Votre session sceau prendra fin dans tous les services où vous l’utilisez. Si vous n’avez rien demandé, restez connecté.
logout-confirm = Me déconnecter
logout-stay = Rester connecté
logged-out-heading = Vous êtes déconnecté
logged-out-text = Votre session sceau est terminée. Sur un ordinateur partagé, fermez aussi le navigateur.
logged-in-heading = Vous restez connecté
logged-in-text = Rien n’a changé. Vous pouvez fermer cette page.

identify-qr = J’utilise mon téléphone (QR)
identify-qr-hint = Sans identifiant : vous lisez un code avec l’application sceau.

qr-heading = Lisez ce code avec votre téléphone
qr-step-open = Ouvrez l’application sceau sur votre téléphone.
qr-step-read = Choisissez « Lire un code » et visez ce code.
qr-step-number = Un nombre s’affichera ensuite ici : tapez-le dans l’application.
qr-image = Code QR qui contient l’adresse écrite au-dessous
qr-address = Si votre téléphone ne peut pas lire le code, saisissez cette adresse dans l’application :
qr-waiting = En attente de votre téléphone…
qr-done = Téléphone trouvé. Le nombre arrive…
qr-continue = J’ai lu le code
qr-warning-title = Ce code ne sert qu’ici.
qr-warning = Ne lisez jamais un code sceau reçu par message ou montré par un inconnu : il ouvrirait la session de quelqu’un d’autre à votre nom.

app-heading = Ouvrez l’application sceau
app-text = Ce code se lit dans l’application sceau de votre téléphone, avec « Lire un code ». Cette page ne fait rien d’autre.
app-warning = Quelqu’un vous a envoyé ce lien ? Fermez cette page : on cherche peut-être à se connecter en votre nom.

account-heading = Votre compte
account-name = Vous êtes connecté en tant que { $name }
account-phones = Vos téléphones
account-no-phone = Aucun téléphone n’est enrôlé.
account-phone-current = utilisé pour cette connexion
account-phone-until = valable jusqu’au { $day }
account-phone-serial = n° { $serial }
account-revoke = Retirer ce téléphone
account-revoked = Le téléphone est retiré. Les sessions qu’il avait ouvertes sont fermées.
account-add = Ajouter un téléphone
account-sign-out = Me déconnecter
account-back = Revenir à mon compte

phone-heading = Ajouter un téléphone
phone-step-app = Ouvrez l’application sceau sur le nouveau téléphone.
phone-step-read = Choisissez « Activer avec un code » et visez ce code.
phone-step-done = Quand le téléphone dit qu’il est activé, revenez ici.
phone-image = Code QR qui contient le ticket écrit au-dessous
phone-ticket = Ticket, si le téléphone ne peut pas lire le code :
phone-life = Ce ticket sert une fois et vaut 90 secondes. La page le renouvelle.
phone-done = C’est fait, continuer
phone-warning-title = Ce code ajoute un téléphone à votre compte.
phone-warning = Ne le montrez à personne. Ni le support ni votre établissement ne vous le demandera.
phone-enrolled = Le téléphone « { $name } » est activé.
phone-too-low = Votre connexion n’est pas assez sûre pour ajouter un téléphone. Connectez-vous avec FranceConnect+, ou avec un téléphone déjà activé.
phone-too-old = Pour ajouter un téléphone, connectez-vous de nouveau : votre connexion doit dater de moins de vingt minutes et avoir été faite pour votre compte.
phone-too-many = Trop de tickets viennent d’être demandés. Patientez quelques minutes.
phone-sign-in = Me connecter de nouveau
