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
scope-patient-names = Votre nom de naissance et vos prénoms
scope-patient-used-name = Votre nom d’usage
scope-patient-birth-place = Votre commune et votre pays de naissance
scope-ins = Votre matricule INS, identité nationale de santé
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
