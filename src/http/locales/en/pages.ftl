# Texts of the pages, in English. Every identifier also exists in ../fr/pages.ftl.

brand-line = Identification of professionals and patients
skip = Skip to content
other-language = Français
footer-line = A sceau page never asks for a password.
cancel = Cancel
back-to-service = Cancel and go back to the service

identify-heading = Who are you?
identify-service = Signing in to { $service }
identify-label = National identifier
identify-hint = 12 digits: an 8, followed by the 11 digits of your RPPS number.
identify-submit = Continue on my phone
identify-next = Next, a number appears here: you will type it in the sceau app on your phone.
notice-eleven-digits = You typed 11 digits: put an 8 before your RPPS number to make it 12.
notice-malformed = This identifier does not have the right form. It has 12 digits and starts with an 8.
notice-expired = Time ran out without a confirmation on the phone. Type your identifier to start again.
notice-too-many = Too many requests were just made. Wait a minute, then start again.

number-heading = Confirm on your phone
number-service = Signing in to { $service }
number-label = Your number
number-step-open = Open the sceau app on your phone.
number-step-check = Check that the request comes from { $service }.
number-step-type = Type the number shown on this page there.
number-step-confirm = Confirm with your fingerprint, your face or your code.
number-step-confirm-only = Confirm the request with your fingerprint, your face or your code.
number-warning-title = This number stays between this screen and you.
number-warning = Give it to nobody, neither on the phone nor in a message. Neither support nor your employer will ask for it.
approval-warning-title = You did not ask for anything?
approval-warning = Refuse on the phone. Neither support nor your employer will ask you to accept.
number-waiting = Waiting for your phone…
number-done = Confirmed. Going back to the service…
number-offline = The connection was interrupted. Trying again…
number-nearly = 20 seconds left.
number-left = Time left
number-refresh = This page updates every 3 seconds.
number-continue = I have confirmed on my phone

consent-heading = Share this information?
consent-service = { $service } asks to know:
consent-identity = You are
consent-lifetime = Your consent is kept for this service until you withdraw it. A wider request will be shown to you again.
consent-allow = Allow
consent-deny = Refuse

scope-openid = An identifier used with this service only
scope-profile = Your names and your national identifier
scope-scope_all = Your professional identity: names, RPPS number, professions and practices
scope-email = Your e-mail address
scope-phone = Your phone number
scope-address = Your postal address
scope-offline_access = Access to this information while you are away
scope-rpps = Your national identifier (RPPS)
scope-identity = Your national identifier (RPPS)
scope-identite_pivot = Your core identity: names, sex, date and place of birth
scope-given_name = Your first names
scope-family_name = Your name at birth
scope-preferred_username = Your national identifier
scope-gender = Your sex
scope-birth = Your date and place of birth
scope-birthdate = Your date of birth
scope-birthplace = Your town of birth
scope-birthcountry = Your country of birth

error-invalid-request = This request is not valid
error-invalid-request-text = The service sent you here with a request we cannot follow. Go back to the service and start again.
error-expired = This request has expired
error-expired-text = For your safety, a request lives only a few minutes. Go back to the service and start again.
error-other-browser = This request belongs to another browser
error-other-browser-text = Finish in the browser where you started. If someone sent you this link, close this page: they may be trying to sign in as you.
error-unavailable = Temporarily unavailable
error-unavailable-text = We could not handle your request. Try again in a moment.
error-again = Try again
error-not-found = This page does not exist
error-not-found-text = The address is incomplete, or the request is over. Go back to the service and start again.
error-reference = Reference to give to support

form-post-heading = Back to the service
form-post-text = You are identified. The service is opening…
form-post-submit = Continue to the service

logout-heading = Do you want to sign out?
logout-service = { $service } asks to sign you out.
logout-text = Your sceau session will end in every service where you use it. If you did not ask for this, stay signed in.
logout-confirm = Sign out
logout-stay = Stay signed in
logged-out-heading = You are signed out
logged-out-text = Your sceau session has ended. On a shared computer, close the browser too.
logged-in-heading = You are still signed in
logged-in-text = Nothing has changed. You can close this page.

identify-qr = Use my phone (QR)
identify-qr-hint = No identifier: you read a code with the sceau app.

qr-heading = Read this code with your phone
qr-step-open = Open the sceau app on your phone.
qr-step-read = Choose “Read a code” and point it at this code.
qr-step-number = A number will then appear here: type it in the app.
qr-image = QR code that holds the address written below
qr-address = If your phone cannot read the code, type this address in the app:
qr-waiting = Waiting for your phone…
qr-done = Phone found. The number is coming…
qr-continue = I have read the code
qr-warning-title = This code is for this screen only.
qr-warning = Never read a sceau code that came in a message or that a stranger shows you: it would open somebody else’s session in your name.

app-heading = Open the sceau app
app-text = This code is read in the sceau app of your phone, with “Read a code”. This page does nothing else.
app-warning = Did someone send you this link? Close this page: they may be trying to sign in as you.

account-heading = Your account
account-name = You are signed in as { $name }
account-phones = Your phones
account-no-phone = No phone is enrolled.
account-phone-current = used for this sign-in
account-phone-until = valid until { $day }
account-phone-serial = no. { $serial }
account-revoke = Remove this phone
account-revoked = The phone is removed. The sessions it had opened are closed.
account-add = Add a phone
account-sign-out = Sign out
account-back = Back to my account

phone-heading = Add a phone
phone-step-app = Open the sceau app on the new phone.
phone-step-read = Choose “Activate with a code” and point it at this code.
phone-step-done = When the phone says that it is activated, come back here.
phone-image = QR code that holds the ticket written below
phone-ticket = Ticket, if the phone cannot read the code:
phone-life = This ticket works once and lasts 90 seconds. The page renews it.
phone-done = Done, continue
phone-warning-title = This code adds a phone to your account.
phone-warning = Show it to nobody. Neither support nor your employer will ask for it.
phone-enrolled = The phone “{ $name }” is activated.
phone-too-low = Your sign-in is not strong enough to add a phone. Sign in with FranceConnect+, or with a phone that is already activated.
phone-too-old = To add a phone, sign in again: your sign-in must be less than twenty minutes old and made for your account.
phone-too-many = Too many tickets were just asked for. Wait a few minutes.
phone-sign-in = Sign in again
